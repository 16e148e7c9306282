import { describe, expect, it } from 'vitest';
import { admissionCodes } from '../api/v1alpha1/admission-codes.ts';
import type { BackendCapabilities, SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { ShareNetwork, ShareNetworkStatus } from '../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import {
  countsInGuard,
  type GuardFinding,
  type GuardInput,
  type GuardReason,
  type GuardServer,
  type GuardService,
  judgeChange,
} from './judge-change.ts';

/** What refuses; undefined where nothing does. */
function findingOf(input: GuardInput): GuardFinding | undefined {
  const judgement = judgeChange(input);
  if (judgement.kind === 'nothing') throw new Error('nothing is asked for');
  return judgement.kind === 'refused' ? judgement.finding : undefined;
}

/** A network that is given ad2 in place of ad, with one server: nothing is in the way. */
function passing(): GuardInput {
  return {
    network: network(),
    reapply: false,
    services: new Map([['ad2', service('ad2')]]),
    servers: [guardServer('s1')],
    busyShares: [],
    busyRules: [],
    operatorNamespace: 'sharenet-system',
  };
}

function network(status: ShareNetworkStatus = {}, references = [reference('active_directory', 'ad2')]): ShareNetwork {
  return {
    metadata: { name: 'net', namespace: 'tenant' },
    spec: { securityServices: references },
    status: {
      phase: 'active',
      securityServices: [{ type: 'active_directory', name: 'ad', uid: 'uid-ad', generation: 1 }],
      ...status,
    },
  };
}

function reference(type: SecurityServiceType, name: string): { type: SecurityServiceType; name: string } {
  return { type, name };
}

function service(
  name: string,
  changes: Partial<SecurityService['spec']> = {},
  credentials: GuardService['credentials'] = 'usable',
): GuardService {
  return {
    service: {
      metadata: { name, uid: `uid-${name}`, generation: 1 },
      spec: {
        type: 'active_directory',
        dnsIPs: ['10.0.0.53'],
        domain: 'example.com',
        user: 'joiner',
        passwordSecretRef: { name: 'password' },
        ...changes,
      },
    },
    credentials,
  };
}

function guardServer(name: string, changes: Partial<GuardServer> & { status?: ShareServerStatus } = {}): GuardServer {
  const { status, ...rest } = changes;
  return { server: shareServer(name, status), backend: backend(), paused: false, busy: false, ...rest };
}

function shareServer(name: string, status: ShareServerStatus = {}, updatable: boolean | undefined = true): ShareServer {
  return {
    metadata: { name },
    spec: {
      backendName: 'backend',
      shareNetworkName: 'net',
      subnetName: 'subnet',
      ...(updatable !== undefined && { securityServiceUpdateSupport: updatable }),
    },
    status: { phase: 'active', identifier: 'id', ...status },
  };
}

function backend(
  capabilities: Partial<BackendCapabilities> = {},
  ready: 'True' | 'False' = 'True',
  enabled = true,
): StorageBackend {
  return {
    metadata: { name: 'backend' },
    spec: { driver: 'dummy', enabled },
    status: {
      conditions: [{ type: 'Ready', status: ready, reason: 'Probed', message: '', lastTransitionTime: '' }],
      capabilities: {
        driverHandlesShareServers: true,
        securityServiceUpdateSupport: true,
        securityServiceTypes: ['active_directory', 'ldap', 'kerberos'],
        shareProtocols: ['NFS', 'CIFS'],
        accessTypesByProtocol: {},
        accessLevels: ['rw', 'ro'],
        accessKeyTypes: [],
        networkAllocationsPerServer: 1,
        ...capabilities,
      },
    },
  };
}

function failedUpdate(): ShareServerStatus {
  return { phase: 'error', missedUpdate: 'Failed' };
}

type Break = (input: GuardInput) => GuardInput;

const withService =
  (entry: GuardService, name = 'ad2'): Break =>
  (input) => ({ ...input, services: new Map(input.services).set(name, entry) });

const withServers =
  (...servers: readonly GuardServer[]): Break =>
  (input) => ({ ...input, servers: [...input.servers, ...servers] });

/** Each entry breaks one thing only; they are in the order in which they are checked. */
const breaks: readonly {
  readonly what: string;
  readonly code: number;
  readonly reason: GuardReason;
  readonly effect: 'wait' | 'stalled';
  readonly names: string;
  readonly apply: Break;
}[] = [
  {
    what: 'the network is in network_change',
    code: 422,
    reason: 'ShareNetworkNotActive',
    effect: 'wait',
    names: 'net is in network_change; retry once the network is active',
    apply: (input) => ({
      ...input,
      network: { ...input.network, status: { ...input.network.status, phase: 'network_change' } },
    }),
  },
  {
    what: 'a referenced service does not exist',
    code: 400,
    reason: 'SecurityServiceNotFound',
    effect: 'wait',
    names: 'do not exist: krb',
    apply: (input) => ({ ...input, network: withReference(input.network, 'kerberos', 'krb') }),
  },
  {
    what: 'a service has another type than its entry',
    code: 400,
    reason: 'SecurityServiceTypeMismatch',
    effect: 'stalled',
    names: 'ldap1 has type active_directory but is referenced as ldap',
    apply: (input) =>
      withService(service('ldap1'), 'ldap1')({ ...input, network: withReference(input.network, 'ldap', 'ldap1') }),
  },
  {
    what: 'an entry is removed',
    code: 403,
    reason: 'ShareNetworkInUse',
    effect: 'stalled',
    names: 'not removed: kerberos (krb0)',
    apply: (input) => {
      const record = { type: 'kerberos', name: 'krb0', uid: 'u', generation: 1 } as const;
      const securityServices = [...(input.network.status?.securityServices ?? []), record];
      return { ...input, network: { ...input.network, status: { ...input.network.status, securityServices } } };
    },
  },
  {
    what: 'a server does not support updates',
    code: 403,
    reason: 'SecurityServiceUpdateNotSupported',
    effect: 'stalled',
    names: 'old',
    apply: withServers({ ...guardServer('old'), server: shareServer('old', {}, false) }),
  },
  {
    what: 'a backend is not ready',
    code: 409,
    reason: 'BackendUnavailable',
    effect: 'wait',
    names: 'backend (share servers lost)',
    apply: withServers(guardServer('lost', { backend: backend({}, 'False') })),
  },
  {
    what: 'a server is not active',
    code: 409,
    reason: 'ShareServerNotActive',
    effect: 'wait',
    names: 'down (error)',
    apply: withServers(guardServer('down', { status: { phase: 'error' } })),
  },
  {
    what: 'a share is busy',
    code: 409,
    reason: 'ShareBusy',
    effect: 'wait',
    names: 'shares share1',
    apply: (input) => ({ ...input, busyShares: ['share1'] }),
  },
  {
    what: 'a rule is busy',
    code: 409,
    reason: 'AccessRulesNotActive',
    effect: 'wait',
    names: 'access rules rule1',
    apply: (input) => ({ ...input, busyRules: ['rule1'] }),
  },
  {
    what: 'a service is incomplete',
    code: 400,
    reason: 'SecurityServiceIncomplete',
    effect: 'wait',
    names: 'ad2 (missing: dnsIPs)',
    apply: withService(service('ad2', { dnsIPs: [] })),
  },
];

function withReference(before: ShareNetwork, type: SecurityServiceType, name: string): ShareNetwork {
  return { ...before, spec: { securityServices: [...(before.spec.securityServices ?? []), reference(type, name)] } };
}

describe('the guard', () => {
  it('passes when nothing is in the way', () => {
    expect(findingOf(passing())).toBeUndefined();
  });

  it.each(breaks)('refuses with $code when $what', ({ code, reason, effect, names, apply }) => {
    const verdict = findingOf(apply(passing()));
    expect(verdict).toMatchObject({ reason, effect });
    expect(admissionCodes[reason]).toBe(code);
    expect(verdict).toHaveProperty('message', expect.stringContaining(names));
  });

  const pairs = breaks.flatMap((first, index) => breaks.slice(index + 1).map((second) => ({ first, second })));
  it.each(pairs)('names $first.reason before $second.reason', ({ first, second }) => {
    for (const input of [second.apply(first.apply(passing())), first.apply(second.apply(passing()))]) {
      expect(findingOf(input)).toMatchObject({ reason: first.reason });
    }
  });

  it('tells kubectl of every 409 that it is not a field conflict', () => {
    for (const { code, apply } of breaks) {
      const verdict = findingOf(apply(passing()));
      expect(verdict?.message.startsWith('not a field conflict; retry later')).toBe(code === 409);
    }
  });

  it('names the first five and a count', () => {
    const names = Array.from({ length: 12 }, (_, index) => `s${String(index).padStart(2, '0')}`);
    const servers = names.map((name) => guardServer(name, { status: { phase: 'creating' } }));
    expect(findingOf({ ...passing(), servers })).toHaveProperty(
      'message',
      'not a field conflict; retry later: share servers not active: s00 (creating), s01 (creating), s02 (creating), ' +
        's03 (creating), s04 (creating) and 7 more',
    );
  });

  it('says the same whatever the order of its inputs', () => {
    const servers = ['a', 'b', 'c'].map((name) => guardServer(name, { status: { phase: 'network_change' } }));
    expect(findingOf({ ...passing(), servers: servers.toReversed() })).toEqual(findingOf({ ...passing(), servers }));
  });
});

describe('a network’s phase', () => {
  it.each(['network_change', 'error'] as const)('refuses in phase %s', (phase) => {
    expect(findingOf({ ...passing(), network: network({ phase }) })).toMatchObject({ reason: 'ShareNetworkNotActive' });
  });

  it('takes an absent phase for the initial one', () => {
    const { status: _, ...rest } = network();
    expect(findingOf({ ...passing(), network: rest })).toBeUndefined();
  });
});

describe('a service that is referred to', () => {
  it('refuses a service that is being deleted', () => {
    const { service: found } = service('ad2');
    if (found === undefined) throw new Error('no service');
    const leaving = { ...found, metadata: { ...found.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    const verdict = findingOf(withService({ service: leaving, credentials: 'usable' })(passing()));
    expect(verdict).toMatchObject({
      reason: 'SecurityServiceNotFound',
      message: 'security services that are being deleted: ad2',
    });
  });

  it('refuses a service that was looked for and not found', () => {
    expect(findingOf(withService({ service: undefined, credentials: 'none' })(passing()))).toMatchObject({
      reason: 'SecurityServiceNotFound',
    });
  });
});

describe('the ability to be updated', () => {
  const cases: [string, Break, GuardReason | undefined][] = [
    [
      'a server that says nothing',
      withServers({
        ...guardServer('s2'),
        server: { ...shareServer('s2'), spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 's' } },
      }),
      'SecurityServiceUpdateNotSupported',
    ],
    [
      'a backend that can no longer',
      withServers(guardServer('s2', { backend: backend({ securityServiceUpdateSupport: false }) })),
      'SecurityServiceUpdateNotSupported',
    ],
    [
      'a type that the backend can not use',
      withServers(guardServer('s2', { backend: backend({ securityServiceTypes: ['ldap'] }) })),
      'SecurityServiceTypeNotSupported',
    ],
    [
      'a single type besides the combinations',
      withServers(guardServer('s2', { backend: backend({ securityServiceCombinations: [['ldap', 'kerberos']] }) })),
      undefined,
    ],
    [
      'a server never set up',
      withServers({ ...guardServer('s2'), server: { ...shareServer('s2', {}, false), status: { phase: 'creating' } } }),
      undefined,
    ],
  ];
  it.each(cases)('sees %s', (_, apply, reason) => {
    const verdict = findingOf(apply(passing()));
    if (reason === undefined) expect(verdict).toBeUndefined();
    else expect(verdict).toMatchObject({ reason, message: expect.stringContaining('s2') });
  });

  it.each<[SecurityServiceType[][], boolean]>([
    [[['active_directory', 'ldap']], true],
    [[['kerberos', 'ldap', 'active_directory']], true],
    [
      [
        ['active_directory', 'kerberos'],
        ['ldap', 'kerberos'],
      ],
      false,
    ],
    [[], false],
  ])('judges the combination of Active Directory and LDAP against %j', (securityServiceCombinations, ok) => {
    const input = withService(
      service('ldap1', { type: 'ldap' }),
      'ldap1',
    )({
      ...passing(),
      network: withReference(network(), 'ldap', 'ldap1'),
      servers: [guardServer('s1', { backend: backend({ securityServiceCombinations }) })],
    });
    expect(findingOf(input)?.reason).toBe(ok ? undefined : 'SecurityServiceTypeNotSupported');
  });
});

describe('availability of backends', () => {
  it.each<[string, StorageBackend | undefined]>([
    ['is not enabled', backend({}, 'True', false)],
    ['was never probed', { metadata: { name: 'backend' }, spec: { driver: 'dummy' } }],
    ['does not exist', undefined],
  ])('refuses a backend that %s', (_, present) => {
    expect(findingOf({ ...passing(), servers: [guardServer('s1', { backend: present })] })).toMatchObject({
      reason: 'BackendUnavailable',
    });
  });
});

describe('the phase of servers', () => {
  const cases: [string, Partial<GuardServer> & { status?: ShareServerStatus }, string | undefined][] = [
    ['an active server', {}, undefined],
    ['a paused server', { paused: true }, 'paused'],
    ['a server with a call running', { busy: true }, 'a driver call is running'],
    ['a server whose last update failed', { status: failedUpdate() }, undefined],
    ['a paused server whose last update failed', { status: failedUpdate(), paused: true }, 'paused'],
    [
      'a server that still hangs in its failed update',
      { status: failedUpdate(), busy: true },
      'a driver call is running',
    ],
    ['a server in error for another cause', { status: { phase: 'error' } }, 'error'],
    ['a server in network_change', { status: { phase: 'network_change' } }, 'network_change'],
    ['a server that is torn down', { status: { phase: 'deleting' } }, 'deleting'],
    ['a server that is being set up', { status: { phase: 'creating' }, busy: true }, 'creating'],
  ];
  it.each(cases)('judges %s', (_, changes, why) => {
    const verdict = findingOf({ ...passing(), servers: [guardServer('s1', changes)] });
    if (why === undefined) expect(verdict).toBeUndefined();
    else
      expect(verdict).toMatchObject({
        reason: 'ShareServerNotActive',
        message: expect.stringContaining(`s1 (${why})`),
      });
  });

  it('does not see servers whose set-up failed', () => {
    const lastError = { operation: 'setupServer', reason: 'x', message: '', time: '' };
    const status: ShareServerStatus = { phase: 'error', identifier: 'partial', lastError };
    const neverSetUp = { ...guardServer('s2'), server: shareServer('s2', status) };
    expect(findingOf(withServers(neverSetUp)(passing()))).toBeUndefined();
  });
});

describe('complete services', () => {
  it.each<[GuardService['credentials'], string]>([
    ['missing', 'Secret password does not exist or lacks the label sharenet.io/credentials'],
    ['not_bound', 'sharenet.io/credentials-for'],
    ['no_key', 'Secret password has no key password'],
    ['line_break_at_end', 'ends with a line break'],
    ['not_utf8', 'is not UTF-8 text'],
  ])('refuses credentials that are %s', (credentials, because) => {
    const verdict = findingOf(withService(service('ad2', {}, credentials))(passing()));
    expect(verdict).toMatchObject({ reason: 'SecurityServiceIncomplete', effect: 'wait' });
    expect(verdict).toHaveProperty('message', expect.stringContaining(because));
  });

  it('looks only at what drivers would be handed', () => {
    const input: GuardInput = {
      ...passing(),
      network: network({}, [reference('active_directory', 'ad'), reference('ldap', 'ldap1')]),
      services: new Map([
        ['ad', service('ad', {}, 'missing')],
        ['ldap1', service('ldap1', { type: 'ldap' })],
      ]),
    };
    expect(findingOf(input)).toBeUndefined();
    expect(findingOf({ ...input, reapply: true })).toMatchObject({ reason: 'SecurityServiceIncomplete' });
  });

  it('refuses services in the operator’s namespace permanently', () => {
    const input = { ...passing(), operatorNamespace: 'tenant' };
    for (const servers of [input.servers, []]) {
      expect(findingOf({ ...input, servers })).toMatchObject({
        reason: 'SecurityServiceNotAllowed',
        effect: 'stalled',
      });
    }
  });
});

describe('a network that is not in use', () => {
  const unused: readonly (readonly GuardServer[])[] = [
    [],
    [{ ...guardServer('s1'), server: { ...shareServer('s1'), status: { phase: 'error' } } }],
  ];
  const held: readonly GuardReason[] = ['ShareNetworkNotActive', 'SecurityServiceTypeMismatch'];
  const ofServers: readonly GuardReason[] = [
    'SecurityServiceUpdateNotSupported',
    'BackendUnavailable',
    'ShareServerNotActive',
  ];
  const bare = breaks.filter(({ reason }) => !ofServers.includes(reason));

  it.each(bare)('$reason: $what', ({ reason, apply }) => {
    for (const servers of unused) {
      const verdict = findingOf(apply({ ...passing(), servers }));
      expect(verdict?.reason).toBe(held.includes(reason) ? reason : undefined);
    }
  });
});

describe('a share server', () => {
  const operation = { id: 'op', name: 'setupServer', startedTime: '' };
  const lastError = { operation: 'setupServer', reason: 'x', message: '', time: '' };
  const cases: [string, ShareServerStatus | undefined, boolean | undefined, boolean][] = [
    ['without a status', undefined, undefined, false],
    ['never set up', { phase: 'creating' }, undefined, false],
    ['being set up', { phase: 'creating', operation }, undefined, true],
    ['in back-off before it was set up', { phase: 'creating', operation }, false, false],
    ['handed over to the storage system', { phase: 'creating', operation: { ...operation, token: 't' } }, false, true],
    ['set up', { phase: 'active', identifier: 'id' }, false, true],
    [
      'whose update failed',
      { phase: 'error', identifier: 'id', lastError: { ...lastError, operation: 'updateShareServerSecurityService' } },
      false,
      true,
    ],
    ['whose set-up failed half way', { phase: 'error', identifier: 'id', lastError }, false, false],
    ['whose set-up failed half way and is torn down', { phase: 'deleting', identifier: 'id', lastError }, true, true],
    ['reset to active after a failed set-up', { phase: 'active', identifier: 'id', lastError }, false, true],
  ];
  it.each(cases)('%s', (_, status, busy, counts) => {
    const { status: _ignored, ...bare } = shareServer('s');
    const server: ShareServer = status === undefined ? bare : { ...bare, status };
    expect(countsInGuard(server, busy)).toBe(counts);
  });
});
