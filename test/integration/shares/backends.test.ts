import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storageBackends } from '../../../src/api/v1alpha1/resource-types.ts';
import type { StorageBackend } from '../../../src/api/v1alpha1/storage-backend.ts';
import { backend, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('storage backends', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  async function until(name: string, what: string, holds: (object: StorageBackend) => boolean) {
    return await cluster.until(storageBackends, { name }, what, holds, 30_000);
  }

  test('a wrong configuration gets one clear line, and what was in force stays', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    const { backendName } = tenant;
    const faults = [{ operation: 'makeCoffee', kind: 'rejected' }] as const;
    const dummy = { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false };
    await cluster.apply(backend(backendName, { ...dummy, faults }));
    const wrong = await until(backendName, 'refused', (object) => conditionOf(object, 'Stalled') !== 'absent');
    expect(conditionOf(wrong, 'Ready')).toBe('False/InvalidConfiguration');
    expect(messageOf(wrong, 'Ready')).toMatch(/^spec\.dummy\.faults\.0\.operation: must be one of getCapabilities, /);
    expect(wrong.status?.observedGeneration).toBe(wrong.metadata.generation);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    await cluster.apply(share(tenant.namespace, 'next', { backendName }));
    const waiting = await tenant.untilShare('next', 'waits', (object) => conditionOf(object, 'Ready') !== 'absent');
    expect(messageOf(waiting, 'Ready')).toBe(`${backendName}: is not ready`);
    await tenant.configure({});
    await tenant.untilShare('next', 'available', ({ status }) => status?.phase === 'available');
  });

  test('parameters of more than 16 KiB and unknown drivers are refused', async () => {
    const vendor = (name: string, parameters: object) => ({
      apiVersion: 'sharenet.io/v1alpha1',
      kind: 'StorageBackend',
      metadata: { name },
      spec: { driver: 'vendor.example/filer', parameters },
    });
    await cluster.apply(vendor('large', { text: 'x'.repeat(17_000) }), vendor('unknown', {}));
    const large = await until('large', 'judged', (object) => conditionOf(object, 'Ready') !== 'absent');
    expect(messageOf(large, 'Ready')).toBe('spec.parameters: has 17011 bytes as JSON, more than 16384');
    const unknown = await until('unknown', 'judged', (object) => conditionOf(object, 'Ready') !== 'absent');
    expect(messageOf(unknown, 'Ready')).toBe(
      'spec.driver: there is no driver "vendor.example/filer"; known: cephfs, dummy, samba',
    );
    await cluster.kubectl('delete', 'sbe', 'large', 'unknown', '--timeout=20s');
  });

  test('a backend that does not answer its probe is not ready, and is back by itself', async () => {
    const name = 'shaky';
    const faults = [{ operation: 'getCapabilities', kind: 'unavailable', message: 'no route', times: 1 }] as const;
    await cluster.apply(backend(name, { stateDirectory: cluster.stateDirectory, faults }));
    const down = await until(name, 'down', (object) => conditionOf(object, 'Ready') === 'False/BackendNotAnswering');
    expect(messageOf(down, 'Ready')).toBe('no route');
    await until(name, 'back', (object) => conditionOf(object, 'Ready') === 'True/Available');
  });

  test('a backend that has never answered is not asked again by every event', async () => {
    const name = 'silent';
    const faults = [{ operation: 'getCapabilities', kind: 'unavailable' }] as const;
    await cluster.apply(backend(name, { stateDirectory: cluster.stateDirectory, faults }));
    await until(name, 'down', (object) => conditionOf(object, 'Ready') === 'False/BackendNotAnswering');
    for (let n = 1; n <= 20; n += 1) await cluster.kubectl('label', 'sbe', name, `n=${n}`, '--overwrite');
    const token = 'now';
    await cluster.kubectl('annotate', 'sbe', name, `sharenet.io/reconcile-requested-at=${token}`);
    await until(name, 'asked on request', ({ status }) => status?.lastHandledReconcileAt === token);
    const calls = (await cluster.calls()).filter((call) => call.backend === name && call.event === 'start');
    // The first, the one on request, and what is due every 10 s on a slow machine.
    expect(calls.length).toBeLessThan(8);
    await cluster.kubectl('delete', 'sbe', name, '--timeout=20s');
  });

  test('a new configuration replaces the driver after running calls, and is in force once it is observed', async () => {
    const tenant = await Tenant.make(cluster, { latency: '1s' });
    await cluster.apply(share(tenant.namespace, 'slow', { backendName: tenant.backendName }));
    await tenant.untilShare('slow', 'being made', ({ status }) => status?.operation !== undefined);
    await tenant.configure({ latency: '0s', faults: [{ operation: 'createShare', kind: 'rejected' }] });
    await tenant.untilShare('slow', 'available', ({ status }) => status?.phase === 'available');
    await cluster.apply(share(tenant.namespace, 'next', { backendName: tenant.backendName }));
    await tenant.untilShare('next', 'refused', ({ status }) => status?.phase === 'error');
  });

  test('what identifies the backend can not change while it is in use, also not over a restart', async () => {
    const tenant = await Tenant.make(cluster);
    const { backendName } = tenant;
    await tenant.makeShares(['share']);
    const elsewhere = join(cluster.stateDirectory, 'elsewhere');
    const moved = backend(backendName, { stateDirectory: elsewhere, driverHandlesShareServers: false, latency: '1ms' });
    await cluster.apply(moved);
    const refused = await until(backendName, 'refused', (object) => conditionOf(object, 'Stalled') !== 'absent');
    expect(conditionOf(refused, 'Ready')).toBe('False/IdentityFieldsImmutable');
    expect(messageOf(refused, 'Ready')).toBe(
      `spec.dummy.stateDirectory can't change while the backend is in use by Share ${tenant.namespace}/share; the old value stays in force`,
    );
    await tenant.grant('alice', 'share', { accessTo: `alice-${tenant.namespace}` });
    await tenant.untilActive('alice');
    expect(await tenant.grantedOn('share')).toHaveProperty(`cephx:alice-${tenant.namespace}`);

    await operator.stop();
    operator = await cluster.startOperator();
    await tenant.kubectl('delete', 'sha', 'alice', '--timeout=30s');
    expect(await tenant.grantedOn('share')).toEqual({});
    expect(conditionOf(await cluster.client.get(storageBackends, { name: backendName }), 'Ready')).toBe(
      'False/IdentityFieldsImmutable',
    );
    // Nothing is on it any more: it may move.
    await tenant.kubectl('delete', 'shr', 'share', '--timeout=30s');
    const free = await until(backendName, 'moved', (object) => conditionOf(object, 'Ready') === 'True/Available');
    expect(free.status?.identity?.stateDirectory).toBe(JSON.stringify(elsewhere));
  });

  test('a backend that is not enabled takes no new share, but deletions go on', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share', { accessTo: `alice-${tenant.namespace}` });
    await tenant.untilActive('alice');
    await tenant.configure({}, { enabled: false });
    await cluster.apply(share(tenant.namespace, 'next', { backendName: tenant.backendName }));
    const waiting = await tenant.untilShare('next', 'waits', (object) => conditionOf(object, 'Ready') !== 'absent');
    expect(messageOf(waiting, 'Ready')).toBe(`${tenant.backendName}: is not enabled`);
    await tenant.kubectl('delete', 'sha', 'alice', '--timeout=30s');
    await tenant.kubectl('delete', 'shr', 'share', '--timeout=30s');
    await tenant.configure({}, { enabled: true });
    await tenant.untilShare('next', 'available', ({ status }) => status?.phase === 'available');
  });
});
