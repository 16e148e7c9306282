import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, backend, network, share } from '../manifests.ts';
import { TestCluster } from '../test-cluster.ts';
import { Person } from './plugin.ts';

const listSchema = z.object({
  items: z.tuple([
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ accessModes: z.array(z.string()), csi: z.record(z.string(), z.unknown()) }).loose(),
    }),
    z.object({ kind: z.literal('PersistentVolumeClaim'), metadata: z.object({ name: z.string() }) }),
  ]),
});

let cluster: TestCluster;
let namespace: string;
let tenant: Person;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.startOperator();
  namespace = await cluster.namespace();
  await cluster.apply(
    backend('filer', {}),
    network(namespace, 'net', []),
    share(namespace, 'scratch', { shareNetworkName: 'net' }),
    access(namespace, 'batch', 'scratch', { accessTo: 'batch' }),
    access(namespace, 'reader', 'scratch', { accessTo: 'reader', accessLevel: 'ro' }),
    share(namespace, 'waiting', { shareNetworkName: 'nowhere' }),
    access(namespace, 'early', 'waiting'),
    access(namespace, 'lost', 'not-there'),
    share(namespace, 'files', { shareNetworkName: 'net', protocol: 'NFS' }),
    access(namespace, 'host', 'files', { accessType: 'ip', accessTo: '192.0.2.7' }),
  );
  for (const name of ['batch', 'reader', 'host']) {
    await cluster.until(shareAccesses, { namespace, name }, 'active', ({ status }) => status?.phase === 'active');
  }
  tenant = await Person.with(cluster, 'tina', 'edit', namespace);
}, 180_000);

afterAll(async () => {
  await cluster?.stop();
});

test('the API server takes the volume and the claim that are printed, which name what the share and the rule have', async () => {
  const { code, stdout, stderr } = await tenant.sharenet('access', 'volume', 'batch');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  await cluster.kubectlWithInput(stdout, 'apply', '-f', '-');
  const { status } = await cluster.client.get(shares, { namespace, name: 'scratch' });
  const { clusterID, fsName, rootPath } = status?.exportLocations?.[0]?.metadata ?? {};
  const { uid } = (await cluster.client.get(shareAccesses, { namespace, name: 'batch' })).metadata;
  const volume = await cluster.kubectl('get', 'pv', `sharenet-${uid}`, '-o', 'jsonpath={.spec}');
  expect(JSON.parse(volume)).toMatchObject({
    accessModes: ['ReadWriteMany'],
    persistentVolumeReclaimPolicy: 'Retain',
    claimRef: { namespace, name: 'scratch' },
    csi: {
      driver: 'cephfs.csi.ceph.com',
      nodeStageSecretRef: { name: 'batch-access-key', namespace },
      volumeAttributes: { staticVolume: 'true', clusterID, fsName, rootPath },
    },
  });
  await eventually('the claim is stored', async () => {
    const claim = await cluster.kubectl('get', 'pvc', 'scratch', '-n', namespace, '-o', 'jsonpath={.spec.volumeName}');
    return claim === `sharenet-${uid}`;
  });
});

test('a rule that only reads gives a volume that only reads, for the claim that is named', async () => {
  const { stdout } = await tenant.sharenet('access', 'volume', 'sha/reader', '--claim', 'data', '-o', 'json');
  const [volume, claim] = listSchema.parse(JSON.parse(stdout)).items;
  expect(volume.spec).toMatchObject({ accessModes: ['ReadOnlyMany'], csi: { readOnly: true } });
  expect(claim.metadata.name).toBe('data');
});

test.each([
  ['early', 'shareaccess/early is in phase queued_to_apply: wait until it is active'],
  ['host', 'shareaccess/host has no key: a volume needs a rule of type cephx'],
  ['lost', 'shares.sharenet.io "not-there" not found'],
  ['nobody', 'shareaccesses.sharenet.io "nobody" not found'],
])('there is no volume of the rule %s, and it is said why', async (rule, why) => {
  const { code, stdout, stderr } = await tenant.sharenet('access', 'volume', rule);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain(why);
});
