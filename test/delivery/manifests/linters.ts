import { join } from 'node:path';
import type { GoTool } from '../../../tools/go/go-tools.ts';
import { runTool } from '../../../tools/go/run-program.ts';

/** What a program printed when it found something; undefined when it found nothing. */
async function findings(tool: GoTool, args: readonly string[], input: string): Promise<string | undefined> {
  const { code, stdout, stderr } = await runTool(tool, args, { input });
  return code === 0 ? undefined : `${stdout}${stderr}`;
}

/** What kube-score holds against workloads; undefined when nothing. */
export async function bestPracticeProblems(manifests: string): Promise<string | undefined> {
  const args = [
    ...['score', '-', '--output-format=ci', '--kubernetes-version=v1.33', '--exit-one-on-warning'],
    ...['--enable-optional-test=container-seccomp-profile', '--enable-optional-test=container-ports-check'],
    // An operator that is throttled loses its lease; its request keeps it going, and the node's spare time is anybody's.
    '--ignore-container-cpu-limit',
    // A version's image does not change, and Always would ask a registry for what `kind load` put on the node.
    '--ignore-test=container-image-pull-policy',
    // Topology spread constraints are in its place: they count in a rollout, and know zones.
    '--ignore-test=deployment-has-host-podantiaffinity',
  ];
  const printed = await findings('kube-score', args, manifests);
  return printed
    ?.split('\n')
    .filter((line) => !/^\[(OK|SKIPPED)\]/.test(line))
    .join('\n');
}

/**
 * What kubectl-validate holds against manifests, with the schemas of Kubernetes 1.30 and of crds/; undefined when nothing. It needs no
 * API server.
 *
 * @param files YAML files and folders
 */
export async function schemaProblems(files: readonly string[]): Promise<string | undefined> {
  const crds = join(import.meta.dirname, '../../../crds');
  return await findings('kubectl-validate', [...files, '--version=1.30', `--local-crds=${crds}`], '');
}
