import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from '../kube/control-plane.ts';
import { type Answer, ApiServer } from './api-server.ts';
import {
  collectionPath,
  crdsDirectory,
  type Definition,
  readDefinitions,
  ruleMessages,
  withoutConstraints,
} from './definitions.ts';
import { formatCases } from './format-cases.ts';
import { type OldObject, oldObjects } from './old-objects.ts';
import { patternCases } from './pattern-cases.ts';
import { transitionCases } from './transition-cases.ts';
import { validSpecs } from './valid-specs.ts';

const definitions = new Map((await readDefinitions()).map((definition) => [definition.spec.names.kind, definition]));

let plane: ControlPlane;
let api: ApiServer;

function definition(kind: string): Definition {
  const found = definitions.get(kind);
  if (found === undefined) throw new Error(`no definition of ${kind}`);
  return found;
}

function object(kind: string, name: string, change: object = {}): object {
  return { apiVersion: 'sharenet.io/v1alpha1', kind, metadata: { name }, spec: { ...validSpecs.get(kind), ...change } };
}

async function dryRun(kind: string, change: object, name = 'tried'): Promise<Answer> {
  return api.call('POST', `${collectionPath(definition(kind))}?dryRun=All`, object(kind, name, change));
}

/** Polls until the answer has this code: the API server takes new definitions some moments later. */
async function until(code: number, ask: () => Promise<Answer>): Promise<void> {
  await vi.waitFor(async () => expect(await ask()).toMatchObject({ code }), { timeout: 20_000, interval: 100 });
}

/** Stores one object of each kind before the rules, then installs the rules. */
beforeAll(async () => {
  plane = await startControlPlane();
  api = new ApiServer(plane);
  const eachKind = (act: (kind: string, current: Definition, old: OldObject) => Promise<void>) =>
    Promise.all([...oldObjects].map(([kind, old]) => act(kind, definition(kind), old)));
  await eachKind(async (kind, current, { name, spec }) => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    expect(await api.call('POST', path, withoutConstraints(current))).toMatchObject({ code: 201 });
    await until(201, () => api.call('POST', collectionPath(current), object(kind, name, spec)));
  });
  const applied = await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', crdsDirectory]);
  expect(applied.stderr).toBe('');
  await eachKind((kind, _, { name, spec }) => until(422, () => dryRun(kind, spec, `${name.slice(0, -1)}x`)));
}, 120_000);

afterAll(async () => {
  await api?.close();
  await plane?.stop();
});

test.each([...formatCases, ...patternCases])('$kind: $message', async ({ kind, message, accepted, refused }) => {
  expect(accepted.length * refused.length).toBeGreaterThan(0);
  for (const change of accepted) {
    expect(await dryRun(kind, change), JSON.stringify(change)).toMatchObject({ code: 201 });
  }
  for (const change of refused) {
    const answer = await dryRun(kind, change);
    expect(answer, JSON.stringify(change)).toMatchObject({ code: 422, message: expect.stringContaining(message) });
    expect(answer.message).not.toContain('evaluating rule');
  }
});

test.each(transitionCases.map((row, index) => ({ ...row, index })))(
  '$kind: $message (from $before, status $status)',
  async ({ kind, message, before, status, accepted, refused, index }) => {
    const path = collectionPath(definition(kind));
    const name = `before-${index}`;
    expect(await api.call('POST', path, object(kind, name, before))).toMatchObject({ code: 201 });
    if (status !== undefined) {
      expect(await api.call('PATCH', `${path}/${name}/status`, { status })).toMatchObject({ code: 200 });
    }
    const change = (spec: object) => api.call('PATCH', `${path}/${name}?dryRun=All`, { spec });
    for (const spec of accepted) {
      expect(await change(spec), JSON.stringify(spec)).toMatchObject({ code: 200 });
    }
    for (const spec of refused) {
      const answer = await change(spec);
      expect(answer, JSON.stringify(spec)).toMatchObject({ code: 422, message: expect.stringContaining(message) });
    }
  },
);

test('the refusal of a change while the network is not active says when to retry', async () => {
  const path = collectionPath(definition('ShareNetwork'));
  await api.call('POST', path, object('ShareNetwork', 'busy'));
  await api.call('PATCH', `${path}/busy/status`, { status: { phase: 'network_change' } });
  const answer = await api.call('PATCH', `${path}/busy`, { spec: { subnets: [] } });
  expect(answer.message).toContain(
    "subnets can't be changed while the share network is not active but in network_change (ShareNetworkNotActive); " +
      'retry once the network is active',
  );
});

test.each([
  ['ip', '1.2.3.260'],
  ['ip', '1.2.3.*'],
  ['ip', '1.2.3.4/33'],
  ['user', 'al/ice'],
  ['user', '....'],
  ['cert', 'c'.repeat(65)],
  ['cephx', 'client.alice'],
])('the refusal of an access rule of type %s names its target %s, and the reason', async (accessType, accessTo) => {
  const answer = await dryRun('ShareAccess', { accessType, accessTo });
  expect(answer).toMatchObject({
    code: 422,
    message: expect.stringContaining(`; it is "${accessTo}" (InvalidAccessRule)`),
  });
});

test('the name of a new ShareAccess has at most 242 characters', async () => {
  expect(await dryRun('ShareAccess', {}, 'a'.repeat(242))).toMatchObject({ code: 201 });
  const refused = await dryRun('ShareAccess', {}, 'a'.repeat(243));
  expect(refused).toMatchObject({ code: 422, message: expect.stringContaining('at most 242 characters') });
});

test('every rule of every kind has an accepted and a refused case', () => {
  const tried = [
    ...formatCases,
    ...patternCases,
    ...transitionCases.filter(({ accepted, refused }) => accepted.length > 0 && refused.length > 0),
    { kind: 'ShareAccess', message: 'the name must have at most 242' },
  ];
  const untried = [...definitions].flatMap(([kind, definition]) =>
    ruleMessages(definition)
      .filter((rule) => !tried.some((row) => row.kind === kind && rule.startsWith(row.message)))
      .map((rule) => `${kind}: ${rule}`),
  );
  expect(untried).toEqual([]);
});

test.each([...definitions.keys()])(
  'a %s stored before its rules can be labelled, reported on and deleted',
  async (kind) => {
    const path = `${collectionPath(definition(kind))}/${oldObjects.get(kind)?.name}`;
    const metadata = { labels: { seen: 'true' }, finalizers: ['sharenet.io/finalizer'] };
    expect(await api.call('PATCH', path, { metadata })).toMatchObject({ code: 200 });
    const status = { observedGeneration: 1, lastHandledReconcileAt: 'token' };
    expect(await api.call('PATCH', `${path}/status`, { status })).toMatchObject({ code: 200 });
    expect(await api.call('DELETE', path)).toMatchObject({ code: 200 });
    expect(await api.call('PATCH', path, { metadata: { finalizers: null } })).toMatchObject({ code: 200 });
    await until(404, () => api.call('GET', path));
  },
);

test.each([...definitions.keys()])('a field that %s does not have is refused', async (kind) => {
  const answer = await dryRun(kind, { unheardOf: true });
  expect(answer).toMatchObject({ code: 400, message: expect.stringContaining('unknown field "spec.unheardOf"') });
});

test.each([
  ['StorageBackend', 'a directory with %', { dummy: { stateDirectory: '/var/lib/%h' } }],
  ['StorageBackend', 'what is no duration', { dummy: { latency: '1 second' } }],
  ['StorageBackend', 'a driver without a vendor', { driver: 'unheard-of', dummy: undefined }],
  ['StorageBackend', 'a long list', { allowedSegments: Array(65).fill({ networkType: 'flat' }) }],
  ['SecurityService', 'a control character', { domain: 'ad.example.com\nlog level = 10' }],
  ['SecurityService', 'a leading @', { user: '@admins' }],
  ['SecurityService', 'a leading -', { user: '-joiner' }],
  ['SecurityService', 'leading white space', { ou: ' OU=Filers' }],
  ['SecurityService', 'a leading no-break space', { ou: '\u00a0OU=Filers' }],
  ['SecurityService', '%', { domain: '%m.example.com' }],
  ['SecurityService', 'a server that is an option', { servers: ['-oProxyCommand=x'] }],
  ['SecurityService', 'a long text', { domain: 'd'.repeat(256) }],
  ['SecurityService', 'a long list', { dnsIPs: Array(17).fill('10.0.0.53') }],
  ['SecurityService', 'a Secret name with a path', { passwordSecretRef: { name: '../other' } }],
  ['ShareNetwork', 'two services of a type', { securityServices: ['a', 'b'].map((name) => ({ type: 'ldap', name })) }],
  ['ShareNetwork', 'an unknown type', { securityServices: [{ type: 'nis', name: 'a' }] }],
  ['Share', 'a size that is no quantity', { size: 'large' }],
  ['Share', 'a size with a sign', { size: '-1Gi' }],
  ['ShareAccess', 'a control character', { accessType: 'cert', accessTo: 'client\u0007' }],
  ['ShareAccess', 'a long target', { accessType: 'user', accessTo: 'u'.repeat(256) }],
])('%s: bounds and patterns refuse %s', async (kind, _, change) => {
  expect(await dryRun(kind, change)).toMatchObject({ code: 422 });
});

test('defaults and the first status show from creation', async () => {
  const created = (kind: string) => dryRun(kind, {});
  expect(await created('StorageBackend')).toMatchObject({
    spec: {
      enabled: true,
      maxConcurrentOperations: 8,
      operationTimeout: '60s',
      changeTimeout: '10m',
      unusedShareServerTimeout: '10m',
      allowAbandon: false,
      dummy: { driverHandlesShareServers: true, securityServiceUpdateSupport: true, accessKeys: true, latency: '0s' },
    },
    status: { observedGeneration: -1 },
  });
  const initial = (phase: string) => ({ status: { observedGeneration: -1, phase } });
  expect(await created('SecurityService')).toMatchObject({
    spec: { passwordSecretRef: { key: 'password' } },
    status: { observedGeneration: -1 },
  });
  expect(await created('ShareNetwork')).toMatchObject(initial('active'));
  expect(await created('ShareServer')).toMatchObject({
    spec: { securityServiceUpdateSupport: false },
    ...initial('creating'),
  });
  expect(await created('Share')).toMatchObject({ spec: { deletionPolicy: 'Delete' }, ...initial('creating') });
  expect(await created('ShareAccess')).toMatchObject({ spec: { accessLevel: 'rw' }, ...initial('queued_to_apply') });
});

test('shares and servers can be selected by phase and by what they refer to', async () => {
  const path = collectionPath(definition('ShareServer'));
  await api.call(
    'POST',
    path,
    object('ShareServer', 'selected', { shareNetworkName: 'net-7', backendName: 'filer-7' }),
  );
  const selector = 'spec.shareNetworkName=net-7,spec.backendName=filer-7,status.phase=creating';
  const { items } = await api.call('GET', `${path}?fieldSelector=${encodeURIComponent(selector)}`);
  expect(items?.map(({ metadata }) => metadata.name)).toEqual(['selected']);
});

test('kubectl knows the short names, the category and the columns', async () => {
  const columns = async (kind: string, name: string) => {
    const path = collectionPath(definition(kind));
    await api.call('POST', path, object(kind, 'shown'));
    const { stdout } = await plane.kubectl(['get', name, 'shown']);
    return stdout
      .split('\n')[0]
      ?.split(/\s{2,}/)
      .map((column) => column.trim())
      .join(' ');
  };
  expect(await columns('StorageBackend', 'sbe')).toBe('NAME DRIVER READY DHSS SS-UPDATE AGE');
  expect(await columns('SecurityService', 'secsvc')).toBe('NAME TYPE DOMAIN IN-USE READY AGE');
  expect(await columns('ShareNetwork', 'shnet')).toBe('NAME PHASE READY SS-UPDATE SERVERS AGE');
  expect(await columns('ShareServer', 'shsrv')).toBe('NAME NETWORK BACKEND PHASE SS-UPDATE READY AGE');
  expect(await columns('Share', 'shr')).toBe('NAME PROTOCOL SIZE PHASE ACCESS BACKEND AGE');
  expect(await columns('ShareAccess', 'sha')).toBe('NAME SHARE TYPE TO LEVEL PHASE KEY-SECRET AGE');
  const { stdout } = await plane.kubectl(['get', 'sharenet', '-o', 'name']);
  expect(stdout).toContain('sharenetwork.sharenet.io/shown');
  const wide = await plane.kubectl(['get', 'shnet', 'shown', '-o', 'wide']);
  expect(wide.stdout).toContain('MESSAGE');
});

test('kubectl explain describes every level', async () => {
  for (const path of [
    'sharenetwork.spec.securityServices',
    'shareserver.status.networkChange.changes.to',
    'sha',
    'sbe.spec.dummy.faults.match',
  ]) {
    const { code, stdout } = await plane.kubectl(['explain', path]);
    expect(code).toBe(0);
    expect(stdout).not.toContain('<empty>');
    expect(stdout).not.toContain('<no description>');
  }
});
