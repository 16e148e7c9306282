import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  createOperatorRig,
  type OperatorRig,
  reconcileContext,
  showTenantAndBackend,
} from '../../../test/faults/operator-rig.ts';
import * as plan from '../../access-rules/plan.ts';
import type { BackendCapabilities } from '../../api/v1alpha1/backend-capabilities.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessSpec, ShareAccessStatus } from '../../api/v1alpha1/share-access.ts';
import type { AccessRequest, AccessUpdate } from '../../drivers/driver.ts';
import { callContext, createDriverRig, type DriverRig } from '../../drivers/dummy/driver-rig.ts';
import { DriverError } from '../../drivers/errors.ts';
import { ShareAccessReconciler } from './reconciler.ts';

vi.mock('../../access-rules/plan.ts', { spy: true });

const key = { namespace: 'team-a', name: 'share' };
const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const rulePath = (name: string) => `/apis/sharenet.io/v1alpha1/namespaces/team-a/shareaccesses/${name}`;
const secretsPath = '/api/v1/namespaces/team-a/secrets';
const capabilities: BackendCapabilities = {
  driverHandlesShareServers: false,
  securityServiceUpdateSupport: false,
  securityServiceTypes: [],
  shareProtocols: ['CEPHFS'],
  accessTypesByProtocol: { CEPHFS: ['cephx', 'ip'] },
  accessLevels: ['rw', 'ro'],
  accessKeyTypes: ['cephx'],
  networkAllocationsPerServer: 0,
};

let rig: OperatorRig;
let storage: DriverRig;
let reconciler: ShareAccessReconciler;
/** The rule lists of the driver calls, by names. */
let calls: Readonly<Record<string, readonly string[]>>[];
/** Runs before the driver applies a call, and may throw or answer for a rule. */
let answer: (request: AccessRequest) => ReadonlyMap<string, AccessUpdate> | undefined;

beforeEach(async () => {
  rig = await createOperatorRig();
  storage = await createDriverRig();
  calls = [];
  answer = () => undefined;
  const { operator } = rig;
  const share = rig.store(operator.informers.shares, shareWith());
  const driver = storage.open({ driverHandlesShareServers: false });
  const location = { id: share.metadata.uid ?? '', name: 'share', protocol: 'CEPHFS', size: 2 ** 30 } as const;
  await driver.createShare({ share: { ...location, exportLocations: [] } }, callContext({ tenant }));
  const watched = Object.assign(Object.create(driver), {
    ensureShare: driver.ensureShare?.bind(driver),
    updateAccess: async (...args: Parameters<typeof driver.updateAccess>) => {
      const [{ addRules, updateRules, deleteRules, accessRules }] = args;
      const names = (rules: typeof addRules) => rules.map(({ name }) => name).sort();
      calls.push({
        all: names(accessRules),
        add: names(addRules),
        update: names(updateRules),
        deny: names(deleteRules),
      });
      return answer(args[0]) ?? (await driver.updateAccess(...args));
    },
  });
  await operator.instances.replace('b', watched, 0);
  showTenantAndBackend(operator, tenant);
  const { cache } = operator.informers.storageBackends;
  const backend = cache.get({ name: 'b' });
  if (backend === undefined) throw new Error('the backend is not in the cache');
  const metadata = { ...backend.metadata, resourceVersion: '2' };
  cache.observe({ ...backend, metadata, status: { ...backend.status, capabilities } });
  reconciler = new ShareAccessReconciler(operator);
  vi.mocked(plan.planRules).mockClear();
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
  await storage.cleanup();
});

function shareWith(): Share {
  return {
    metadata: { ...key, generation: 1 },
    spec: { protocol: 'CEPHFS', size: '1Gi' },
    status: {
      phase: 'available',
      backendName: 'b',
      identifier: 'dummy-share',
      size: '1Gi',
      observedGeneration: 1,
      accessRulesStatus: 'active',
    },
  };
}

function addRule(
  name: string,
  parts: {
    readonly spec?: Partial<ShareAccessSpec>;
    readonly status?: ShareAccessStatus;
    readonly metadata?: object;
  } = {},
): ShareAccess {
  return rig.store(rig.operator.informers.shareAccesses, {
    metadata: {
      namespace: 'team-a',
      name,
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...parts.metadata,
    },
    spec: { shareName: 'share', accessType: 'cephx', accessTo: name, accessLevel: 'rw', ...parts.spec },
    status: { observedGeneration: -1, phase: 'queued_to_apply', ...parts.status },
  });
}

function rule(name: string): ShareAccess | undefined {
  return rig.operator.informers.shareAccesses.cache.get({ namespace: 'team-a', name });
}

function edit(name: string, change: (rule: ShareAccess) => ShareAccess): void {
  const before = rule(name);
  if (before === undefined) throw new Error(`there is no rule ${name}`);
  rig.store(rig.operator.informers.shareAccesses, change(before));
}

const run = () => reconciler.reconcile(reconcileContext(key));
const writes = (from = 0) =>
  rig
    .requests()
    .slice(from)
    .filter((request) => !request.startsWith('GET'));

test('a rule with a key costs the finalizer, the Secret and one status, in this order, after a dry run of the Secret', async () => {
  // The API server in memory knows no dry run.
  rig.server.fault = ({ query }) =>
    query.has('dryRun') ? { status: 201, body: '{"metadata":{"name":"alice-access-key"}}' } : undefined;
  addRule('alice');
  await run();
  expect(writes()).toEqual([
    `POST ${secretsPath}`,
    `PATCH ${rulePath('alice')}`,
    `POST ${secretsPath}`,
    `PUT ${rulePath('alice')}/status`,
  ]);
  expect(rule('alice')?.status).toMatchObject({
    phase: 'active',
    accessLevel: 'rw',
    accessKeySecretRef: { name: 'alice-access-key' },
  });
  const before = rig.requests().length;
  await run();
  expect([rig.requests().length - before, calls.length]).toEqual([0, 1]);
});

test('rules are planned when a pass begins and once more under the lease, and those that came meanwhile are part of the call', async () => {
  addRule('alice');
  const { calls: driverCalls } = rig.operator;
  const acquire = driverCalls.acquire.bind(driverCalls);
  vi.spyOn(driverCalls, 'acquire').mockImplementation(async (...args) => {
    const lease = await acquire(...args);
    addRule('bob');
    return lease;
  });
  await run();
  expect(plan.planRules).toHaveBeenCalledTimes(2);
  expect(calls).toEqual([{ all: ['alice', 'bob'], add: ['alice', 'bob'], update: [], deny: [] }]);
  // Each rule was prepared once: one dry run and one Secret each.
  expect(writes().filter((request) => request === `POST ${secretsPath}`)).toHaveLength(4);
  vi.mocked(plan.planRules).mockClear();
  await run();
  expect(plan.planRules).toHaveBeenCalledTimes(1);
});

test('a rule that the backend rejects is stored as rejected, not tried again, and tried again with a new spec', async () => {
  addRule('alice');
  const rejected: AccessUpdate = { state: 'error', reason: 'no such client' };
  answer = ({ addRules }) => new Map(addRules.map(({ id }) => [id, rejected]));
  await run();
  expect(rule('alice')?.status).toMatchObject({ phase: 'error', failure: 'Rejected' });
  expect(rig.events.map(({ reason, note }) => `${reason}: ${note}`)).toEqual(['AccessRejected: no such client']);
  await run();
  expect(calls).toHaveLength(1);
  answer = () => undefined;
  edit('alice', ({ metadata, spec, ...rest }) => ({
    ...rest,
    metadata: { ...metadata, generation: 2 },
    spec: { ...spec, accessLevel: 'ro' },
  }));
  await run();
  expect(rule('alice')?.status).toMatchObject({ phase: 'active', accessLevel: 'ro' });
  expect(rule('alice')?.status?.failure).toBeUndefined();
});

test('a call that fails permanently puts its rules in error; one that may succeed later leaves them in their phase', async () => {
  addRule('alice');
  answer = () => {
    throw new DriverError({ kind: 'Unavailable', reason: 'Away', message: 'the storage is away' });
  };
  await expect(run()).rejects.toThrow('the storage is away');
  expect(rule('alice')?.status).toMatchObject({ phase: 'applying' });
  expect(rule('alice')?.status?.failure).toBeUndefined();
  answer = () => {
    throw new DriverError({ kind: 'Internal', reason: 'Broken', message: 'the driver is broken' });
  };
  await run();
  expect(rule('alice')?.status).toMatchObject({ phase: 'error', failure: 'Call' });
});

test('a Secret of that name that is not ours stops a rule before the driver is called, and is looked for every 5 minutes', async () => {
  rig.server.put('/api/v1/secrets', { metadata: { namespace: 'team-a', name: 'alice-access-key' } });
  addRule('alice');
  expect(await run()).toEqual({ requeueAfterMs: 300_000 });
  expect(rule('alice')?.status).toMatchObject({ phase: 'error', failure: 'AccessKeySecret' });
  expect(calls).toEqual([]);
  rig.server.remove('/api/v1/secrets', { namespace: 'team-a', name: 'alice-access-key' });
  await run();
  expect(rule('alice')?.status?.phase).toBe('active');
});

test('a duplicate is stored as invalid, and applied when the other rule is gone', async () => {
  addRule('alice');
  await run();
  addRule('other', { spec: { accessTo: 'alice' } });
  await run();
  expect(rule('other')?.status).toMatchObject({ phase: 'error', failure: 'Invalid' });
  const before = rig.requests().length;
  await run();
  expect(rig.requests().length - before).toBe(0);
  edit('alice', ({ metadata, ...rest }) => ({
    ...rest,
    metadata: { ...metadata, deletionTimestamp: '2026-01-02T00:00:00Z' },
  }));
  await run();
  expect(calls.at(-1)).toMatchObject({ deny: ['alice'] });
});

test('a key that the API server refuses to store is remembered on the rule and fetched again from the backend', async () => {
  addRule('alice');
  await run();
  edit('alice', ({ metadata, ...rest }) => ({
    ...rest,
    metadata: { ...metadata, annotations: { [labels.reconcileRequestedAt]: 'now' } },
  }));
  answer = ({ updateRules }) => new Map(updateRules.map(({ id }) => [id, { accessKey: 'another-key' }]));
  rig.server.fault = ({ method, path, query }) =>
    method === 'PUT' && path.startsWith(secretsPath) && !query.has('dryRun') ? { status: 403 } : undefined;
  await expect(run()).rejects.toThrow();
  expect(rule('alice')?.status).toMatchObject({ phase: 'active', accessKeyOutdated: true });
  rig.server.fault = () => undefined;
  answer = () => undefined;
  await rig.clock.advance(60_000);
  await run();
  expect(rule('alice')?.status?.phase).toBe('active');
  expect(rule('alice')?.status?.accessKeyOutdated).toBeUndefined();
});

test('a paused rule stays as it is on the backend, and is active without a driver call after the pause', async () => {
  addRule('alice');
  await run();
  const pause = (annotations: Readonly<Record<string, string>>) =>
    edit('alice', ({ metadata, ...rest }) => ({ ...rest, metadata: { ...metadata, annotations } }));
  const ready = () => rule('alice')?.status?.conditions?.find(({ type }) => type === 'Ready')?.reason;
  pause({ [labels.paused]: 'true' });
  await run();
  expect(ready()).toBe('Paused');
  pause({});
  await run();
  expect(ready()).toBe('Applied');
  expect(calls).toHaveLength(1);
});

test('rules say what they wait for once they have waited for a second', async () => {
  const { shares } = rig.operator.informers;
  rig.store(shares, { ...shareWith(), status: { ...shareWith().status, phase: 'creating' } });
  addRule('alice');
  expect(await run()).toEqual({ requeueAfterMs: 1000 });
  expect(writes()).toEqual([]);
  await rig.clock.advance(1000);
  await run();
  expect(rule('alice')?.status).toMatchObject({
    phase: 'queued_to_apply',
    waitingFor: { kind: 'Share', name: 'share' },
  });
});

test('what is remembered of a share is forgotten with it', async () => {
  addRule('alice');
  await run();
  expect(reconciler.remembered).toBe(1);
  const share = rig.operator.informers.shares.cache.get(key);
  if (share === undefined) throw new Error('the share is not in the cache');
  rig.server.remove('/apis/sharenet.io/v1alpha1/shares', key);
  rig.operator.informers.shares.cache.observeAbsence(share, '999999');
  await run();
  expect(reconciler.remembered).toBe(0);
  expect(rule('alice')?.status).toMatchObject({ phase: 'queued_to_apply' });
  expect(rule('alice')?.status?.accessLevel).toBeUndefined();
});
