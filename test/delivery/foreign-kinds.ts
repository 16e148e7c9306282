import { expect } from 'vitest';
import { type ForeignProject, foreignCrds } from '../../tools/go/foreign-crds.ts';
import type { ControlPlane } from '../kube/control-plane.ts';
import { type Manifest, manifestsIn } from './chart/helm.ts';

/** Gives the API server the kinds of another project. */
export async function installKindsOf(plane: ControlPlane, project: ForeignProject): Promise<void> {
  const folder = await foreignCrds(project, (line) => process.stderr.write(`${line}\n`));
  await succeed(plane, ['apply', '--server-side', '-f', folder]);
  await succeed(plane, ['wait', '--for=condition=Established', '-f', folder, '--timeout=30s']);
}

/**
 * Applies a text of YAML documents: a field that the kind does not have is an error. Expects what is stored to be all that was given.
 *
 * @throws with kubectl's complaint
 */
export async function applyStrictly(plane: ControlPlane, text: string): Promise<void> {
  await succeed(plane, ['apply', '--server-side', '--validate=strict', '-f', '-'], text);
  await expectStored(plane, manifestsIn(text));
}

/** Expects objects to be stored with all their fields. */
export async function expectStored(plane: ControlPlane, objects: readonly Manifest[]): Promise<void> {
  const given = objects.map((object) => JSON.stringify(object)).join('\n');
  const stored = await succeed(plane, ['get', '-f', '-', '-o', 'json'], given);
  expect(JSON.parse(stored).items).toMatchObject(objects);
}

async function succeed(plane: ControlPlane, args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(args, { input });
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
}
