import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { withCacheLock } from './cache-lock.ts';
import { installEnvtestArchive, officialEnvtestIndex } from './envtest-archive.ts';
import { isExecutable } from './executable.ts';
import { buildPrograms, type Program, programs } from './go-build.ts';
import { installReleasedProgram, officialKubernetesReleases } from './kubernetes-release.ts';
import { goArch, goOs } from './platform.ts';
import type { Log } from './progress.ts';
import { declaredVersions, minorVersion } from './versions.ts';

/** Absolute paths of the programs of a control plane. */
export type Assets = Readonly<Record<Program, string>>;

/** Where programs come from; all of it can be set by the environment, see {@link assetSources}. */
export interface AssetSources {
  /** A folder that already has some or all of the programs (`KUBEBUILDER_ASSETS`). */
  readonly assetsDirectory: string | undefined;
  /** Folder above the cached versions (`SHARENET_CACHE`, else `$XDG_CACHE_HOME/sharenet`, else `~/.cache/sharenet`). */
  readonly cacheDirectory: string;
  /** URL of the envtest index (`SHARENET_ENVTEST_INDEX`). */
  readonly envtestIndex: string;
  /** URL above the released Kubernetes programs (`SHARENET_KUBERNETES_RELEASES`). */
  readonly kubernetesReleases: string;
}

/** Reads the sources of programs from environment variables; an empty variable counts as not set. */
export function assetSources(env: NodeJS.ProcessEnv = process.env): AssetSources {
  const cacheHome = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return {
    assetsDirectory: env.KUBEBUILDER_ASSETS || undefined,
    cacheDirectory: env.SHARENET_CACHE || join(cacheHome, 'sharenet'),
    envtestIndex: env.SHARENET_ENVTEST_INDEX || officialEnvtestIndex,
    kubernetesReleases: env.SHARENET_KUBERNETES_RELEASES || officialKubernetesReleases,
  };
}

const kubectlVersionSchema = z.object({ clientVersion: z.object({ gitVersion: z.string() }) });

/** The machine's own kubectl, when it runs and is within one minor version of the server, as Kubernetes supports it. */
async function systemKubectl(serverVersion: string): Promise<string | undefined> {
  const folders = (process.env.PATH ?? '').split(':').filter((folder) => folder !== '');
  for (const folder of folders) {
    const file = join(folder, 'kubectl');
    if (!(await isExecutable(file))) {
      continue;
    }
    try {
      const { stdout } = await promisify(execFile)(file, ['version', '--client', '--output=json'], { timeout: 10_000 });
      const client = minorVersion(kubectlVersionSchema.parse(JSON.parse(stdout)).clientVersion.gitVersion);
      const server = minorVersion(serverVersion);
      if (client !== undefined && server !== undefined && Math.abs(client - server) <= 1) {
        return file;
      }
    } catch {
      // It does not run or does not tell its version: not one to rely on.
    }
    // Only the kubectl that a shell would find counts; a later one in PATH would surprise.
    return undefined;
  }
  return undefined;
}

async function presentPrograms(directory: string): Promise<Map<Program, string>> {
  const found = new Map<Program, string>();
  for (const program of programs) {
    const file = join(directory, program);
    if (await isExecutable(file)) {
      found.set(program, file);
    }
  }
  return found;
}

/** The folder of the cache that holds the declared versions for this platform; other versions get other folders. */
export function versionedCacheDirectory(cacheDirectory: string): string {
  const { kubernetes, etcd } = declaredVersions();
  return join(cacheDirectory, `control-plane-${kubernetes}-etcd-${etcd}-${goOs}-${goArch}`);
}

/**
 * Finds the programs of a control plane, in this order: `KUBEBUILDER_ASSETS`, the local cache, the official envtest
 * archive (and, for kube-controller-manager, which it lacks, the official release), a Go build. Only what is missing
 * is fetched or built, once, into the cache.
 *
 * @param log gets progress and one line for each source that failed; silent when nothing has to be done
 * @throws when a program can be had from no source
 */
export async function findAssets(log: Log, sources: AssetSources = assetSources()): Promise<Assets> {
  const found = new Map<Program, string>();
  let serverVersion = declaredVersions().kubernetes;
  if (sources.assetsDirectory !== undefined) {
    for (const [program, file] of await presentPrograms(sources.assetsDirectory)) {
      found.set(program, file);
    }
    const server = found.get('kube-apiserver');
    if (server !== undefined) {
      const { stdout } = await promisify(execFile)(server, ['--version']);
      serverVersion = stdout.match(/v\d+\.\d+\.\d+/)?.[0] ?? serverVersion;
    }
  }
  if (!found.has('kubectl')) {
    const kubectl = await systemKubectl(serverVersion);
    if (kubectl !== undefined) {
      found.set('kubectl', kubectl);
    }
  }
  const missing = programs.filter((program) => !found.has(program));
  if (missing.length > 0) {
    for (const [program, file] of await ensureCached(missing, sources, log)) {
      found.set(program, file);
    }
  }
  return {
    etcd: required(found, 'etcd'),
    'kube-apiserver': required(found, 'kube-apiserver'),
    'kube-controller-manager': required(found, 'kube-controller-manager'),
    kubectl: required(found, 'kubectl'),
  };
}

function required(found: ReadonlyMap<Program, string>, program: Program): string {
  const file = found.get(program);
  if (file === undefined) {
    throw new Error(`${program}: not found`);
  }
  return file;
}

/** Returns those of the wanted programs that are in the cache afterwards: all of them, or it throws. */
async function ensureCached(
  wanted: readonly Program[],
  sources: AssetSources,
  log: Log,
): Promise<Map<Program, string>> {
  const cache = versionedCacheDirectory(sources.cacheDirectory);
  const missing = async () => {
    const present = await presentPrograms(cache);
    return wanted.filter((program) => !present.has(program));
  };
  if ((await missing()).length > 0) {
    await mkdir(cache, { recursive: true });
    await withCacheLock(cache, log, async () => {
      // Left by a process that was killed: the lock says that no one else is at work here.
      for (const name of await readdir(cache)) {
        if (name.startsWith(stagingPrefix)) {
          await rm(join(cache, name), { recursive: true });
        }
      }
      await fillFromSources(cache, missing, sources, log);
    });
  }
  const present = await presentPrograms(cache);
  return new Map([...present].filter(([program]) => wanted.includes(program)));
}

const stagingPrefix = '.staging-';

async function fillFromSources(
  cache: string,
  missing: () => Promise<readonly Program[]>,
  sources: AssetSources,
  log: Log,
): Promise<void> {
  const { kubernetes } = declaredVersions();
  const failures: string[] = [];
  /** Runs one source in a folder of its own, so that the cache only ever sees whole, checked programs. */
  const attempt = async (source: string, install: (directory: string) => Promise<void>) => {
    const staging = await mkdtemp(join(cache, stagingPrefix));
    try {
      await install(staging);
      const ready = await presentPrograms(staging);
      for (const program of await missing()) {
        const file = ready.get(program);
        if (file !== undefined) {
          await rename(file, join(cache, program));
        }
      }
    } catch (error) {
      const text = `${source}: ${error instanceof Error ? error.message : String(error)}`;
      failures.push(text);
      log(text);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  };

  let released = kubernetes;
  if ((await missing()).some((program) => program !== 'kube-controller-manager')) {
    await attempt('envtest archive', async (directory) => {
      released = await installEnvtestArchive(sources.envtestIndex, kubernetes, directory, log);
    });
  }
  if ((await missing()).includes('kube-controller-manager')) {
    await attempt('Kubernetes release', (directory) =>
      installReleasedProgram(sources.kubernetesReleases, released, 'kube-controller-manager', directory, log),
    );
  }
  const unbuilt = await missing();
  if (unbuilt.length > 0) {
    await attempt('Go build', (directory) => buildPrograms(unbuilt, directory, log));
  }
  const still = await missing();
  if (still.length > 0) {
    throw new Error(
      `no source has ${still.join(', ')}: ${failures.join('; ')}. Set KUBEBUILDER_ASSETS to a folder that has them, ` +
        'or install Go 1.26 or newer',
    );
  }
}
