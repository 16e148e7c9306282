import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shares } from '../../../../src/api/v1alpha1/resource-types.ts';
import { numbers } from '../../../bench/load.ts';
import { chooseSeed, withSeed } from '../../../integration/crash/seeded-random.ts';
import { access, share } from '../../../integration/manifests.ts';
import { OperatorProcess } from '../../../integration/operator-process.ts';
import type { Tenant } from '../../../integration/tenant.ts';
import { type ExpectedRule, untilAgreed } from './agreement.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

const kills = 8;
const rulesARound = 12;
const lasting = numbers(4).map((n) => `share-${n}`);

describe('an operator that is killed while it makes shares, grants and denies on Ceph', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let operator: OperatorProcess | undefined;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    await ceph.makeShares(tenant, lasting);
    await ceph.operator.stop();
  }, 120_000);

  afterAll(async () => {
    await operator?.stop();
    await ceph?.stop();
  });

  test(`loses no key and leaves no id, subvolume or Secret behind, killed at ${kills} random moments`, {
    timeout: 300_000,
  }, async () => {
    await withSeed(chooseSeed(), async (random) => {
      const { client, operatorKubeconfig } = ceph.cluster;
      const { namespace } = tenant;
      const rules = new Map<string, ExpectedRule>();
      const shareNames = new Set(lasting);
      const grant = async (name: string, rule: ExpectedRule) => {
        rules.set(name, rule);
        const { share: shareName, id, level } = rule;
        await client.create(shareAccesses, access(namespace, name, shareName, { accessTo: id, accessLevel: level }));
      };
      const deny = async (name: string) => {
        rules.delete(name);
        await client.delete(shareAccesses, { namespace, name });
      };
      const turn = async (name: string, rule: ExpectedRule) => {
        const level = rule.level === 'rw' ? 'ro' : 'rw';
        rules.set(name, { ...rule, level });
        await client.mergePatch(shareAccesses, { namespace, name }, { spec: { accessLevel: level } });
      };
      const makeShare = async (name: string) => {
        shareNames.add(name);
        await client.create(shares, share(namespace, name, { backendName: ceph.backendName, size: '16Mi' }));
      };
      /** With its rules: they would wait for a share of that name. */
      const removeShare = async (name: string) => {
        shareNames.delete(name);
        const own = [...rules].filter(([, rule]) => rule.share === name);
        await client.delete(shares, { namespace, name });
        for (const [rule] of own) await deny(rule);
      };
      const disturb = async (round: number) => {
        for (const [name, rule] of [...rules]) {
          const chance = random();
          if (chance < 0.3) await deny(name);
          else if (chance < 0.4) await turn(name, rule);
        }
        if (round > 1 && random() < 0.7) await removeShare(`passing-${round - 1}`);
        await makeShare(`passing-${round}`);
        const places = [...lasting, `passing-${round}`];
        for (const each of numbers(rulesARound)) {
          const name = `rule-${round}-${each}`;
          // Every fourth rule is for an id that other shares have too.
          const id = `${namespace}-${each % 4 === 0 ? `common-${each}` : name}`;
          const place = places[(each + (each % 4 === 0 ? round : 0)) % places.length] ?? 'share-0';
          if ([...rules.values()].some((rule) => rule.share === place && rule.id === id)) continue;
          await grant(name, { share: place, id, level: random() < 0.5 ? 'rw' : 'ro' });
        }
      };
      for (const round of numbers(kills)) {
        operator = await OperatorProcess.start(operatorKubeconfig);
        await pause(random() * 200);
        await disturb(round + 1);
        await pause(random() * 800);
        await operator.kill();
      }
      operator = await OperatorProcess.start(operatorKubeconfig);
      await untilAgreed(ceph, [{ tenant, rules }], 90_000);
      expect(rules.size).toBeGreaterThan(10);
      expect(await ceph.subvolumes()).toHaveLength(shareNames.size);
      for (const [name, { share: shareName, level }] of rules) {
        const mounted = await ceph.mount(tenant, name, shareName);
        if (level === 'rw') await mounted.write(`/${name}`, 'text');
        else await mounted.list();
      }
      await ceph.endClients();
      await tenant.kubectl('delete', 'shares,shareaccesses', '--all', '--timeout=90s');
      await untilAgreed(ceph, [{ tenant, rules: new Map() }]);
    });
  });
});
