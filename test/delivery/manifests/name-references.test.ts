import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { printedBy } from '../../../tools/go/run-program.ts';
import { inRepository, objectsIn } from '../gitops/programs.ts';

const component = inRepository('config/name-references');

/** Fields that end like a reference and name something that is no Kubernetes object. */
const otherNames = [
  'ShareServer spec/subnetName',
  'ShareNetwork spec/subnets[]/name',
  'StorageBackend spec/cephfs/fsName',
  'StorageBackend spec/samba/hosts[]/name',
];

/** Without a namespace, as manifests that are applied with `-n` are written. */
const objects = [
  {
    kind: 'SecurityService',
    metadata: { name: 'ad' },
    spec: { type: 'active_directory', passwordSecretRef: { name: 'ad-password' } },
  },
  {
    kind: 'ShareNetwork',
    metadata: { name: 'net' },
    spec: { securityServices: [{ type: 'active_directory', name: 'ad' }] },
  },
  {
    kind: 'ShareServer',
    metadata: { name: 'server' },
    spec: { backendName: 'ceph', shareNetworkName: 'net', subnetName: 'default' },
  },
  { kind: 'Share', metadata: { name: 'scratch' }, spec: { shareNetworkName: 'net', backendName: 'ceph' } },
  { kind: 'ShareAccess', metadata: { name: 'batch' }, spec: { shareName: 'scratch' } },
  {
    kind: 'StorageBackend',
    metadata: { name: 'ceph' },
    spec: { cephfs: { credentialsSecretName: 'backend-key' }, samba: { credentialsSecretName: 'backend-key' } },
  },
].map((object) => ({ apiVersion: 'sharenet.io/v1alpha1', ...object }));

/** A Secret without a hash, so that both kinds of renaming are seen. */
const plainSecret = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'backend-key' },
};

describe('what namePrefix and secretGenerator rename', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-names-'));
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namePrefix: 'blue-',
      resources: ['objects.yaml'],
      secretGenerator: [
        {
          name: 'ad-password',
          literals: ['password=one'],
          options: { labels: { 'sharenet.io/credentials': 'true' } },
        },
      ],
      components: [relative(folder, component)],
    };
    await writeFile(join(folder, 'kustomization.yaml'), JSON.stringify(kustomization));
    await writeFile(
      join(folder, 'objects.yaml'),
      [...objects, plainSecret].map((one) => JSON.stringify(one)).join('\n---\n'),
    );
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('is renamed in every field that names it', async () => {
    const built = objectsIn(await printedBy('kustomize', ['build', folder]));
    const spec = (kind: string) => built.find((one) => one.kind === kind) as unknown as { readonly spec: unknown };
    expect(spec('SecurityService').spec).toMatchObject({
      passwordSecretRef: { name: expect.stringMatching(/^blue-ad-password-\w{10}$/) },
    });
    expect(spec('ShareNetwork').spec).toEqual({ securityServices: [{ type: 'active_directory', name: 'blue-ad' }] });
    expect(spec('ShareServer').spec).toMatchObject({ backendName: 'blue-ceph', shareNetworkName: 'blue-net' });
    expect(spec('Share').spec).toEqual({ backendName: 'blue-ceph', shareNetworkName: 'blue-net' });
    expect(spec('ShareAccess').spec).toEqual({ shareName: 'blue-scratch' });
    expect(spec('StorageBackend').spec).toEqual({
      cephfs: { credentialsSecretName: 'blue-backend-key' },
      samba: { credentialsSecretName: 'blue-backend-key' },
    });
  });
});

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

/** Paths below a schema, as kustomize writes them. */
function pathsOf({ properties, items }: Schema, path: string): readonly string[] {
  if (items !== undefined) return pathsOf(items, `${path}[]`);
  if (properties === undefined) return [path];
  return Object.entries(properties).flatMap(([name, schema]) => pathsOf(schema, `${path}/${name}`));
}

test('kustomize knows every field of a spec that names an object', async () => {
  const told = z
    .object({
      nameReference: z.array(z.object({ fieldSpecs: z.array(z.object({ kind: z.string(), path: z.string() })) })),
    })
    .parse(parse(await readFile(join(component, 'name-references.yaml'), 'utf8')))
    .nameReference.flatMap(({ fieldSpecs }) => fieldSpecs.map(({ kind, path }) => `${kind} ${path}`));
  const files = (await readdir(inRepository('crds'))).filter((file) => file.endsWith('.yaml'));
  const definitions = await Promise.all(
    files.map(async (file) => parse(await readFile(join(inRepository('crds'), file), 'utf8'))),
  );
  const fields = definitions.flatMap(({ spec }) =>
    pathsOf(spec.versions[0].schema.openAPIV3Schema.properties.spec, 'spec')
      .filter((path) => /Name$|Ref\/name$|\[\]\/name$/.test(path))
      .map((path) => `${spec.names.kind} ${path}`),
  );
  expect(fields.length).toBeGreaterThan(5);
  expect(fields.filter((field) => !told.includes(field) && !otherNames.includes(field))).toEqual([]);
});
