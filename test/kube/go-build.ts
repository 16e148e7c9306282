import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Log, withProgress } from './progress.ts';
import { declaredVersions, toolsDirectory } from './versions.ts';

/** The programs that a control plane consists of, and kubectl. */
export const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'] as const;

/** One of {@link programs}. */
export type Program = (typeof programs)[number];

/**
 * Builds programs from the Go modules under `tools/`, whose go.sum pins every source.
 *
 * @param directory a folder of the caller's; the programs are put into it
 * @throws when there is no Go, or with the last lines that the Go command printed
 */
export async function buildPrograms(wanted: readonly Program[], directory: string, log: Log): Promise<void> {
  const versions = declaredVersions();
  const [, major, minor] = versions.kubernetes.match(/^v(\d+)\.(\d+)/) ?? [];
  // Without the version stamped in, the API server calls itself v0.0.0 and clients refuse it.
  const stamp = Object.entries({ gitVersion: versions.kubernetes, gitMajor: major, gitMinor: minor })
    .map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`)
    .join(' ');
  const kubernetes = wanted.filter((program) => program !== 'etcd');
  if (kubernetes.length > 0) {
    const title = `building ${kubernetes.join(', ')} ${versions.kubernetes} with Go (once; about 5 minutes on two cores)`;
    await goBuild({
      title,
      module: join(toolsDirectory, 'kubernetes'),
      ldflags: `-s -w ${stamp}`,
      output: `${directory}/`,
      packages: kubernetes.map((program) => `k8s.io/kubernetes/cmd/${program}`),
      log,
    });
  }
  if (wanted.includes('etcd')) {
    const title = `building etcd ${versions.etcd} with Go (once; under a minute on two cores)`;
    await goBuild({
      title,
      module: join(toolsDirectory, 'etcd'),
      output: join(directory, 'etcd'),
      packages: ['go.etcd.io/etcd/server/v3'],
      log,
    });
  }
}

/** What {@link goBuild} makes. */
interface GoBuild {
  readonly title: string;
  /** Folder of a Go module whose go.sum pins every source. */
  readonly module: string;
  readonly packages: readonly string[];
  /** The program, or with a slash at its end the folder of the programs. */
  readonly output: string;
  /** Build tags, separated by commas. */
  readonly tags?: string;
  readonly ldflags?: string;
  readonly log: Log;
}

/** @throws when there is no Go, or with the last lines that the Go command printed */
export async function goBuild({ title, module, packages, output, tags, ldflags, log }: GoBuild): Promise<void> {
  let compiled = 0;
  let current = '';
  const status = () => (current === '' ? 'starting' : `${compiled} packages compiled, ${current}`);
  await withProgress(log, title, status, async () => {
    const flags = ['-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', ldflags ?? '-s -w'];
    const tagged = tags === undefined ? [] : ['-tags', tags];
    const go = spawn('go', ['build', ...flags, ...tagged, '-o', output, ...packages], {
      cwd: module,
      // A workspace, build flags or a C compiler of the machine must not change what is built.
      env: { ...process.env, GOWORK: 'off', GOFLAGS: '', CGO_ENABLED: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // A build without the process that asked for it would go on for minutes and lead to nothing.
    const stopBuild = () => go.kill();
    process.once('exit', stopBuild);
    const lines: string[] = [];
    createInterface({ input: go.stderr }).on('line', (line) => {
      lines.push(line);
      current = line;
      compiled += line.startsWith('go: ') ? 0 : 1;
    });
    try {
      const [code] = await once(go, 'close');
      if (code !== 0) {
        throw new Error(`go build failed: ${lines.slice(-8).join(' | ')}`);
      }
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') {
        throw new Error('there is no Go on this machine', { cause: error });
      }
      throw error;
    } finally {
      process.off('exit', stopBuild);
    }
  });
}
