import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kustomize } from '../../../tools/manifests/install-manifest.ts';
import { schemaProblems } from './linters.ts';
import { documentsOf } from './rendered.ts';

const samples = join(import.meta.dirname, '../../../config/samples');

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sharenet-manifests-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** A file with a text. */
async function fileOf(name: string, text: string): Promise<string> {
  const file = join(folder, `${name}.yaml`);
  await writeFile(file, text);
  return file;
}

test.each(['default', 'namespaced', 'kind', 'narrowed'])('every object of config/%s is of its schema', async (base) => {
  const text = await kustomize(base);
  // Rules of the CRDs call functions for addresses, which are newer than it is; the API server knows them (applied.test.ts).
  const documents = documentsOf(text).filter((document) => !/^kind: CustomResourceDefinition$/m.test(document));
  expect(documents.length).toBeGreaterThan(15);
  expect(await schemaProblems([await fileOf(base, documents.join('---\n'))])).toBeUndefined();
});

test('so are the samples, by the schemas and rules of the CRDs', async () => {
  const files = (await readdir(samples)).filter((name) => name !== 'kustomization.yaml');
  expect(files.length).toBeGreaterThan(4);
  expect(await schemaProblems(files.map((name) => join(samples, name)))).toBeUndefined();
});

test.each([
  [
    'a field that there is not',
    'apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: a, namespace: a}\nspec: {maxUnavailabl: 1}\n',
    /spec\.maxUnavailabl: .*unknown field/,
  ],
  [
    'a value that is none of those allowed',
    'apiVersion: sharenet.io/v1alpha1\nkind: Share\nmetadata: {name: a, namespace: a}\nspec: {protocol: FTP, size: 1Gi}\n',
    /spec\.protocol: .*"FTP"/,
  ],
  [
    'a value that a rule refuses',
    'apiVersion: sharenet.io/v1alpha1\nkind: ShareAccess\nmetadata: {name: a, namespace: a}\nspec: {shareName: a, accessType: cephx, accessTo: a.b}\n',
    /spec\.accessTo: .*InvalidAccessRule/,
  ],
])('%s is found', async (name, text, problem) => {
  expect(await schemaProblems([await fileOf(name.replaceAll(' ', '-'), text)])).toMatch(problem);
});
