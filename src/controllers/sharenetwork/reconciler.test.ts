import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork, ShareNetworkStatus } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import type { SecurityServiceCheckResult } from '../../drivers/driver.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError } from '../../drivers/errors.ts';
import { shareNetworkReconciler } from './reconciler.ts';

const namespace = 'team-a';
const key = { namespace, name: 'net' };
const network = '/apis/sharenet.io/v1alpha1/namespaces/team-a/sharenetworks/net';
const server = '/apis/sharenet.io/v1alpha1/namespaces/team-a/shareservers/net-1';

const subnet = { name: 's', networkType: 'flat', cidr: '10.20.0.0/16' } as const;

interface Scene {
  readonly metadata?: object;
  readonly spec?: ShareNetwork['spec'];
  readonly status?: ShareNetworkStatus;
  /** Status of the share server `net-1`; absent where there is none. */
  readonly serverStatus?: ShareServerStatus;
  /** What the driver answers to a check. */
  readonly check?: () => Promise<SecurityServiceCheckResult>;
}

/** An operator with the network `net`, the services `ldap-a` and `ldap-b`, and one share server where the scene has one. */
async function rigWith(scene: Scene = {}) {
  const rig = await createOperatorRig();
  const storage = await createDriverRig();
  onTestFinished(async () => {
    await rig[Symbol.asyncDispose]();
    await storage.cleanup();
  });
  const { informers, instances } = rig.operator;
  const driver = storage.open();
  let checks = 0;
  const checkUpdateShareServerSecurityService = async () => {
    checks += 1;
    return (await scene.check?.()) ?? { compatible: true };
  };
  await instances.replace('b', { ...driver, checkUpdateShareServerSecurityService }, 0);
  showTenantAndBackend(rig.operator, { namespace, namespaceUID: 'uid-team-a' });
  rig.store(informers.credentials, {
    metadata: { namespace, name: 'pw', labels: { [labels.credentialsLabel]: 'true' } },
    data: { password: Buffer.from('secret').toString('base64') },
  });
  const [a, b] = ['ldap-a', 'ldap-b'].map((name) => {
    const { uid = '' } = rig.store(informers.securityServices, {
      metadata: { namespace, name, generation: 1, finalizers: [labels.finalizer] },
      spec: { type: 'ldap', servers: [name], user: 'cn=reader', passwordSecretRef: { name: 'pw' } },
    }).metadata;
    return { type: 'ldap', name, uid, generation: 1 } as const;
  });
  if (a === undefined || b === undefined) throw new Error('there are two services');
  rig.store(informers.shareNetworks, {
    metadata: { ...key, generation: 1, finalizers: [labels.finalizer], ...scene.metadata },
    spec: { subnets: [subnet], securityServices: [{ type: 'ldap', name: 'ldap-b' }], ...scene.spec },
    status: { phase: 'active', recordedPhase: 'active', securityServices: [a], ...scene.status },
  });
  if (scene.serverStatus !== undefined) {
    rig.store<ShareServer>(informers.shareServers, {
      metadata: { namespace, name: 'net-1', generation: 1, finalizers: [labels.finalizer] },
      spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 's', securityServiceUpdateSupport: true },
      status: { identifier: 'sn-1', subnet, securityServices: [{ ...a, servers: ['ldap-a'] }], ...scene.serverStatus },
    });
  }
  const reconciler = shareNetworkReconciler(rig.operator);
  const stored = () => informers.shareNetworks.cache.get(key);
  return {
    ...rig,
    services: { a, b },
    stored,
    checks: () => checks,
    run: () => reconciler.reconcile(reconcileContext(key)),
    /** Writes the network as a user would. */
    edit: (change: (present: ShareNetwork) => ShareNetwork) => {
      const present = stored();
      if (present !== undefined) rig.store(informers.shareNetworks, change(present));
    },
    ready: () => stored()?.status?.conditions?.find(({ type }) => type === 'Ready'),
    upToDate: () => stored()?.status?.conditions?.find(({ type }) => type === 'SecurityServicesUpToDate'),
    storedServer: () => informers.shareServers.cache.get({ namespace, name: 'net-1' }),
  };
}

const active: ShareServerStatus = { phase: 'active', recordedPhase: 'active' };
const writes = (requests: readonly string[]) => requests.filter((request) => !request.startsWith('GET'));

describe('a network without share servers', () => {
  it('records what its spec refers to in one write', async () => {
    const { run, stored, services, ready, requests } = await rigWith();
    await run();
    expect(stored()?.status?.securityServices).toEqual([services.b]);
    expect(ready()).toMatchObject({ status: 'True', reason: 'Available' });
    expect(requests()).toEqual([`PUT ${network}/status`]);
    await run();
    expect(requests()).toHaveLength(1);
  });
});

describe('a change of the services of a network in use', () => {
  it('is committed before any server is marked, and servers are marked before the change is applied', async () => {
    const { run, stored, storedServer, services, ready, requests, events } = await rigWith({ serverStatus: active });
    await run();
    expect(stored()?.status).toMatchObject({
      phase: 'network_change',
      securityServices: [services.b],
      networkChange: { stage: 'marking', changes: [{ operation: 'update', to: services.b }] },
    });
    expect(storedServer()?.status?.phase).toBe('active');
    expect(events.map(({ reason }) => reason)).toEqual(['NetworkChangeStarted']);
    expect(writes(requests())).toEqual([
      'PUT /apis/sharenet.io/v1alpha1/namespaces/team-a/securityservices/ldap-b/status',
      `PUT ${network}/status`,
    ]);

    await run();
    expect(storedServer()?.status).toMatchObject({ phase: 'network_change', operation: { id: expect.any(String) } });
    expect(stored()?.status?.networkChange?.stage).toBe('applying');
    expect(stored()?.status?.shareServers?.networkChange).toBe(1);
    expect(writes(requests()).slice(2)).toEqual([`PUT ${server}/status`, `PUT ${network}/status`]);
    expect(ready()).toMatchObject({ status: 'False', reason: 'NetworkChangeInProgress' });

    // Nothing happens, and nothing is written, while the server applies it.
    const before = requests().length;
    await run();
    expect(requests()).toHaveLength(before);
  });

  it.each([
    ['Succeeded', 'active', undefined, 'Available', 'NetworkChangeSucceeded'],
    ['Failed', 'error', 'Failed', 'UpdateFailed', 'NetworkChangeFailed'],
    ['NotAttempted', 'active', 'NotAttempted', 'NotAttempted', 'NetworkChangeStopped'],
  ] as const)('ends when no server takes part any more: %s', async (result, phase, missedUpdate, reason, event) => {
    const { run, stored, storedServer, store, operator, services, ready, events } = await rigWith({
      serverStatus: active,
    });
    await run();
    await run();
    const changed = storedServer();
    if (changed?.status?.networkChange === undefined) throw new Error('the server takes part');
    const { networkChange, operation: _ended, missedUpdate: __, ...rest } = changed.status;
    store(operator.informers.shareServers, {
      ...changed,
      status: {
        ...rest,
        phase,
        recordedPhase: phase,
        lastNetworkChange: { id: networkChange.id, result },
        securityServices: [{ ...(result === 'Succeeded' ? services.b : services.a), servers: ['ldap-b'] }],
        ...(missedUpdate === undefined ? {} : { missedUpdate }),
      },
    });
    await run();
    expect(stored()?.status).toMatchObject({ phase: 'active', shareServers: { total: 1, networkChange: 0 } });
    expect(stored()?.status?.networkChange).toBeUndefined();
    expect(ready()?.reason).toBe(reason);
    expect(events.map(({ reason: told }) => told)).toEqual(['NetworkChangeStarted', event]);
  });

  it('is not committed where the drivers refuse it, and they are asked once', async () => {
    const answer = { compatible: false, reason: 'NoSuchDomain', message: 'there is no such domain' };
    const { run, stored, checks, ready, edit } = await rigWith({ serverStatus: active, check: async () => answer });
    for (const _pass of [1, 2, 3]) await run();
    expect(stored()?.status?.phase).toBe('active');
    expect(ready()).toMatchObject({ reason: 'NoSuchDomain', message: expect.stringContaining('net-1') });
    expect(checks()).toBe(1);
    // On request they are asked again.
    const annotations = { [labels.reconcileRequestedAt]: 't1' };
    edit((present) => ({ ...present, metadata: { ...present.metadata, annotations } }));
    await run();
    expect(checks()).toBe(2);
  });

  it('waits with growing pauses for a driver that does not answer', async () => {
    const error = new DriverError({ kind: 'Unavailable', reason: 'NoAnswer', message: 'no answer' });
    const { run, checks, ready, clock } = await rigWith({ serverStatus: active, check: () => Promise.reject(error) });
    const first = await run();
    expect(ready()).toMatchObject({ status: 'False', reason: 'NoAnswer' });
    await run();
    expect(checks()).toBe(1);
    await clock.advance(first?.requeueAfterMs ?? 0);
    const second = await run();
    expect(checks()).toBe(2);
    expect(second?.requeueAfterMs).toBeGreaterThan(first?.requeueAfterMs ?? 0);
  });

  it('is refused by the guard with its reason while a server is in error', async () => {
    const { run, checks, ready } = await rigWith({ serverStatus: { phase: 'error', recordedPhase: 'error' } });
    await run();
    expect(ready()).toMatchObject({ status: 'False', reason: 'ShareServerNotActive' });
    expect(checks()).toBe(0);
  });

  it('stops in error where its record contradicts the association, until the phase is reset', async () => {
    const { run, stored, ready, upToDate, edit, events } = await rigWith({ serverStatus: active });
    await run();
    edit((present) => ({ ...present, status: { ...present.status, securityServices: [] } }));
    await run();
    expect(stored()?.status).toMatchObject({ phase: 'error', invalidChange: expect.any(String) });
    expect(upToDate()).toMatchObject({ status: 'Unknown', reason: 'ChangeRecordInvalid' });
    await run();
    expect(ready()).toMatchObject({ reason: 'ChangeRecordInvalid' });
    edit((present) => ({ ...present, status: { ...present.status, phase: 'active' } }));
    await run();
    expect(stored()?.status?.invalidChange).toBeUndefined();
    expect(events.map(({ reason }) => reason)).toContain('StatusReset');
  });
});

describe('a question whether services can be changed', () => {
  const metadata = { annotations: { [labels.checkSecurityServices]: 'ldap=ldap-b' } };
  const spec = { securityServices: [{ type: 'ldap', name: 'ldap-a' }] } as const;

  it('is answered by the drivers, once', async () => {
    const { run, stored, checks } = await rigWith({ metadata, spec, serverStatus: active });
    for (const _pass of [1, 2]) await run();
    expect(stored()?.status?.check).toMatchObject({ compatible: true, request: 'ldap=ldap-b' });
    expect(checks()).toBe(1);
  });

  it.each([
    [{ metadata: { annotations: { ...metadata.annotations, [labels.paused]: 'true' } } }, 'Paused'],
    [{ status: { phase: 'error', recordedPhase: 'error' } }, 'ShareNetworkNotActive'],
    [{ status: { phase: 'network_change', recordedPhase: 'network_change' } }, 'ShareNetworkNotActive'],
  ] as const)('is rejected while no change may begin (%#)', async (scene, reason) => {
    const { run, stored, checks, ready } = await rigWith({ metadata, spec, serverStatus: active, ...scene });
    await run();
    expect(stored()?.status?.check).toMatchObject({ compatible: false, reason });
    expect(stored()?.status?.check?.message).toBe(`not now: ${ready()?.message}`);
    expect(checks()).toBe(0);
  });

  it('has no answer when it is withdrawn', async () => {
    const { run, stored, edit } = await rigWith({ metadata, spec, serverStatus: active });
    await run();
    edit((present) => ({ ...present, metadata: { ...present.metadata, annotations: {} } }));
    await run();
    expect(stored()?.status?.check).toBeUndefined();
  });
});

describe('the deletion of a network', () => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };
  const blocked = (rig: { readonly stored: () => ShareNetwork | undefined }) =>
    rig.stored()?.status?.conditions?.find(({ type }) => type === 'DeletionBlocked');

  it('waits for the shares on it', async () => {
    const rig = await rigWith({ metadata, serverStatus: active });
    rig.store(rig.operator.informers.shares, {
      metadata: { namespace, name: 'share', finalizers: [labels.finalizer] },
      spec: { protocol: 'NFS', size: '1Gi', shareNetworkName: 'net' },
    });
    await rig.run();
    expect(blocked(rig)).toMatchObject({ reason: 'SharesExist', message: expect.stringContaining('share') });
    expect(writes(rig.requests())).toEqual([`PUT ${network}/status`]);
  });

  it('deletes the share servers, then releases the network', async () => {
    const rig = await rigWith({ metadata, serverStatus: active });
    await rig.run();
    expect(blocked(rig)).toMatchObject({ reason: 'ShareServersExist' });
    expect(writes(rig.requests())).toEqual([`DELETE ${server}`, `PUT ${network}/status`]);
    const torn = rig.storedServer();
    if (torn !== undefined) rig.operator.informers.shareServers.cache.observeAbsence(torn, '9999');
    await rig.run();
    expect(writes(rig.requests()).at(-1)).toBe(`PATCH ${network}`);
  });

  it('waits for a change, which is taken further', async () => {
    const rig = await rigWith({ serverStatus: active });
    await rig.run();
    rig.edit((present) => ({ ...present, metadata: { ...present.metadata, ...metadata } }));
    await rig.run();
    expect(rig.stored()?.status?.networkChange?.stage).toBe('applying');
    expect(blocked(rig)).toMatchObject({ reason: 'NetworkChangeInProgress' });
  });
});
