import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessLevel, AccessType, BackendCapabilities } from '../api/v1alpha1/backend-capabilities.ts';
import { finalizer } from '../api/v1alpha1/labels.ts';
import type {
  ShareAccess,
  ShareAccessFailure,
  ShareAccessPhase,
  ShareAccessStatus,
} from '../api/v1alpha1/share-access.ts';
import { mayBeGranted, planRules, type RulePlan, type RulePlanInput } from './plan.ts';
import { targetKey } from './rule-target.ts';

const capabilities: BackendCapabilities = {
  driverHandlesShareServers: true,
  securityServiceUpdateSupport: true,
  securityServiceTypes: [],
  shareProtocols: ['NFS'],
  accessTypesByProtocol: { NFS: ['ip'] },
  accessLevels: ['rw', 'ro'],
  accessKeyTypes: [],
  networkAllocationsPerServer: 1,
};

const pausedLabel = 'paused';
const askedLabel = 'asked';

function input(rules: readonly ShareAccess[], changes: Partial<RulePlanInput> = {}): RulePlanInput {
  return {
    rules,
    protocol: 'NFS',
    capabilities,
    shareIsLeaving: false,
    serverFailed: false,
    isPaused: ({ metadata }) => metadata.labels?.[pausedLabel] === 'true',
    isAskedFor: ({ metadata }) => metadata.labels?.[askedLabel] === 'true',
    ...changes,
  };
}

interface RuleOptions {
  readonly name?: string;
  readonly to?: string;
  readonly type?: AccessType;
  readonly level?: AccessLevel;
  readonly status?: ShareAccessStatus;
  readonly sent?: boolean;
  readonly deleting?: boolean;
  readonly paused?: boolean;
  readonly asked?: boolean;
  readonly generation?: number;
}

function rule(options: RuleOptions = {}): ShareAccess {
  const { name = 'r', to = '10.0.0.1', type = 'ip', level, status = {}, sent = true, generation = 1 } = options;
  return {
    metadata: {
      name,
      uid: `uid-${name}`,
      generation,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { [pausedLabel]: String(options.paused === true), [askedLabel]: String(options.asked === true) },
      ...(sent ? { finalizers: [finalizer] } : {}),
      ...(options.deleting === true ? { deletionTimestamp: '2026-01-02T00:00:00Z' } : {}),
    },
    spec: {
      shareName: 'share',
      accessType: type,
      accessTo: to,
      ...(level === undefined ? {} : { accessLevel: level }),
    },
    status: { observedGeneration: 1, ...status },
  };
}

const applied: ShareAccessStatus = { phase: 'active', accessLevel: 'rw' };
const failed = (failure: ShareAccessFailure): ShareAccessStatus => ({ phase: 'error', failure });

/** A backend that reserves ids, and takes every type of rules. */
const reservation: Partial<RulePlanInput> = {
  protocol: 'CEPHFS',
  capabilities: { ...capabilities, accessTypesByProtocol: { CEPHFS: ['ip', 'user', 'cephx'] } },
  isReservedID: (id) => id.startsWith('ops-'),
};

/** Where a rule went; the reason for a problem. */
function fate(plan: RulePlan, one: ShareAccess): string {
  const lists = ['add', 'update', 'deny', 'keep', 'hitByServer'] as const;
  const found: string[] = lists.filter((list) => plan[list].includes(one));
  for (const problem of plan.problems) if (problem.rule === one) found.push(problem.finding.reason);
  return found.join('+') || 'in no list';
}

describe('planRules', () => {
  const rows: readonly (readonly [what: string, RuleOptions, string, Partial<RulePlanInput>?])[] = [
    ['a new rule', { sent: false }, 'add'],
    ['a new rule that an interrupted call may have granted', {}, 'add'],
    [
      'a new rule while the capabilities of its backend are not known',
      { sent: false },
      'add',
      { capabilities: undefined },
    ],
    ['an applied rule', { status: applied }, 'keep'],
    ['an applied rule of another level', { status: applied, level: 'ro' }, 'update'],
    ['an applied rule with a requested reconcile', { status: applied, asked: true }, 'update'],
    [
      'an applied rule whose level was changed and changed back: a crashed operator may have applied it',
      { status: applied, generation: 3 },
      'update',
    ],
    ['the same, when its wait was written', { status: { ...applied, phase: 'queued_to_update' } }, 'update'],
    ['a deleted rule', { status: applied, deleting: true }, 'deny'],
    ['a deleted rule that failed', { status: failed('Rejected'), deleting: true }, 'deny'],
    ['a deleted rule that no driver was called for', { sent: false, deleting: true }, 'in no list'],
    ['a deleted rule of a failed server', { status: applied, deleting: true }, 'deny', { serverFailed: true }],
    ['an applied rule of a share that is being deleted', { status: applied }, 'deny', { shareIsLeaving: true }],
    ['an unsent rule of a share that is being deleted', { sent: false }, 'in no list', { shareIsLeaving: true }],
    ['a paused new rule', { sent: false, paused: true }, 'in no list'],
    ['a paused applied rule', { status: applied, paused: true }, 'keep'],
    ['a paused applied rule of another level', { status: applied, level: 'ro', paused: true }, 'keep'],
    [
      'a paused applied rule that is deleted: the backend keeps it',
      { status: applied, paused: true, deleting: true },
      'keep',
    ],
    ['a rule that the backend refused', { status: failed('Rejected') }, 'in no list'],
    ['the same, with a requested reconcile', { status: failed('Rejected'), asked: true }, 'add'],
    ['the same, granted before', { status: { ...failed('Rejected'), accessLevel: 'rw' }, asked: true }, 'add'],
    ['the same, with a new spec', { status: failed('Rejected'), generation: 2 }, 'add'],
    ['a rule whose call failed', { status: failed('Call') }, 'in no list'],
    ['a failed rule that an older version stored, without the cause', { status: { phase: 'error' } }, 'add'],
    [
      'a rule hit by its server, which is back',
      { status: { ...failed('ShareServer'), accessLevel: 'rw' } },
      'hitByServer',
    ],
    ['a rule of a failed server', { status: applied }, 'ShareServerError', { serverFailed: true }],
    ['a rule that is no longer a duplicate', { status: failed('Invalid') }, 'add'],
    ['a rule whose Secret conflicted: it is tried again', { status: failed('AccessKeySecret') }, 'add'],
    ['an id that is reserved', { type: 'cephx', to: 'ops-a' }, 'AccessIDReserved', reservation],
    ['an id that is not reserved', { type: 'cephx', to: 'team-a' }, 'add', reservation],
    ['a user of that name', { type: 'user', to: 'ops-a' }, 'add', reservation],
    [
      'an id that was reserved after the backend granted it',
      { type: 'cephx', to: 'ops-a', status: applied },
      'keep',
      reservation,
    ],
    [
      'an id that is no longer reserved',
      { type: 'cephx', to: 'ops-a', status: failed('Invalid') },
      'add',
      { ...reservation, isReservedID: undefined },
    ],
    ['an invalid target', { to: '10.0.0.1/8' }, 'InvalidAccessRule'],
    ['a type that the backend does not support', {}, 'AccessTypeNotSupported', { protocol: 'CIFS' }],
    [
      'a level that the backend does not support',
      { level: 'ro' },
      'AccessLevelNotSupported',
      { capabilities: { ...capabilities, accessLevels: ['rw'] } },
    ],
  ];
  for (const [what, options, expected, changes = {}] of rows) {
    it(what, () => {
      const one = rule(options);
      expect(fate(planRules(input([one], changes)), one)).toBe(expected);
    });
  }

  it('keeps the applied one of two rules for one client, however it is spelled', () => {
    const first = rule({ name: 'a', to: '10.0.0.1/32' });
    const second = rule({ name: 'b', status: applied });
    const plan = planRules(input([first, second]));
    expect([fate(plan, first), fate(plan, second)]).toEqual(['DuplicateAccessRule', 'keep']);
    expect(plan.problems[0]?.finding.message).toContain('ShareAccess b ');
  });

  it('ignores rules with an invalid target when it looks for duplicates', () => {
    const invalid = rule({ name: 'a', to: '10.0.0.1/8', status: applied });
    const valid = rule({ name: 'b', to: '10.0.0.0/8' });
    const plan = planRules(input([invalid, valid]));
    expect([fate(plan, invalid), fate(plan, valid)]).toEqual(['InvalidAccessRule', 'add']);
  });

  it('rejects the newest rules of a share that has more than 1,000', () => {
    const rules = Array.from({ length: 1002 }, (_, index) =>
      rule({ name: `r${String(index).padStart(4, '0')}`, to: `10.0.${index >> 8}.${index & 255}` }),
    );
    const late = rule({ name: 'zz', to: '10.9.9.9', status: applied });
    const plan = planRules(input([...rules, late]));
    expect(plan.problems.map(({ rule: one, finding }) => `${one.metadata.name} ${finding.reason}`)).toEqual([
      'r0999 TooManyAccessRules',
      'r1000 TooManyAccessRules',
      'r1001 TooManyAccessRules',
    ]);
    expect([plan.add.length, plan.keep.length]).toEqual([999, 1]);
  });
});

describe('planRules, whatever the rules are', () => {
  const phases: readonly ShareAccessPhase[] = [
    'queued_to_apply',
    'applying',
    'active',
    'error',
    'queued_to_update',
    'denying',
  ];
  const failures = [undefined, 'Rejected', 'ShareServer', 'Invalid', 'Call', 'AccessKeySecret'] as const;
  const options = fc.record({
    to: fc.constantFrom('10.0.0.1', '10.0.0.1/32', '10.0.0.2', '10.0.0.0/8', '10.0.0.1/8', 'fd00::1'),
    level: fc.constantFrom<AccessLevel>('rw', 'ro'),
    status: fc
      .record(
        { phase: fc.constantFrom(...phases), accessLevel: fc.constantFrom<AccessLevel>('rw', 'ro') },
        { requiredKeys: ['phase'] },
      )
      .chain((status) =>
        fc
          .constantFrom(...failures)
          .map((failure) => (status.phase === 'error' && failure !== undefined ? { ...status, failure } : status)),
      ),
    sent: fc.boolean(),
    deleting: fc.boolean(),
    paused: fc.boolean(),
    asked: fc.boolean(),
    generation: fc.constantFrom(1, 2),
  });
  const inputs = fc
    .record({
      rules: fc.array(options, { maxLength: 8 }),
      shareIsLeaving: fc.boolean(),
      serverFailed: fc.boolean(),
      known: fc.boolean(),
    })
    .map(({ rules, known, ...rest }) =>
      input(
        rules.map((one, index) => rule({ ...one, name: `r${index}` })),
        { ...rest, capabilities: known ? capabilities : undefined },
      ),
    );

  it('each rule is in one list, and in none only when paused, refused by the backend, or being deleted without a call for it', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const plan = planRules(given);
        for (const one of given.rules) {
          const what = fate(plan, one);
          expect(what).not.toContain('+');
          if (what !== 'in no list') continue;
          const leaving = given.shareIsLeaving || one.metadata.deletionTimestamp !== undefined;
          const { failure, observedGeneration } = one.status ?? {};
          const refused =
            (failure === 'Rejected' || failure === 'Call') &&
            observedGeneration === one.metadata.generation &&
            !given.isAskedFor(one);
          expect(given.isPaused(one) || (leaving ? !mayBeGranted(one) : refused)).toBe(true);
        }
      }),
    );
  });

  it('no denied rule is kept or granted, and no two granted rules are for the same client', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const plan = planRules(given);
        const granted = [...plan.add, ...plan.update, ...plan.keep];
        for (const one of plan.deny) expect(granted).not.toContain(one);
        const fresh = [...plan.add, ...plan.update];
        const clients = fresh.map(({ spec }) => targetKey(spec));
        expect(new Set(clients).size).toBe(clients.length);
      }),
    );
  });

  it('the order of the rules does not matter', () => {
    const shuffled = inputs.chain((given) =>
      fc.tuple(
        fc.constant(given),
        fc.shuffledSubarray([...given.rules], { minLength: given.rules.length, maxLength: given.rules.length }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([given, rules]) => {
        const [one, other] = [planRules(given), planRules({ ...given, rules })];
        for (const each of given.rules) expect(fate(other, each)).toBe(fate(one, each));
      }),
    );
  });

  /** The rules after everything was done that the plan asks for. */
  function carriedOut(given: RulePlanInput): RulePlanInput {
    const plan = planRules(given);
    const rules = given.rules
      .filter((one) => !plan.deny.includes(one))
      .map((one): ShareAccess => {
        if (!plan.add.includes(one) && !plan.update.includes(one)) return one;
        const { metadata, spec } = one;
        return {
          spec,
          metadata: { ...metadata, finalizers: [finalizer], labels: { ...metadata.labels, [askedLabel]: 'false' } },
          status: {
            phase: 'active',
            accessLevel: spec.accessLevel ?? 'rw',
            ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
          },
        };
      });
    return { ...given, rules };
  }

  it('after the plan was carried out, only rules are left that waited for a denied one of the same client', () => {
    fc.assert(
      fc.property(inputs, (given) => {
        const denied = new Set(planRules(given).deny.map(({ spec }) => targetKey(spec)));
        const after = carriedOut(given);
        const next = planRules(after);
        expect(next.deny).toEqual([]);
        for (const { spec } of [...next.add, ...next.update]) expect(denied).toContain(targetKey(spec));
        const last = planRules(carriedOut(after));
        expect([last.add, last.update, last.deny]).toEqual([[], [], []]);
      }),
    );
  });
});

describe('planRules, with user names of a directory', () => {
  const names = ['bob', 'CORP\\BOB', 'OTHER\\bob'];
  const rules = names.map((to, index) => {
    const made = rule({ name: `r${index}`, to });
    return { ...made, spec: { ...made.spec, accessType: 'user' as const } };
  });
  const planned = (userNames: BackendCapabilities['userNames']) => {
    const server = { status: { backendDetails: { domain: 'corp.test', workgroup: 'CORP' } } };
    const known = { ...capabilities, accessTypesByProtocol: { NFS: ['user'] as const } };
    return planRules(input(rules, { capabilities: userNames ? { ...known, userNames } : known, server }));
  };

  it('treats two spellings of one user as duplicates', () => {
    const plan = planned({ minLength: 1, domainQualified: true, caseInsensitive: true });
    expect(plan.add.map(({ spec }) => spec.accessTo)).toEqual(['bob', 'OTHER\\bob']);
    expect(plan.problems).toMatchObject([
      { rule: rules[1], failure: 'Invalid', finding: { reason: 'DuplicateAccessRule' } },
    ]);
  });

  it('rejects them where the backend does not report such names', () => {
    expect(planned(undefined).problems.map(({ finding }) => finding.reason)).toEqual(
      Array(3).fill('InvalidAccessRule'),
    );
  });
});

describe('planRules, with thousands of rules', () => {
  const many = (count: number, to: (index: number) => string): readonly ShareAccess[] =>
    Array.from({ length: count }, (_, index) => rule({ name: `r${String(index).padStart(5, '0')}`, to: to(index) }));

  it('applies one of many with the same target; those within the limit are duplicates, and the rest are too many', () => {
    const rules = many(2500, () => '10.0.0.1');
    const leaving = rule({ name: 'x', to: '10.0.0.1', status: applied, deleting: true });
    const plan = planRules(input([...rules.toReversed(), leaving]));
    expect(plan.deny).toEqual([leaving]);
    expect(plan.add).toEqual([]);
    const named = Map.groupBy(plan.problems, ({ finding }) => finding.reason);
    expect([...named].map(([reason, { length }]) => [reason, length])).toEqual([
      ['TooManyAccessRules', 1500],
      ['DuplicateAccessRule', 1000],
    ]);
    const next = planRules(input(rules));
    expect(next.add).toEqual([rules[0]]);
    expect(next.problems).toHaveLength(2499);
  });

  it.each([
    ['one target', () => '10.0.0.1'],
    ['one target in many spellings', (index: number) => (index % 2 === 0 ? '10.0.0.1' : '10.0.0.1/32')],
    ['a target each', (index: number) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`],
  ])('plans 10,000 rules with %s in less than 100 ms', (_, to) => {
    const best = Math.min(
      ...Array.from({ length: 25 }, () => {
        const given = input(many(10_000, to));
        const began = performance.now();
        planRules(given);
        return performance.now() - began;
      }),
    );
    expect(best).toBeLessThan(100);
  });

  it('normalizes each target once, and none beyond the limit', () => {
    let reads = 0;
    const rules = many(4000, () => '10.0.0.1').map((one): ShareAccess => {
      const { accessTo, ...spec } = one.spec;
      const counted = Object.defineProperty(spec, 'accessTo', {
        enumerable: true,
        get: () => {
          reads++;
          return accessTo;
        },
      });
      return { ...one, spec: counted as ShareAccess['spec'] };
    });
    planRules(input(rules));
    // Once for its spelling and once for its format, of a thousand.
    expect(reads).toBe(2000);
  });
});
