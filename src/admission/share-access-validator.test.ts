import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdmissionRig, namespace, probedBackend } from '../../test/faults/admission-rig.ts';
import { planRules } from '../access-rules/plan.ts';
import type { AccessType } from '../api/v1alpha1/backend-capabilities.ts';
import type { Share, ShareStatus } from '../api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessSpec } from '../api/v1alpha1/share-access.ts';
import { shareAccessValidator } from './share-access-validator.ts';
import { allowed } from './verdict.ts';

const share: Share = {
  metadata: { name: 'share', namespace },
  spec: { protocol: 'NFS', size: '1Gi' },
  status: { phase: 'available', backendName: 'backend', identifier: 'id' },
};

function rule(name: string, spec: Partial<ShareAccessSpec> = {}, changes: Partial<ShareAccess> = {}): ShareAccess {
  return {
    metadata: { name, namespace, creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { shareName: 'share', accessType: 'ip', accessTo: '10.0.0.1', ...spec },
    status: { phase: 'queued_to_apply' },
    ...changes,
  };
}

/** As the API server asks about a new one. */
function fresh(spec: Partial<ShareAccessSpec> = {}): ShareAccess {
  const metadata = { name: 'new', namespace, uid: '0', creationTimestamp: '2026-01-01T00:00:00Z' };
  return rule('new', spec, { metadata });
}

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  const accessTypesByProtocol = { NFS: ['ip', 'user', 'cert'] } as const;
  rig.show('storageBackends', probedBackend('backend', { accessTypesByProtocol, accessLevels: ['rw'] }));
  rig.show('shares', share);
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

const create = (object: ShareAccess) => rig.create(shareAccessValidator, object);
const update = (oldObject: ShareAccess, object: ShareAccess) => rig.update(shareAccessValidator, oldObject, object);

describe('an id that the backend reserves', () => {
  const cephx = { accessType: 'cephx', accessTo: 'ops-a' } as const;
  const refusal = { allowed: false, code: 403, reason: 'AccessIDReserved' };

  beforeEach(() => {
    const backend = probedBackend('backend', { accessTypesByProtocol: { NFS: ['cephx'] }, accessLevels: ['rw', 'ro'] });
    const reservedIDs = [{ prefixes: ['ops-'], namespaces: selected }];
    const cephfs = { monitors: ['a'], user: 'u', credentialsSecretName: 's', fsName: 'f', reservedIDs };
    rig.show('storageBackends', { ...backend, spec: { driver: 'cephfs', cephfs } });
  });

  const selected = { from: 'Selector', selector: { matchLabels: { team: 'ops' } } } as const;
  const namespaceWith = (labels: Readonly<Record<string, string>>) =>
    rig.show('namespaces', { metadata: { name: namespace, uid: 'uid', labels } });

  it('is refused to other namespaces, and the message does not say whose it is', () => {
    namespaceWith({ team: 'blue' });
    const verdict = create(fresh(cephx));
    expect(verdict).toMatchObject(refusal);
    expect(JSON.stringify(verdict)).not.toMatch(/team|prefix/);
  });

  it('is for the namespaces that it is reserved for', () => {
    namespaceWith({ team: 'ops' });
    expect(create(fresh(cephx))).toEqual(allowed);
  });

  it('is refused to a new rule that says it was applied, and stays with one that was', () => {
    namespaceWith({ team: 'blue' });
    expect(create({ ...fresh(cephx), status: { accessLevel: 'rw' } })).toMatchObject(refusal);
    const granted = rule('old', cephx, { status: { phase: 'active', accessLevel: 'rw' } });
    expect(update(granted, { ...granted, spec: { ...granted.spec, accessLevel: 'ro' } })).toEqual(allowed);
  });
});

describe('a user of a backend whose directory has other names than Manila', () => {
  beforeEach(() => {
    rig.show(
      'storageBackends',
      probedBackend('backend', {
        accessTypesByProtocol: { NFS: ['user'] },
        userNames: { minLength: 1, domainQualified: true, caseInsensitive: true },
      }),
    );
    rig.show('shareServers', {
      metadata: { name: 'server', namespace },
      spec: { backendName: 'backend', shareNetworkName: 'net', subnetName: 's', securityServiceUpdateSupport: true },
      status: { phase: 'active', backendDetails: { domain: 'corp.test', workgroup: 'CORP' } },
    });
    rig.show('shares', { ...share, status: { ...share.status, shareServerName: 'server' } });
  });

  it.each(['bob', 'HR', 'CORP\\bob', 'OTHER\\bob'])('may be %s', (accessTo) => {
    expect(create(fresh({ accessType: 'user', accessTo }))).toEqual(allowed);
  });

  it.each([
    ['bob', 'BOB'],
    ['bob', 'CORP\\bob'],
    ['corp\\Bob', 'bob@corp.test'],
    ['OTHER\\bob', 'other\\BOB'],
  ])('is not given twice: %s and %s', (stored, accessTo) => {
    rig.show('shareAccesses', rule('old', { accessType: 'user', accessTo: stored }));
    const refusal = {
      allowed: false,
      reason: 'DuplicateAccessRule',
      message: expect.stringContaining('ShareAccess old'),
    };
    expect(create(fresh({ accessType: 'user', accessTo }))).toMatchObject(refusal);
  });

  it('is another one in another domain', () => {
    rig.show('shareAccesses', rule('old', { accessType: 'user', accessTo: 'bob' }));
    expect(create(fresh({ accessType: 'user', accessTo: 'OTHER\\bob' }))).toEqual(allowed);
  });
});

describe('the target of a new rule', () => {
  it.each<[AccessType, string]>([
    ['ip', '1.2.3.260'],
    ['ip', '1.2.3.*'],
    ['ip', '1.2.3.4/33'],
    ['ip', '1.2.3.4/24'],
    ['ip', '1.2.3.4-1.2.3.9'],
    ['ip', 'host.example.com'],
    ['ip', '1.2.3.04'],
    ['ip', '2001:db8::/129'],
    ['user', 'abc'],
    ['user', 'u'.repeat(256)],
    ['user', 'al/ice'],
    ['user', '....'],
    ['cert', 'c'.repeat(65)],
    ['cephx', 'client.alice'],
    ['cephx', 'älice'],
    ['cephx', ''],
  ])('of type %s is refused: %j', (accessType, accessTo) => {
    expect(create(fresh({ accessType, accessTo }))).toEqual({
      allowed: false,
      code: 400,
      reason: 'InvalidAccessRule',
      message: expect.stringContaining(`accessTo ${JSON.stringify(accessTo.slice(0, 64))} of type ${accessType} `),
    });
  });

  it('passes when it is valid, also for a share that does not exist yet', () => {
    expect(create(fresh())).toEqual(allowed);
    expect(create(fresh({ shareName: 'later', accessType: 'cephx', accessTo: 'alice' }))).toEqual(allowed);
  });
});

describe("what the share's backend takes", () => {
  it('is judged by the type', () => {
    expect(create(fresh({ accessType: 'cephx', accessTo: 'alice' }))).toEqual({
      allowed: false,
      code: 400,
      reason: 'AccessTypeNotSupported',
      message: 'the backend does not support rules of type cephx on NFS shares; it supports: ip, user, cert',
    });
  });

  it('is judged by the level, also of a change', () => {
    const refusal = { allowed: false, code: 400, reason: 'AccessLevelNotSupported' };
    expect(create(fresh({ accessLevel: 'ro' }))).toMatchObject(refusal);
    expect(update(rule('old', { accessLevel: 'rw' }), rule('old', { accessLevel: 'ro' }))).toMatchObject(refusal);
  });

  const unknown: readonly [string, ShareStatus, boolean][] = [
    ['the share is not placed', { phase: 'creating' }, true],
    ['the backend is not known', { backendName: 'other' }, true],
    ['the backend was never probed', { backendName: 'new' }, true],
    ['it is', { backendName: 'backend' }, false],
  ];
  it.each(unknown)('is known when %s: %j', (_, status, passes) => {
    const { status: _probed, ...unprobed } = probedBackend('new');
    rig.show('storageBackends', unprobed);
    rig.show('shares', { ...share, status });
    expect(create(fresh({ accessType: 'cephx', accessTo: 'alice' })).allowed).toBe(passes);
  });
});

describe('a duplicate', () => {
  const spellings: [AccessType, string, string][] = [
    ['ip', '10.0.0.1', '10.0.0.1/32'],
    ['ip', '2001:db8::1', '2001:DB8:0:0::1'],
    ['ip', '2001:db8::1/128', '2001:db8::0001'],
    ['user', 'alice', 'alice'],
    ['cert', 'client', ' client '],
  ];
  it.each(spellings)('of type %s is refused: %j is %j', (accessType, present, wanted) => {
    rig.show('shareAccesses', rule('old', { accessType, accessTo: present }));
    expect(create(fresh({ accessType, accessTo: wanted }))).toEqual({
      allowed: false,
      code: 400,
      reason: 'DuplicateAccessRule',
      message: `ShareAccess old already gives the same ${accessType} access to the share`,
    });
  });

  it('is one of the same share, type and target only', () => {
    rig.show('shareAccesses', rule('old', { accessType: 'user', accessTo: 'alice' }));
    for (const spec of [{ shareName: 'other' }, { accessTo: 'Alice' }, { accessType: 'cert' as const }]) {
      expect(create(fresh({ accessType: 'user', accessTo: 'alice', ...spec })), JSON.stringify(spec)).toEqual(allowed);
    }
  });

  it('is none of a rule of its own name, which the cache may still show', () => {
    rig.show('shareAccesses', rule('new'));
    expect(create(fresh())).toEqual(allowed);
  });

  it('counts as long as the backend may have the rule that is being deleted, as in the reconciler', () => {
    const metadata = { ...rule('old').metadata, deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['x/y'] };
    rig.show('shareAccesses', rule('old', {}, { metadata }));
    expect(create(fresh())).toEqual(allowed);
    rig.show('shareAccesses', rule('old', {}, { metadata, status: { phase: 'denying', accessLevel: 'rw' } }));
    expect(create(fresh())).toMatchObject({
      reason: 'DuplicateAccessRule',
      message:
        'ShareAccess old already gives the same ip access to the share and is being deleted; wait until it is gone',
    });
  });
});

describe('a change of a rule', () => {
  it('is not judged where the spec stays, or the rule is being deleted', () => {
    const bad = rule('old', { accessTo: '1.2.3.*', accessLevel: 'ro' });
    rig.show('shareAccesses', rule('other', { accessTo: '1.2.3.*' }));
    expect(update(bad, { ...bad, metadata: { ...bad.metadata, labels: { a: 'b' } } })).toEqual(allowed);
    const leaving = { ...bad, metadata: { ...bad.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' } };
    expect(update(leaving, { ...leaving, spec: { ...leaving.spec, accessLevel: 'rw' } })).toEqual(allowed);
  });

  it('does not make a duplicate of it', () => {
    rig.show('shareAccesses', rule('other'));
    expect(update(rule('old', { accessLevel: 'ro' }), rule('old', { accessLevel: 'rw' }))).toEqual(allowed);
  });
});

describe('a share', () => {
  it('takes 1,000 rules; those that are being deleted do not count', () => {
    const address = (index: number) => `10.1.${Math.floor(index / 250)}.${index % 250}`;
    for (let index = 0; index < 999; index += 1) {
      rig.show('shareAccesses', rule(`rule-${index}`, { accessTo: address(index) }));
    }
    const metadata = { ...rule('gone').metadata, deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['x/y'] };
    rig.show('shareAccesses', rule('gone', { accessTo: '10.9.0.1' }, { metadata }));
    expect(create(fresh())).toEqual(allowed);
    rig.show('shareAccesses', rule('last', { accessTo: address(999) }));
    const begin = performance.now();
    expect(create(fresh())).toMatchObject({ allowed: false, code: 403, reason: 'TooManyAccessRules' });
    expect(create(fresh({ shareName: 'other' }))).toEqual(allowed);
    // One in the place of its namesake, which the cache still shows.
    expect(create({ ...fresh(), metadata: { ...fresh().metadata, name: 'last' } })).toEqual(allowed);
    expect(performance.now() - begin).toBeLessThan(500);
  });
});

it('what is refused the reconciler would tell as a problem of the same reason, and what passes it would not', async () => {
  const targets = [
    '10.0.0.1',
    '10.0.0.1/32',
    '10.0.0.0/24',
    '10.0.0.1/24',
    '2001:db8::1',
    '2001:db8:0::1',
    'alice',
    'a.b',
  ];
  const specs = fc.record({
    accessType: fc.constantFrom<AccessType>('ip', 'user', 'cert', 'cephx'),
    accessTo: fc.constantFrom(...targets),
    accessLevel: fc.constantFrom('rw' as const, 'ro' as const),
  });
  const present = fc.array(
    fc.record({ spec: specs, applied: fc.boolean(), deleting: fc.boolean(), second: fc.constantFrom('01', '02') }),
    { maxLength: 6 },
  );
  await fc.assert(
    fc.asyncProperty(present, specs, async (rules, wanted) => {
      await using own = await AdmissionRig.make();
      const backend = probedBackend('backend', {
        accessTypesByProtocol: { NFS: ['ip', 'user'] },
        accessLevels: ['rw'],
      });
      own.show('storageBackends', backend);
      own.show('shares', share);
      const others = rules.map(({ spec, applied, deleting, second }, index) =>
        own.show('shareAccesses', {
          ...rule(`rule-${index}`, spec),
          metadata: {
            ...rule(`rule-${index}`).metadata,
            creationTimestamp: `2026-01-01T00:00:${second}Z`,
            ...(deleting && { deletionTimestamp: '2026-01-02T00:00:00Z', finalizers: ['x/y'] }),
          },
          ...(applied && { status: { phase: 'active' as const, accessLevel: 'rw' as const } }),
        }),
      );
      // Stored a moment later, as it would be with the webhook away.
      const object = fresh(wanted);
      const later = { ...object, metadata: { ...object.metadata, creationTimestamp: '2026-01-01T00:00:03Z' } };
      const { problems } = planRules({
        rules: [...others, later],
        protocol: 'NFS',
        capabilities: backend.status?.capabilities,
        shareIsLeaving: false,
        serverFailed: false,
        isPaused: () => false,
        isAskedFor: () => false,
      });
      const problem = problems.find((entry) => entry.rule === later);
      const verdict = own.create(shareAccessValidator, object);
      if (verdict.allowed) expect(problem).toBeUndefined();
      else expect(problem?.finding).toMatchObject({ reason: verdict.reason, message: verdict.message });
    }),
    { numRuns: 60 },
  );
});
