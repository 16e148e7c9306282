import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import type { KubeObject } from '../../../src/runtime/kube-object.ts';
import { printedBy, type Run, runTool } from '../../../tools/go/run-program.ts';

/** Absolute path of a file or folder of the repository. */
export function inRepository(path: string): string {
  return new URL(`../../../${path}`, import.meta.url).pathname;
}

/** What kustomize makes of a folder, as YAML. */
export async function kustomized(folder: string): Promise<string> {
  return await printedBy('kustomize', ['build', folder]);
}

/** The objects of a YAML text. */
export function objectsIn(yaml: string): readonly KubeObject[] {
  return parseAllDocuments(yaml).map((document): KubeObject => document.toJS());
}

const verdictSchema = z.strictObject({
  kstatus: z.enum(['InProgress', 'Failed', 'Current', 'Terminating']),
  message: z.string(),
  wrong: z.string().optional(),
  argo: z.strictObject({
    status: z.enum(['Healthy', 'Progressing', 'Degraded', 'Suspended']),
    message: z.string().optional(),
  }),
});

/** What kstatus, Flux's checker of conditions (`wrong`) and Argo CD with the scripts of config/argocd take an object to be. */
export type Verdict = z.infer<typeof verdictSchema>;

/** Verdicts on objects, in their order. */
export async function judge(objects: readonly KubeObject[]): Promise<readonly Verdict[]> {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-gitops-'));
  try {
    const configMap = join(directory, 'argocd-cm.yaml');
    await writeFile(configMap, await kustomized(inRepository('config/argocd')));
    const lines = objects.map((object) => JSON.stringify(object)).join('\n');
    const answers = await printedBy('gitops', ['health', configMap], { input: lines });
    return answers
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => verdictSchema.parse(JSON.parse(line)));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Applies manifests and waits for them as Flux does for a Kustomization of that name with `wait: true`. */
export async function fluxApply(kubeconfig: string, name: string, manifests: string): Promise<Run> {
  return await runTool('gitops', ['apply', kubeconfig, name], { input: manifests });
}
