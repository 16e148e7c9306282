import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findCycles } from './cycles.ts';
import { type Import, importsOf } from './imports.ts';
import { layerOf, type Place, testFile } from './layers.ts';

interface SourceImport extends Import {
  /** The imported path in src/; undefined for packages and for files elsewhere. */
  readonly target: string | undefined;
}

interface SourceFile {
  /** Relative to src/. */
  readonly path: string;
  readonly imports: readonly SourceImport[];
}

/**
 * Checks that dependencies within src/ point one way, as layers.ts says, and never round in a circle.
 *
 * @param directory src/, or a folder laid out like it
 * @returns one line for each import that is wrong
 */
export async function dependencyProblems(directory: string): Promise<readonly string[]> {
  const files = await readSources(directory);
  if (files.length === 0) return [`${directory}: there are no TypeScript files`];
  const imported = new Map(files.map((file) => [file.path, targetsOf(file)]));
  return [
    ...files.flatMap(layerProblems),
    ...circles('files', imported),
    ...circles('folders', folderGraph(files.filter(({ path }) => !testFile.test(path)))),
  ];
}

async function readSources(directory: string): Promise<readonly SourceFile[]> {
  const paths = (await readdir(directory, { recursive: true })).filter((path) => path.endsWith('.ts')).sort();
  const base = 'file:///src/';
  return Promise.all(
    paths.map(async (path) => {
      const imports = importsOf(path, await readFile(join(directory, path), 'utf8')).map((found) => {
        const url = found.specifier.startsWith('.') ? new URL(found.specifier, base + path).href : '';
        return { ...found, target: url.startsWith(base) ? url.slice(base.length) : undefined };
      });
      return { path, imports };
    }),
  );
}

function layerProblems({ path, imports }: SourceFile): readonly string[] {
  const place = layerOf(path);
  if (place === undefined) return [`src/${path}: belongs to no layer: name one in tools/checks/layers.ts`];
  return imports.flatMap((found) => {
    const problem = objection(place, testFile.test(path), found);
    return problem === undefined ? [] : [`src/${path}:${found.line}: imports ${found.specifier}: ${problem}`];
  });
}

/** What is wrong with an import, if anything. */
function objection(from: Place, isTest: boolean, { specifier, target }: SourceImport): string | undefined {
  const { layer, plugIn } = from;
  if (!specifier.startsWith('.')) {
    const allowed = isTest || layer.packages === undefined || layer.packages.includes(specifier);
    return allowed ? undefined : `${layer.name} may import ${layer.packages?.join(', ') || 'no package'} only`;
  }
  if (target === undefined) {
    return isTest || layer.outside?.includes(specifier) ? undefined : 'only a test may import from outside src/';
  }
  const to = layerOf(target);
  // A file of no layer is reported once, where it stands; one that is not there the compiler tells.
  if (to === undefined) return undefined;
  if (to.layer === layer) return plugIn === to.plugIn ? undefined : `${plugIn} may not depend on ${to.plugIn}`;
  if (isTest && to.layer.forTests) return undefined;
  return layer.uses.includes(to.layer.name) ? undefined : `${layer.name} may not depend on ${to.layer.name}`;
}

function targetsOf(
  { imports }: SourceFile,
  wanted: (found: SourceImport) => boolean = () => true,
): ReadonlySet<string> {
  return new Set(imports.filter(wanted).flatMap(({ target }) => target ?? []));
}

/**
 * Imports between the folders of one parent: `controllers/share/x.ts` that imports `../shareaccess/y.ts` is an edge from
 * `controllers/share` to `controllers/shareaccess`. A parent may import from its children and they from it.
 */
function folderGraph(files: readonly SourceFile[]): ReadonlyMap<string, ReadonlySet<string>> {
  const edges = new Map<string, Set<string>>();
  for (const file of files) {
    // The one file that others than the runtime may use is a layer of its own.
    for (const target of targetsOf(file, ({ target }) => target !== 'runtime/kube-object.ts')) {
      const [from, to] = [file.path.split('/'), target.split('/')];
      const fork = from.findIndex((name, index) => name !== to[index]);
      if (fork < 0 || fork >= from.length - 1 || fork >= to.length - 1) continue;
      const [source, sink] = [from, to].map((names) => names.slice(0, fork + 1).join('/'));
      if (source !== undefined && sink !== undefined) edges.set(source, (edges.get(source) ?? new Set()).add(sink));
    }
  }
  return edges;
}

function circles(what: string, edges: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  return findCycles(edges).map(
    (cycle) => `src/${cycle[0]}: ${what} import each other in a circle: ${cycle.join(' -> ')}`,
  );
}
