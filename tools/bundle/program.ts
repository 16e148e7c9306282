import { isAbsolute, join, relative } from 'node:path';
import { rolldown } from 'rolldown';

/** The root of the repository. */
export const root = join(import.meta.dirname, '../..');

/** A program of this repository that is delivered as one file. */
export interface Program {
  /** File name in the bundle. */
  readonly file: string;
  /** Its first module, from the root. */
  readonly entry: string;
  /** Put before the code, such as the line that names the interpreter. */
  readonly firstLine?: string;
}

/** A program in one file. */
export interface BundledProgram {
  readonly file: string;
  readonly code: string;
  /** Files whose code is in it, from the root. */
  readonly modules: readonly string[];
}

/** Modules that start a file of their own: how they name it, and its name beside the operator's. */
const startedFiles: Readonly<Record<string, { readonly source: string; readonly bundled: string }>> = {
  '/rados/connection.ts': { source: './rados-process.ts', bundled: './rados-process.js' },
  '/webhook-server.ts': { source: './webhook-thread.ts', bundled: './webhook-thread.js' },
};

/** How the source names a file that it starts. */
const startedSource = /new URL\(\s*["'][\w./-]+\.ts["'],\s*import\.meta\.url\s*\)/;

/**
 * What is left to be found when the program runs: ssh2's native parts, which are never built and without which it works, and koffi's
 * native part, which lies in node_modules beside the bundle.
 */
const external = [/^cpu-features$/, /\.node$/, /^@koromix\//];

/**
 * Bundles a program with all it imports. Names and lines stay as they are: a stack trace of an administrator is to be read.
 * @throws Error when something can't be resolved, or the bundler warns
 */
export async function bundleProgram({ file, entry, firstLine }: Program): Promise<BundledProgram> {
  const complaints: string[] = [];
  const build = await rolldown({
    cwd: root,
    input: join(root, entry),
    platform: 'node',
    external,
    // Where node_modules is a link, its packages are still known by their place in the lockfile.
    resolve: { symlinks: false },
    // Modules of CommonJS ask for it; one that is ESM has it by another name.
    transform: { define: { __dirname: 'import.meta.dirname', __filename: 'import.meta.filename' } },
    onLog: (level, { code, message }) => {
      // Some packages use eval on purpose: to hide a require from bundlers.
      if (level === 'warn' && code !== 'EVAL') complaints.push(`${code}: ${message}`);
    },
    plugins: [
      {
        name: 'file names of what is started',
        transform(code, id) {
          const started = Object.entries(startedFiles).find(([name]) => id.endsWith(name))?.[1];
          if (started === undefined) return null;
          const { source, bundled } = started;
          if (code.split(source).length !== 2) {
            throw new Error(`${id} does not name ${source} once: tools/bundle/program.ts must learn how it starts it`);
          }
          return { code: code.replace(source, bundled), moduleType: 'ts' };
        },
      },
    ],
  });
  try {
    const { output } = await build.generate({
      format: 'esm',
      codeSplitting: false,
      ...(firstLine === undefined ? {} : { banner: firstLine }),
    });
    const [chunk, ...others] = output;
    if (others.length > 0) complaints.push(`more than one file: ${others.map(({ fileName }) => fileName).join(', ')}`);
    const source = startedSource.exec(chunk.code)?.[0];
    if (source !== undefined) complaints.push(`${source} starts a file of the source, which is not in the bundle`);
    if (complaints.length > 0) throw new Error(`${entry} can not be bundled as it should:\n${complaints.join('\n')}`);
    return { file, code: chunk.code, modules: sourcesOf(chunk.modules) };
  } finally {
    await build.close();
  }
}

/** Files that code was taken from; what is made by the bundler has no path. */
function sourcesOf(modules: Readonly<Record<string, { readonly renderedLength: number }>>): readonly string[] {
  return Object.entries(modules)
    .filter(([id, { renderedLength }]) => isAbsolute(id) && renderedLength > 0)
    .map(([id]) => relative(root, id).replace(/\?.*$/, ''))
    .sort();
}
