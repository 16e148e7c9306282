import { join } from 'node:path';
import { isExecutable } from '../../test/kube/executable.ts';
import { goBuild } from '../../test/kube/go-build.ts';
import { goArch, goOs } from '../../test/kube/platform.ts';
import type { Log } from '../../test/kube/progress.ts';
import { madeOnce, moduleDigest } from './made-once.ts';

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
  return await madeOnce(
    {
      directory: `${name}-${await moduleDigest(module)}-${goOs}-${goArch}`,
      name,
      isThere: isExecutable,
      make: async (output) => {
        const { package: path, ...options } = tools[name];
        await goBuild({ title: `building ${name} with Go (once)`, module, packages: [path], output, ...options, log });
      },
    },
    log,
  );
}
