import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { create, numbers, untilActive } from '../../../bench/load.ts';
import { between, read } from '../../../bench/measure.ts';
import { access, share } from '../../../integration/manifests.ts';
import type { Tenant } from '../../../integration/tenant.ts';
import { type Expected, type ExpectedRule, untilAgreed } from './agreement.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

const tenantCount = 5;
const sharesEach = 10;
const rulesPerShare = 10;
const rulesEach = sharesEach * rulesPerShare;

describe(`${tenantCount * rulesEach} rules over ${tenantCount * sharesEach} shares of ${tenantCount} tenants`, () => {
  let ceph: OperatorOnCeph;
  const tenants: Tenant[] = [];

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    for (const _ of numbers(tenantCount)) tenants.push(await ceph.tenant());
    const spec = { backendName: ceph.backendName, size: '16Mi' };
    for (const { cluster, namespace } of tenants) {
      await create(
        cluster,
        shares,
        numbers(sharesEach).map((n) => share(namespace, `share-${n}`, spec)),
      );
    }
    for (const tenant of tenants) {
      for (const n of numbers(sharesEach)) {
        await tenant.untilShare(`share-${n}`, 'available', ({ status }) => status?.phase === 'available');
      }
    }
  }, 180_000);

  afterAll(async () => {
    await ceph?.stop();
  });

  /** The first rule of each share is for one id on all of them; the others have an id each. */
  function rulesOf(tenant: Tenant): Expected {
    const rules = new Map<string, ExpectedRule>();
    for (const shareNumber of numbers(sharesEach)) {
      for (const each of numbers(rulesPerShare)) {
        const name = `rule-${shareNumber}-${each}`;
        const id = `${tenant.namespace}-${each === 0 ? 'everywhere' : name}`;
        rules.set(name, { share: `share-${shareNumber}`, id, level: each % 3 === 1 ? 'ro' : 'rw' });
      }
    }
    return { tenant, rules };
  }

  async function grantAll({ tenant: { cluster, namespace }, rules }: Expected): Promise<void> {
    const objects = [...rules].map(([name, { share: shareName, id, level }]) =>
      access(namespace, name, shareName, { accessTo: id, accessLevel: level }),
    );
    const active = untilActive(cluster, namespace, rulesEach, performance.now());
    await create(cluster, shareAccesses, objects);
    await active;
  }

  test('are all granted with Secrets that work, then all denied with nothing left', { timeout: 300_000 }, async () => {
    const expected = tenants.map(rulesOf);
    const before = await read(ceph.operator);
    await Promise.all(expected.map(grantAll));
    const { writes, reads, detail } = between(before, await read(ceph.operator));
    // Finalizer, Secret, status; more of the status while it waits; what becomes of the shares.
    const most = 6 * tenantCount * rulesEach;
    expect(writes, detail.join('; ')).toBeLessThan(most);
    expect(reads, detail.join('; ')).toBeLessThan(2 * tenantCount * rulesEach);
    await untilAgreed(ceph, expected);
    for (const [index, tenant] of tenants.entries()) {
      const name = `share-${2 * index}`;
      const everywhere = await ceph.mount(tenant, `rule-${2 * index}-0`, name);
      await everywhere.write('/file', tenant.namespace);
      expect(await (await ceph.mount(tenant, `rule-${2 * index}-1`, name)).read('/file')).toBe(tenant.namespace);
      await (await ceph.mount(tenant, `rule-${2 * index}-9`, name)).write('/file', tenant.namespace);
    }
    await ceph.endClients();

    await Promise.all(tenants.map((tenant) => tenant.kubectl('delete', 'shareaccesses', '--all', '--timeout=120s')));
    await untilAgreed(
      ceph,
      tenants.map((tenant) => ({ tenant, rules: new Map() })),
    );
    await Promise.all(tenants.map((tenant) => tenant.kubectl('delete', 'shares', '--all', '--timeout=120s')));
    expect(await ceph.subvolumes()).toEqual([]);
  });
});
