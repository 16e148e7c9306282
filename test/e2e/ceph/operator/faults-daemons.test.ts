import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { shareAccesses, shares, storageBackends } from '../../../../src/api/v1alpha1/resource-types.ts';
import { numbers } from '../../../bench/load.ts';
import { eventually } from '../../../faults/eventually.ts';
import { access, share } from '../../../integration/manifests.ts';
import { conditionOf, messageOf, Tenant } from '../../../integration/tenant.ts';
import type { CephFSClient } from '../../../labs/ceph/cephfs-client.ts';
import { disagreement, type ExpectedRule, untilAgreed } from './agreement.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

const operationTimeoutMs = 4_000;
/** From one probe to the next at most. */
const probeIntervalMs = 66_000;

describe("while Ceph's daemons hang or die", () => {
  let ceph: OperatorOnCeph;
  /** Has nothing on Ceph. */
  let elsewhere: Tenant;
  let tenant: Tenant;
  let rules: Map<string, ExpectedRule>;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    elsewhere = await Tenant.make(ceph.cluster);
    await elsewhere.makeShares(['elsewhere']);
    await ceph.cluster.client.mergePatch(
      storageBackends,
      { name: ceph.backendName },
      { spec: { operationTimeout: `${operationTimeoutMs / 1000}s` } },
    );
    await ceph.untilBackend(ceph.backendName, 'True/Available');
  }, 120_000);

  beforeEach(async () => {
    tenant = await ceph.tenant();
    rules = new Map();
    await ceph.makeShares(tenant, ['share-0', 'share-1']);
    await Promise.all(['stays', 'leaves'].map((name) => grant(name, 'share-0')));
    await Promise.all(['stays', 'leaves'].map((name) => tenant.untilActive(name)));
  });

  afterEach(async () => {
    await ceph.endClients();
    await tenant.kubectl('delete', 'shares,shareaccesses', '--all', '--timeout=60s');
    await untilAgreed(ceph, []);
  });

  afterAll(async () => {
    await ceph?.stop();
  });

  async function grant(name: string, shareName: string, level: 'rw' | 'ro' = 'rw'): Promise<void> {
    const id = `${tenant.namespace}-${name}`;
    rules.set(name, { share: shareName, id, level });
    await ceph.cluster.client.create(
      shareAccesses,
      access(tenant.namespace, name, shareName, { accessTo: id, accessLevel: level }),
    );
  }

  async function deny(name: string): Promise<void> {
    rules.delete(name);
    await ceph.cluster.client.delete(shareAccesses, { namespace: tenant.namespace, name });
  }

  async function agreed(timeoutMs: number): Promise<void> {
    const expected = [{ tenant, rules }];
    await untilAgreed(ceph, expected, timeoutMs);
    // Commands that came late have been carried out by the time that this one was answered.
    expect(await disagreement(ceph, expected)).toBeUndefined();
  }

  async function requireUsable(name: string): Promise<CephFSClient> {
    const client = await ceph.mount(tenant, name, rules.get(name)?.share ?? '');
    await client.write(`/${name}`, 'text');
    return client;
  }

  /** What a tenant of another backend sees does not change, and their requests are served at once. */
  async function requireElsewhereUntouched(rule: string): Promise<void> {
    const name = { name: elsewhere.backendName };
    const before = (await ceph.cluster.client.get(storageBackends, name)).status?.conditions;
    const began = performance.now();
    await elsewhere.grant(rule, 'elsewhere');
    await elsewhere.untilActive(rule);
    await elsewhere.kubectl('delete', 'shareaccess', rule, '--timeout=10s');
    expect(performance.now() - began).toBeLessThan(operationTimeoutMs);
    expect((await ceph.cluster.client.get(storageBackends, name)).status?.conditions).toEqual(before);
  }

  /** Requests of every kind at once, and what the one that gives access reports. */
  async function wishAndWait(): Promise<void> {
    await grant('waits', 'share-0');
    await grant('waits-too', 'share-1', 'ro');
    await grant('comes-and-goes', 'share-1');
    await deny('leaves');
    const made = share(tenant.namespace, 'new', { backendName: ceph.backendName, size: '16Mi' });
    await ceph.cluster.client.create(shares, made);
    await ceph.cluster.client.create(shares, { ...made, metadata: { ...made.metadata, name: 'never' } });
    await grant('on-the-new-one', 'new');
    const waiting = await tenant.untilRule(
      'waits',
      'waits with a reason',
      (rule) =>
        ['applying', 'queued_to_apply'].includes(rule.status?.phase ?? '') &&
        ['False/OperationTimeout', 'False/BackendUnavailable'].includes(conditionOf(rule, 'Ready')),
      3 * operationTimeoutMs,
    );
    // The call that found it out, or once the probe has failed as well, that there is none.
    expect(messageOf(waiting, 'Ready')).toMatch(
      /^(updateAccess on backend ceph gave no answer within 4 s; it is tried again|backend ceph does not answer at present)$/,
    );
    expect(conditionOf(waiting, 'Stalled')).toBe('absent');
    expect(await tenant.secret('waits-access-key')).toBeUndefined();
    await deny('comes-and-goes');
    await ceph.cluster.client.delete(shares, { namespace: tenant.namespace, name: 'never' });
    expect((await tenant.rule('stays')).status?.phase).toBe('active');
  }

  test('a manager that hangs: rules wait, clients go on, the backend is not Ready; all goes on when it is back', {
    timeout: 240_000,
  }, async () => {
    const client = await requireUsable('stays');
    await ceph.lab.pause('mgr.x');
    try {
      await wishAndWait();
      await requireElsewhereUntouched('manager');
      await client.write('/stays', 'more');
      const down = await ceph.untilBackend(
        ceph.backendName,
        'False/OperationTimeout',
        probeIntervalMs + 2 * operationTimeoutMs,
      );
      expect(messageOf(down, 'Ready')).toBe('the backend gave no answer within 4 s');
      expect(conditionOf(down, 'CallsSuspended')).toBe('True/CallsSuspended');
      await tenant.untilRule('waits', 'waits without calls', (rule) => rule.status?.phase === 'queued_to_apply');
    } finally {
      await ceph.lab.resume('mgr.x');
    }
    await agreed(60_000);
    await ceph.untilBackend(ceph.backendName, 'True/Available', 20_000);
    for (const name of ['waits', 'on-the-new-one']) await requireUsable(name);
    expect(await client.read('/stays')).toBe('more');
  });

  test('a monitor that hangs, the only one: the same', { timeout: 180_000 }, async () => {
    await ceph.lab.pause('mon.a');
    try {
      await wishAndWait();
      await requireElsewhereUntouched('monitor');
      const asked = `sharenet.io/reconcile-requested-at=${performance.now()}`;
      await ceph.cluster.kubectl('annotate', '--overwrite', 'storagebackend', ceph.backendName, asked);
      await ceph.untilBackend(ceph.backendName, 'False/OperationTimeout', 3 * operationTimeoutMs);
    } finally {
      await ceph.lab.resume('mon.a');
    }
    await agreed(90_000);
    await ceph.untilBackend(ceph.backendName, 'True/Available', 20_000);
    for (const name of ['stays', 'waits', 'on-the-new-one']) await requireUsable(name);
  });

  test('a manager that is killed while it grants and denies, and is started again', { timeout: 180_000 }, async () => {
    const names = numbers(12).map((n) => `rule-${n}`);
    for (const [index, name] of names.entries()) await grant(name, `share-${index % 2}`);
    await eventually('some are granted', async () => (await ceph.cephUsers()).length > 6);
    await ceph.lab.kill('mgr.x');
    await Promise.all(names.slice(0, 4).map(deny));
    await ceph.lab.startDaemon('mgr.x');
    await Promise.all(['late-0', 'late-1'].map((name) => grant(name, 'share-1', 'ro')));
    await agreed(90_000);
    for (const name of ['stays', 'rule-7', 'rule-11']) await requireUsable(name);
    const reader = await ceph.mount(tenant, 'late-1', 'share-1');
    expect(await reader.read('/rule-11')).toBe('text');
  });
});
