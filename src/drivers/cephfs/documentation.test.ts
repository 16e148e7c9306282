import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { cephfsConfigSchema } from './config.ts';
import { operatorCapabilities } from './login/operator-capabilities.ts';
import { exportLocationsOf } from './subvolumes/export-locations.ts';

const page = await readFile(new URL('./README.md', import.meta.url), 'utf8');
const manifests: readonly unknown[] = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) =>
  parseAllDocuments(text).map((document) => document.toJS()),
);

/** The manifest of a kind on the page. */
function manifest<Schema extends z.ZodType>(kind: string, schema: Schema): z.output<Schema> {
  return schema.parse(manifests.find((candidate) => z.object({ kind: z.literal(kind) }).safeParse(candidate).success));
}

test('the documented capabilities are those that the tests run with', () => {
  const lines = Object.entries(operatorCapabilities).map(([daemon, caps]) => `  ${daemon} '${caps}'`);
  expect(page).toContain(`ceph auth get-or-create client.sharenet \\\n${lines.join(' \\\n')}\n`);
});

test('the documented backend is one that the driver takes', () => {
  const { spec } = manifest('StorageBackend', z.object({ spec: z.object({ cephfs: z.unknown() }) }));
  const config = cephfsConfigSchema.parse(spec.cephfs);
  const secret = manifest('Secret', z.object({ metadata: z.object({ name: z.string() }), stringData: z.unknown() }));
  expect(secret.metadata.name).toBe(config.credentialsSecretName);
  expect(secret.stringData).toHaveProperty('userKey');
});

test('the documented volume has the fields that ceph-csi asks of a static volume', () => {
  const csi = z.strictObject({
    driver: z.literal('cephfs.csi.ceph.com'),
    volumeHandle: z.string(),
    nodeStageSecretRef: z.strictObject({ name: z.string(), namespace: z.string() }),
    volumeAttributes: z.strictObject({
      staticVolume: z.literal('true'),
      clusterID: z.string(),
      fsName: z.string(),
      rootPath: z.string().startsWith('/volumes/'),
    }),
  });
  const { spec } = manifest('PersistentVolume', z.object({ spec: z.object({ csi }) }));
  const [location] = exportLocationsOf({ monitors: ['192.0.2.1'], fsName: 'cephfs' }, '/volumes/x', 'fsid');
  const { staticVolume: _, ...attributes } = spec.csi.volumeAttributes;
  expect(Object.keys(location?.metadata ?? {})).toEqual(expect.arrayContaining(Object.keys(attributes)));
});
