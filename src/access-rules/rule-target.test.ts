import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessType } from '../api/v1alpha1/backend-capabilities.ts';
import type { ShareAccess, ShareAccessStatus } from '../api/v1alpha1/share-access.ts';
import { duplicateOf, sameTarget, targetKey, validateRule } from './rule-target.ts';

describe('a rule', () => {
  const accepted: [AccessType, string][] = [
    ['ip', '10.0.0.1'],
    ['ip', '10.0.0.1/32'],
    ['ip', '10.0.0.0/24'],
    ['ip', '0.0.0.0/0'],
    ['ip', '2001:db8::1'],
    ['ip', '2001:0DB8:0:0::1'],
    ['ip', '2001:db8::/32'],
    ['ip', 'ad80::abaa:0:c2:2/128'],
    ['user', 'user'],
    ['user', 'HOST1$'],
    ['user', 'domain users'],
    ['user', 'j.doe'],
    ['user', "'`{.}-_!^#~$&()"],
    ['user', '....a'],
    ['user', 'jürgen'],
    ['user', 'u'.repeat(255)],
    ['cert', 'x'],
    ['cert', ' client.example.com '],
    ['cert', 'x'.repeat(64)],
    ['cert', ` ${'x'.repeat(64)} `],
    ['cephx', 'a'],
    ['cephx', 'alice'],
    ['cephx', 'client_1 (lab)'],
    ['cephx', 'x'.repeat(64)],
  ];
  it.each(accepted)('of type %s takes %j', (accessType, accessTo) => {
    expect(validateRule({ accessType, accessTo })).toBeUndefined();
  });

  const refused: [AccessType, string, string][] = [
    ['ip', '', 'must be an IPv4 or IPv6'],
    ['ip', '1.2.3.260', 'must be an IPv4 or IPv6'],
    ['ip', '1.2.3.*', 'must be an IPv4 or IPv6'],
    ['ip', '1.2.3.4/33', 'must be an IPv4 or IPv6'],
    ['ip', '1.1.1.a', 'must be an IPv4 or IPv6'],
    ['ip', '127.4', 'must be an IPv4 or IPv6'],
    ['ip', 'fe00::0::1', 'must be an IPv4 or IPv6'],
    ['ip', '10.0.0.1-10.0.0.9', 'must be an IPv4 or IPv6'],
    ['ip', '10.0.0.01', 'leading zeros'],
    ['ip', '010.0.0.1', 'leading zeros'],
    ['ip', '10.0.0.0/08', 'leading zeros'],
    ['ip', 'fe80::1%eth0', 'zone'],
    ['ip', '::ffff:10.0.0.1', 'must be an IPv4 or IPv6'],
    ['ip', 'host.example.com', 'must be an IPv4 or IPv6'],
    ['ip', ' 10.0.0.1', 'must be an IPv4 or IPv6'],
    ['ip', '2001:db8::/129', 'must be an IPv4 or IPv6'],
    ['ip', '10.0.0.1/24', 'the network is 10.0.0.0/24'],
    ['ip', '2001:db8::1/64', 'the network is 2001:db8::/64'],
    ['user', '', '4 to 255'],
    ['user', 'abc', '4 to 255'],
    ['user', 'u'.repeat(256), '4 to 255'],
    ['user', 'CORP\\alice', 'must not contain'],
    ...[...'"/[]:;|=,+*?<>%'].map((char): [AccessType, string, string] => [
      'user',
      `user${char}`,
      'must not contain any of',
    ]),
    ['user', 'us\ner', 'control'],
    ['user', 'user\u007f', 'control'],
    ['user', 'us\u2028er', 'control'],
    ['user', 'us\u200ber', 'invisible'],
    ['user', 'resu\u202er', 'invisible'],
    ['user', ' user', 'begin or end with a space'],
    ['user', 'user ', 'begin or end with a space'],
    ['user', 'user\u00a0', 'begin or end with a space'],
    ['user', '....', 'dots only'],
    ['user', '-user', 'begin with'],
    ['user', '@users', 'begin with'],
    ['cert', '', '1 to 64'],
    ['cert', '   ', '1 to 64'],
    ['cert', 'x'.repeat(65), '1 to 64'],
    ['cert', 'a\tb', 'control'],
    ['cert', '\ufeffab', 'invisible'],
    ['cert', '-x', 'begin with'],
    ['cert', 'a%b', 'contain "%"'],
    ['cephx', '', '1 to 64'],
    ['cephx', 'x'.repeat(65), '1 to 64'],
    ['cephx', 'client.alice', 'dot'],
    ['cephx', 'älice', 'printable ASCII'],
    ['cephx', 'a\nb', 'printable ASCII'],
    ['cephx', '-alice', 'begin with'],
    ['cephx', '@alice', 'begin with'],
    ['cephx', '%U', '"%"'],
    ['cephx', ' alice', 'begin with'],
  ];
  it.each(refused)('of type %s refuses %j', (accessType, accessTo, because) => {
    const problem = validateRule({ accessType, accessTo });
    expect(problem).toContain(because);
    expect(problem).toMatch(new RegExp(`^accessTo ".*" of type ${accessType} `));
  });

  it('rejects an unknown level or type', () => {
    const spec = JSON.parse('{"accessType":"ip","accessTo":"10.0.0.1","accessLevel":"su"}');
    expect(validateRule(spec)).toContain('rw or ro');
    expect(validateRule({ ...spec, accessLevel: 'ro', accessType: 'password' })).toContain('ip, user, cert or cephx');
  });

  it('is rejected with one short line, whatever the tenant wrote', { timeout: 90_000 }, () => {
    // Made once: it takes long to compile.
    const line = /^[^\p{Cc}\p{Zl}\p{Zp}]{0,600}$/u;
    const type = fc.constantFrom<AccessType>('ip', 'user', 'cert', 'cephx');
    fc.assert(
      fc.property(type, fc.string({ unit: 'binary', maxLength: 300 }), (accessType, accessTo) => {
        expect(validateRule({ accessType, accessTo }) ?? '').toMatch(line);
      }),
    );
  });
});

describe('targets', () => {
  const equal: [AccessType, string, string][] = [
    ['ip', '10.0.0.1', '10.0.0.1/32'],
    ['ip', '2001:db8::1', '2001:DB8:0:0:0:0:0:1'],
    ['ip', '2001:db8::1', '2001:0db8::0001/128'],
    ['ip', '2001:db8::/32', '2001:db8:0::/32'],
    ['cert', 'client', ' client '],
    ['user', 'user', 'user'],
  ];
  it.each(equal)('of type %s are the same: %s and %s', (accessType, left, right) => {
    expect(sameTarget({ accessType, accessTo: left }, { accessType, accessTo: right })).toBe(true);
  });

  const different: [AccessType, string, string][] = [
    ['ip', '10.0.0.1', '10.0.0.2'],
    ['ip', '10.0.0.0/24', '10.0.0.0/25'],
    ['ip', '0.0.0.0/0', '::/0'],
    ['ip', '10.0.0.0', '10.0.0.0/31'],
    ['user', 'user', 'User'],
    ['cephx', 'alice', 'Alice'],
    ['cert', 'a b', 'ab'],
  ];
  it.each(different)('of type %s differ: %s and %s', (accessType, left, right) => {
    expect(sameTarget({ accessType, accessTo: left }, { accessType, accessTo: right })).toBe(false);
  });

  it('of different types differ', () => {
    expect(targetKey({ accessType: 'user', accessTo: 'alice' })).not.toBe(
      targetKey({ accessType: 'cephx', accessTo: 'alice' }),
    );
  });

  it('are the same in every spelling of an IPv6 address', () => {
    const groups = fc.array(fc.nat(0xffff), { minLength: 8, maxLength: 8 });
    const spell = (parts: readonly number[], width: number): string =>
      parts.map((part) => part.toString(16).padStart(width, '0')).join(':');
    fc.assert(
      fc.property(groups, (parts) => {
        fc.pre(parts.slice(0, 5).some((part) => part !== 0));
        const short = { accessType: 'ip', accessTo: spell(parts, 1) } as const;
        const long = { accessType: 'ip', accessTo: spell(parts, 4).toUpperCase() } as const;
        expect(sameTarget(short, long)).toBe(true);
      }),
    );
  });
});

describe('of two rules for the same client', () => {
  const rule = (uid: string, changes: RuleChanges = {}): ShareAccess => ({
    metadata: {
      name: `rule-${uid}`,
      uid,
      creationTimestamp: changes.created ?? '2026-01-01T00:00:00Z',
      ...(changes.deleted === true && { deletionTimestamp: '2026-01-02T00:00:00Z' }),
    },
    spec: { shareName: changes.share ?? 'share', accessType: 'ip', accessTo: changes.to ?? '10.0.0.1' },
    status: changes.status ?? {},
  });

  const active: ShareAccessStatus = { phase: 'active', accessLevel: 'rw' };
  const cases: [string, ShareAccess, ShareAccess][] = [
    ['the applied', rule('z', { status: active, created: '2026-02-01T00:00:00Z' }), rule('a')],
    [
      'the one applied before its update',
      rule('z', { status: { phase: 'updating', accessLevel: 'ro' }, created: '2026-02-01T00:00:00Z' }),
      rule('a', { status: { phase: 'applying' } }),
    ],
    ['the applied one that is being denied', rule('z', { status: active, deleted: true }), rule('a')],
    ['the older', rule('z'), rule('a', { created: '2026-01-01T00:00:01Z' })],
    [
      'the older of two applied',
      rule('z', { status: active }),
      rule('a', { status: active, created: '2026-03-01T00:00:00Z' }),
    ],
    ['the one with the lower uid', rule('a'), rule('b')],
    [
      'the one spelled otherwise but older',
      rule('z', { to: '10.0.0.1/32' }),
      rule('a', { created: '2026-01-01T00:00:01Z' }),
    ],
  ];
  it.each(cases)('%s wins', (_, winner, loser) => {
    expect(duplicateOf(loser, [winner, loser])).toBe(winner);
    expect(duplicateOf(winner, [loser, winner])).toBeUndefined();
  });

  it('none is a duplicate of a rule for another share or client, or of itself', () => {
    const self = rule('m');
    expect(duplicateOf(self, [self, rule('a', { share: 'other' }), rule('b', { to: '10.0.0.2' })])).toBeUndefined();
    expect(duplicateOf(structuredClone(self), [self])).toBeUndefined();
  });

  it('a deleted rule that was never applied does not compete', () => {
    expect(duplicateOf(rule('z'), [rule('a', { deleted: true })])).toBeUndefined();
  });

  it('a rule that is being created loses against a stored one', () => {
    const fresh: ShareAccess = { metadata: { name: 'new' }, spec: rule('x').spec };
    expect(duplicateOf(fresh, [rule('z')])?.metadata.uid).toBe('z');
  });

  it('exactly one wins, and all losers name it, in whatever order they are listed', () => {
    const statuses = fc.constantFrom<ShareAccessStatus>(
      {},
      active,
      { phase: 'error' },
      { phase: 'error', accessLevel: 'ro' },
    );
    const created = fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z');
    const rules = fc
      .uniqueArray(fc.record({ uid: fc.string({ minLength: 1, maxLength: 3 }), status: statuses, created }), {
        selector: ({ uid }) => uid,
        minLength: 1,
        maxLength: 6,
      })
      .map((list) => list.map(({ uid, ...changes }) => rule(uid, changes)));
    fc.assert(
      fc.property(rules, (list) => {
        const winners = list.filter((candidate) => duplicateOf(candidate, list) === undefined);
        expect(winners).toHaveLength(1);
        for (const candidate of list) {
          if (candidate !== winners[0]) expect(duplicateOf(candidate, list.toReversed())).toBe(winners[0]);
        }
      }),
    );
  });
});

interface RuleChanges {
  readonly share?: string;
  readonly to?: string;
  readonly created?: string;
  readonly deleted?: boolean;
  readonly status?: ShareAccessStatus;
}
