import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, storageBackends } from '../../../../src/api/v1alpha1/resource-types.ts';
import { create, numbers } from '../../../bench/load.ts';
import { eventually } from '../../../faults/eventually.ts';
import { access } from '../../../integration/manifests.ts';
import type { Tenant } from '../../../integration/tenant.ts';
import { type ExpectedRule, untilAgreed } from './agreement.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

const ruleCount = 130;

describe('a recovery that takes longer than one call works', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  const rules = new Map<string, ExpectedRule>();

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    await ceph.makeShares(tenant, ['share']);
    for (const n of numbers(ruleCount)) rules.set(`rule-${n}`, { share: 'share', id: `id-${n}`, level: 'rw' });
    const objects = [...rules].map(([name, { id }]) => access(tenant.namespace, name, 'share', { accessTo: id }));
    await create(ceph.cluster, shareAccesses, objects);
    await untilAgreed(ceph, [{ tenant, rules }]);
  }, 180_000);

  afterAll(async () => {
    await ceph?.stop();
  });

  test('brings every key, also when no one asked for it and the operator is killed half way', async () => {
    const ids = [...rules.values()].map(({ id }) => id);
    for (const id of ids) await ceph.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${id}` });
    const spec = { cephfs: { clusterID: 'another' } };
    await ceph.cluster.client.mergePatch(storageBackends, { name: ceph.backendName }, { spec });
    await eventually('the first id is back', async () => (await ceph.cephUser('id-0')) !== undefined);
    // As long as one call works, so that what is left is for others, however fast the cluster is.
    await ceph.lab.pause('mgr.x');
    await delay(6_000);
    await ceph.lab.resume('mgr.x');
    await tenant.untilShare('share', 'half way', ({ status }) => status?.operation?.name === 'updateAccess');
    await ceph.operator.kill();
    await ceph.cluster.startOperator();
    await untilAgreed(ceph, [{ tenant, rules }]);
    expect((await ceph.share(tenant, 'share')).status?.operation).toBeUndefined();
    const client = await ceph.mount(tenant, 'rule-0', 'share');
    await client.write('/file', 'text');
  });
});
