import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assetSources } from '../../test/kube/assets.ts';
import { withCacheLock } from '../../test/kube/cache-lock.ts';
import { isExecutable } from '../../test/kube/executable.ts';
import { goBuild } from '../../test/kube/go-build.ts';
import { goArch, goOs } from '../../test/kube/platform.ts';
import type { Log } from '../../test/kube/progress.ts';

/** Programs that check what is delivered: each has a Go module in the folder of its name here, which pins every source. */
const tools = {
  gitops: { package: 'sharenet/tools/go/gitops' },
  helm: { package: 'helm.sh/helm/v4/cmd/helm' },
  kustomize: { package: 'sigs.k8s.io/kustomize/kustomize/v5' },
  'kube-score': { package: 'github.com/zegl/kube-score/cmd/kube-score' },
  'kubectl-validate': { package: 'sigs.k8s.io/kubectl-validate' },
  // Without the clients of clouds to find targets in: nothing is scraped here.
  promtool: { package: 'github.com/prometheus/prometheus/cmd/promtool', tags: 'remove_all_sd' },
} as const satisfies Readonly<Record<string, { readonly package: string; readonly tags?: string }>>;

/** A program of this folder. */
export type GoTool = keyof typeof tools;

/** All of them. */
export const goToolNames = Object.keys(tools).filter((name): name is GoTool => name in tools);

/**
 * The program, built once into the cache beside the control plane's programs.
 *
 * @returns its absolute path
 * @throws when there is no Go, or with the last lines of the failed build
 */
export async function goTool(name: GoTool, log: Log): Promise<string> {
  const module = join(import.meta.dirname, name);
  const directory = join(
    assetSources().cacheDirectory,
    'go-tools',
    `${name}-${await moduleDigest(module)}-${goOs}-${goArch}`,
  );
  const program = join(directory, name);
  if (await isExecutable(program)) return program;
  await mkdir(directory, { recursive: true });
  await withCacheLock(directory, log, async () => {
    if (await isExecutable(program)) return;
    const staging = await mkdtemp(join(directory, '.staging-'));
    try {
      const { package: path, ...options } = tools[name];
      const title = `building ${name} with Go (once)`;
      const output = join(staging, name);
      await goBuild({ title, module, packages: [path], output, ...options, log });
      await rename(output, program);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
  return program;
}

/** Differs when a file in the folder of a module does, or what else is told. */
export async function moduleDigest(module: string, more = ''): Promise<string> {
  const hash = createHash('sha256').update(more);
  for (const file of (await readdir(module)).sort())
    hash.update(`${file}\0`).update(await readFile(join(module, file)));
  return hash.digest('hex').slice(0, 16);
}
