import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { NetworkChangeRecord, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import type { SecurityServiceUpdateRequest, SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { shareServerReconciler } from '../shareserver/reconciler.ts';
import { applyChange } from './apply.ts';

const namespace = 'team-a';
const server = '/apis/sharenet.io/v1alpha1/namespaces/team-a/shareservers';

type Update = (request: SecurityServiceUpdateRequest) => Promise<SecurityServiceUpdateResult>;

interface Scene {
  readonly network?: Partial<ShareNetwork>;
  readonly record?: Partial<NetworkChangeRecord>;
  readonly status?: ShareServerStatus;
  readonly update?: Update;
}

/** An operator with the share servers `net-1` and `net-2`, which take part in the change `c1` from `*-a` to `*-b`. */
async function rigWith({ network, record, status, update = async () => ({}) }: Scene = {}) {
  const rig = await createOperatorRig();
  const storage = await createDriverRig();
  onTestFinished(async () => {
    await rig[Symbol.asyncDispose]();
    await storage.cleanup();
  });
  const { informers, instances } = rig.operator;
  const calls: string[] = [];
  const updateShareServerSecurityService: Update = async (request) => {
    calls.push(`${request.server.name} ${request.newSecurityService.name}`);
    return await update(request);
  };
  await instances.replace('b', { ...storage.open(), updateShareServerSecurityService }, 0);
  showTenantAndBackend(rig.operator, { namespace, namespaceUID: 'uid-team-a' });
  rig.store(informers.credentials, {
    metadata: { namespace, name: 'pw', labels: { [labels.credentialsLabel]: 'true' } },
    data: { password: Buffer.from('secret').toString('base64') },
  });
  const changes = (['ldap', 'kerberos'] as const).map((type) => {
    const name = `${type}-b`;
    const { uid = '' } = rig.store(informers.securityServices, {
      metadata: { namespace, name, generation: 1 },
      spec: {
        type,
        servers: ['10.0.0.1'],
        dnsIPs: ['10.0.0.53'],
        domain: 'example.com',
        user: 'reader',
        passwordSecretRef: { name: 'pw' },
      },
    }).metadata;
    return { type, operation: 'update', to: { type, name, uid, generation: 1 } } as const;
  });
  rig.store<ShareNetwork>(informers.shareNetworks, {
    metadata: { namespace, name: 'net', ...network?.metadata },
    spec: network?.spec ?? {},
    status: {
      phase: 'network_change',
      securityServices: changes.map(({ to }) => to),
      networkChange: {
        id: 'c1',
        stage: 'applying',
        scope: 'all',
        changes,
        requestedBy: 'spec',
        startedTime: '2026-01-01T00:00:00Z',
        ...record,
      },
    },
  });
  const names = ['net-1', 'net-2'] as const;
  for (const name of names) {
    rig.store<ShareServer>(informers.shareServers, {
      metadata: { namespace, name, generation: 1, finalizers: [labels.finalizer] },
      spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 's', securityServiceUpdateSupport: true },
      status: {
        phase: 'network_change',
        recordedPhase: 'network_change',
        identifier: 'sn',
        networkChange: { id: 'c1', changes },
        securityServices: [{ type: 'ldap', name: 'ldap-a', uid: 'uid-a', generation: 1 }],
        ...(name === 'net-1' ? status : {}),
      },
    });
  }
  const reconciler = shareServerReconciler(rig.operator, applyChange);
  return {
    ...rig,
    calls,
    run: (name: (typeof names)[number] = 'net-1') => reconciler.reconcile(reconcileContext({ namespace, name })),
    stored: (name: (typeof names)[number] = 'net-1') => informers.shareServers.cache.get({ namespace, name })?.status,
    show: (change: (present: ShareNetwork) => ShareNetwork) => {
      const present = informers.shareNetworks.cache.get({ namespace, name: 'net' });
      if (present !== undefined) rig.store(informers.shareNetworks, change(present));
    },
  };
}

const failing = (kind: 'Unavailable' | 'Rejected') => () =>
  Promise.reject(new DriverError({ kind, reason: 'NoAnswer', message: 'no answer' }));
const abort = ({ status, ...rest }: ShareNetwork): ShareNetwork => ({
  ...rest,
  status: { ...status, ...(status?.networkChange && { networkChange: { ...status.networkChange, aborted: true } }) },
});
const writes = (requests: readonly string[]) => requests.filter((request) => !request.startsWith('GET'));

describe('a share server in a change of its network', () => {
  it('is given one service after the other; each is stored, and with the last one the server is active', async () => {
    const { run, stored, calls, requests } = await rigWith();
    await run();
    expect(calls).toEqual(['net-1 ldap-b', 'net-1 kerberos-b']);
    expect(stored()).toMatchObject({
      phase: 'active',
      lastNetworkChange: { id: 'c1', result: 'Succeeded' },
      securityServices: [{ name: 'ldap-b' }, { name: 'kerberos-b' }],
    });
    expect(stored()?.networkChange).toBeUndefined();
    // The beginning, and each service.
    expect(writes(requests())).toEqual(Array(3).fill(`PUT ${server}/net-1/status`));
  });

  it.each([
    ['the other servers are not marked', { record: { stage: 'marking' } }],
    ['the network is paused', { network: { metadata: { name: 'net', annotations: { [labels.paused]: 'true' } } } }],
  ] as const)('waits while %s', async (_why, scene) => {
    const { run, calls, requests } = await rigWith(scene);
    await run();
    expect(calls).toEqual([]);
    expect(writes(requests())).toEqual([]);
  });

  it('waits for its turn', async () => {
    const { promise, resolve } = Promise.withResolvers<SecurityServiceUpdateResult>();
    const network = { spec: { securityServiceChange: { maxConcurrentServers: 1 } } };
    const { run, calls, stored } = await rigWith({ network, update: () => promise });
    const first = run('net-1');
    await run('net-2');
    expect(stored('net-2')).toMatchObject({ phase: 'network_change' });
    resolve({});
    await first;
    expect(calls).toEqual(['net-1 ldap-b', 'net-1 kerberos-b']);
    await run('net-2');
    expect(stored('net-2')).toMatchObject({ phase: 'active', lastNetworkChange: { result: 'Succeeded' } });
  });

  it('keeps its services where the change was aborted before its turn', async () => {
    const { run, calls, stored } = await rigWith({ record: { aborted: true } });
    await run();
    expect(calls).toEqual([]);
    expect(stored()).toMatchObject({
      phase: 'active',
      missedUpdate: 'NotAttempted',
      lastNetworkChange: { result: 'NotAttempted' },
      securityServices: [{ name: 'ldap-a' }],
    });
  });

  it('is finished although the change is aborted after its first call', async () => {
    const { run, calls, stored, show } = await rigWith({
      update: async () => {
        show(abort);
        return {};
      },
    });
    await run();
    expect(calls).toHaveLength(2);
    expect(stored()?.lastNetworkChange?.result).toBe('Succeeded');
  });

  it('stays in error where an earlier update failed and the change was stopped', async () => {
    const lastError = { operation: 'x', reason: 'R', message: 'the domain is gone', time: '2026-01-01T00:00:00Z' };
    const { run, stored } = await rigWith({ record: { aborted: true }, status: { missedUpdate: 'Failed', lastError } });
    await run();
    expect(stored()).toMatchObject({ phase: 'error', missedUpdate: 'Failed' });
  });

  it('is tried again with pauses while the storage system does not answer, and fails at changeTimeout', async () => {
    const { run, calls, stored, clock } = await rigWith({ update: failing('Unavailable') });
    const first = await run();
    expect(stored()?.conditions?.find(({ type }) => type === 'Ready')).toMatchObject({ reason: 'NoAnswer' });
    // What else brings the server into the queue does not shorten the pause.
    expect(await run()).toEqual(first);
    expect(calls).toHaveLength(1);
    await clock.advance(first?.requeueAfterMs ?? 0);
    await run();
    expect(calls).toHaveLength(2);
    await clock.advance(3_600_000);
    await run();
    expect(calls).toHaveLength(2);
    expect(stored()).toMatchObject({
      phase: 'error',
      lastError: { reason: 'ChangeTimedOut', message: expect.stringContaining('no answer') },
    });
  });

  it('stores the token of work that continues, and asks with it', async () => {
    const { run, stored } = await rigWith({
      update: () => Promise.reject(new InProgress({ token: 'job-7', pollAfter: 3 })),
    });
    expect(await run()).toEqual({ requeueAfterMs: 3000 });
    expect(stored()).toMatchObject({ phase: 'network_change', operation: { id: 'c1', token: 'job-7' } });
  });

  it('continues work that the storage system has begun although the change is aborted meanwhile', async () => {
    const answers = [() => Promise.reject(new InProgress({ token: 'job-7', pollAfter: 3 }))];
    const { run, stored, clock, show } = await rigWith({ update: async () => (await answers.pop()?.()) ?? {} });
    await run();
    show(abort);
    await clock.advance(3000);
    await run();
    expect(stored()?.lastNetworkChange?.result).toBe('Succeeded');
  });

  it('fails where the driver rejects a service, and what was applied before stays recorded', async () => {
    const reject = failing('Rejected');
    const update: Update = async ({ newSecurityService: { type } }) => (type === 'ldap' ? {} : await reject());
    const { run, stored, events } = await rigWith({ update });
    await run();
    expect(stored()).toMatchObject({
      phase: 'error',
      missedUpdate: 'Failed',
      lastNetworkChange: { id: 'c1', result: 'Failed' },
      securityServices: [{ name: 'ldap-b' }],
      attempted: [{ name: 'kerberos-b' }],
    });
    expect(events).toMatchObject([{ reason: 'UpdateFailed', note: expect.stringContaining('no answer') }]);
  });

  it('keeps the phase that an administrator wrote during the call', async () => {
    const { run, stored, operator, store, calls } = await rigWith({
      update: async ({ newSecurityService: { type } }) => {
        if (type !== 'kerberos') return {};
        const { shareServers } = operator.informers;
        const present = shareServers.cache.get({ namespace, name: 'net-1' });
        if (present !== undefined) store(shareServers, { ...present, status: { ...present.status, phase: 'error' } });
        return {};
      },
    });
    await run();
    expect(calls).toHaveLength(2);
    expect(stored()).toMatchObject({ phase: 'error', lastNetworkChange: { id: 'c1', result: 'Succeeded' } });
  });
});
