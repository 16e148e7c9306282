import { describe, expect, test } from 'vitest';
import { reasons } from '../../api/v1alpha1/reasons/catalogue.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import type { ManagedObject } from '../managed-object.ts';
import type { MayI } from '../rights.ts';
import { type Cause, causeOf } from './cause.ts';
import { type CauseReader, findKnown, isKind } from './known-object.ts';
import { remedyOf } from './remedy.ts';

const namespace = 'team-a';
const everything: MayI = async () => true;
/** What the cluster's role edit gives. */
const tenant: MayI = async ({ type, subresource }) =>
  subresource === undefined && type.namespaced && type.kind !== 'ShareServer';

/** An object that is not ready for that reason; without one it is. */
function object(kind: string, name: string, spec: object, reason?: string, status: object = {}): ManagedObject {
  const message = `says ${reason}`;
  const ready = { type: 'Ready', status: reason ? 'False' : 'True', reason: reason ?? 'Available', message } as const;
  const metadata = { name, generation: 1, ...(kind !== 'StorageBackend' && { namespace }) };
  const conditions = [{ ...ready, lastTransitionTime: '2026-01-01T00:00:00Z' }];
  return Object.assign(
    { apiVersion, kind, metadata, status: { observedGeneration: 1, conditions, ...status } },
    { spec },
  );
}

function reader(objects: readonly ManagedObject[], hidden: readonly string[] = []): CauseReader {
  const ofKind = (type: ResourceType) => objects.filter(({ kind }) => kind === type.kind);
  return {
    find: async <T extends ManagedObject>(type: ResourceType<T>, name: string) =>
      // Test data, as the server has it.
      hidden.includes(type.kind)
        ? 'hidden'
        : (ofKind(type).find(({ metadata }) => metadata.name === name) as T | undefined),
    list: async <T extends ManagedObject>(type: ResourceType<T>) => ofKind(type) as unknown as T[],
  };
}

async function cause(start: string, objects: readonly ManagedObject[], hidden?: readonly string[]): Promise<Cause> {
  const [kind = '', name = ''] = start.split('/');
  const from = reader(objects, hidden);
  if (!isKind(kind)) throw new Error(`${kind} is no kind`);
  const found = await findKnown(kind, name, from);
  if (found === undefined || 'hidden' in found) throw new Error(`${start} is not there`);
  return await causeOf(found, from);
}

const path = ({ steps }: Cause) =>
  steps.map(({ kind, object: { metadata }, note }) => `${kind}/${metadata.name} ${note.reason}`);

const rule = (reason?: string) => object('ShareAccess', 'rule', { shareName: 'home' }, reason);
const share = (reason?: string) =>
  object('Share', 'home', { shareNetworkName: 'net' }, reason, { shareServerName: 's-1', backendName: 'sto' });
const server = (name: string, reason?: string, status: object = {}) =>
  object('ShareServer', name, { shareNetworkName: 'net', backendName: 'sto' }, reason, status);
const network = (reason?: string, status: object = {}) =>
  object('ShareNetwork', 'net', { securityServices: [{ type: 'ldap', name: 'dir' }] }, reason, status);
const service = (reason?: string) => object('SecurityService', 'dir', { type: 'ldap' }, reason);
const backend = (reason?: string) => object('StorageBackend', 'sto', { driver: 'dummy' }, reason);

/** A condition in place of the one that {@link object} makes. */
const failure = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: '2026-01-01T00:00:00Z',
});

type FollowedCase = [start: string, objects: readonly ManagedObject[], steps: readonly string[]];

describe('the one thing that an object waits for', () => {
  test('is nothing where all is well', async () => {
    expect(await cause('Share/home', [share()])).toEqual({ steps: [] });
  });

  test.each([
    ['ShareAccess/rule', [rule('ShareNotFound')], ['ShareAccess/rule ShareNotFound']],
    [
      'ShareAccess/rule',
      [rule('ShareServerError'), share('ShareServerError'), server('s-1', 'UpdateFailed')],
      ['ShareAccess/rule ShareServerError', 'ShareServer/s-1 UpdateFailed'],
    ],
    [
      'ShareAccess/rule',
      [rule('ShareNotAvailable'), share('BackendUnavailable'), backend('CredentialsNotFound')],
      ['ShareAccess/rule ShareNotAvailable', 'Share/home BackendUnavailable', 'StorageBackend/sto CredentialsNotFound'],
    ],
    [
      'Share/home',
      [share('SecurityServicesPending'), network('SecurityServiceIncomplete'), service('SecurityServiceIncomplete')],
      [
        'Share/home SecurityServicesPending',
        'ShareNetwork/net SecurityServiceIncomplete',
        'SecurityService/dir SecurityServiceIncomplete',
      ],
    ],
    [
      'ShareNetwork/net',
      [network('UpdateFailed'), server('s-1'), server('s-2', 'UpdateFailed')],
      ['ShareNetwork/net UpdateFailed', 'ShareServer/s-2 UpdateFailed'],
    ],
    [
      'Share/home',
      [
        share('ShareNetworkNotActive'),
        network('NetworkChangeInProgress', { networkChange: { id: 'c' } }),
        server('s-1', 'NetworkChangeInProgress', { networkChange: { id: 'c' } }),
        server('s-2', 'OperationTimeout', { networkChange: { id: 'c' } }),
      ],
      [
        'Share/home ShareNetworkNotActive',
        'ShareNetwork/net NetworkChangeInProgress',
        'ShareServer/s-2 OperationTimeout',
      ],
    ],
    [
      'ShareServer/s-1',
      [
        network('NetworkChangeInProgress', { networkChange: { id: 'c' } }),
        server('s-1', 'NetworkChangeInProgress', { networkChange: { id: 'c' } }),
      ],
      ['ShareServer/s-1 NetworkChangeInProgress', 'ShareNetwork/net NetworkChangeInProgress'],
    ],
    ['ShareAccess/rule', [rule('SharePaused'), share('Paused')], ['ShareAccess/rule SharePaused', 'Share/home Paused']],
    ...['SubnetInUse', 'SubnetInvalid'].map(
      (reason): FollowedCase => [
        'ShareAccess/rule',
        [rule('ShareNotAvailable'), share(reason), network(reason)],
        ['ShareAccess/rule ShareNotAvailable', `Share/home ${reason}`, `ShareNetwork/net ${reason}`],
      ],
    ),
    [
      'Share/home',
      [share('AccessRulesExist'), rule('DriverError')],
      ['Share/home AccessRulesExist', 'ShareAccess/rule DriverError'],
    ],
    [
      'ShareServer/s-1',
      [server('s-1', 'CredentialsNotFound'), network(), service('CredentialsNotFound')],
      ['ShareServer/s-1 CredentialsNotFound', 'SecurityService/dir CredentialsNotFound'],
    ],
    // Of its backends the one that is not well.
    [
      'ShareNetwork/net',
      [
        network('BackendUnavailable'),
        object('ShareServer', 's-0', { shareNetworkName: 'net', backendName: 'fine' }),
        object('StorageBackend', 'fine', { driver: 'dummy' }),
        server('s-1'),
        backend('BackendUnreachable'),
      ],
      ['ShareNetwork/net BackendUnavailable', 'StorageBackend/sto BackendUnreachable'],
    ],
    // Of its servers the one that its status names.
    [
      'ShareNetwork/net',
      [
        network('UpdateFailed', { waitingFor: { kind: 'ShareServer', name: 's-2' } }),
        server('s-1', 'Paused'),
        server('s-2', 'UpdateFailed'),
      ],
      ['ShareNetwork/net UpdateFailed', 'ShareServer/s-2 UpdateFailed'],
    ],
    // A driver's reason, and a kind that the plugin does not follow.
    [
      'ShareServer/s-1',
      [server('s-1', 'QuotaExceeded', { waitingFor: { kind: 'StorageBackend', name: 'sto' } }), backend('DriverFault')],
      ['ShareServer/s-1 QuotaExceeded', 'StorageBackend/sto DriverFault'],
    ],
    [
      'Share/home',
      [share('ShareServerError'), server('s-1', 'SetupFailed', { waitingFor: { kind: 'Secret', name: 'x' } })],
      ['Share/home ShareServerError', 'ShareServer/s-1 SetupFailed'],
    ],
  ] satisfies FollowedCase[])('%s: followed to its end', async (start, objects, steps) => {
    expect(path(await cause(start, objects))).toEqual(steps);
  });

  test('of what is to go is what keeps it, not what else is wrong', async () => {
    const conditions = [
      failure('Ready', 'False', 'BackendUnavailable', 'not reached'),
      failure('DeletionBlocked', 'True', 'AccessRulesExist', 'rules exist'),
    ];
    const going = object('Share', 'home', { backendName: 'sto' }, 'Deleting', { conditions });
    const found = await cause('Share/home', [
      { ...going, metadata: { ...going.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
      backend('BackendUnreachable'),
      rule('DriverError'),
    ]);
    expect(path(found)).toEqual(['Share/home AccessRulesExist', 'ShareAccess/rule DriverError']);
  });

  test('may be out of sight', async () => {
    const found = await cause('Share/home', [share('BackendUnavailable')], ['StorageBackend']);
    expect(found).toMatchObject({ hidden: { kind: 'StorageBackend', name: 'sto' } });
    const [step] = found.steps;
    expect(step && (await remedyOf(step, everything, found.hidden))).toEqual({
      text: 'You are not allowed to see storagebackend/sto.',
      ask: {
        who: 'a storage administrator (ClusterRole sharenet-storage-admin)',
        command: 'kubectl sharenet why storagebackend/sto',
      },
    });
  });

  test('two objects that name each other end the search', async () => {
    const found = await cause('Share/home', [
      share('AccessRulesExist'),
      object('ShareAccess', 'rule', { shareName: 'home' }, 'ShareNotAvailable'),
    ]);
    expect(path(found)).toEqual(['Share/home AccessRulesExist', 'ShareAccess/rule ShareNotAvailable']);
  });
});

describe('what to do about it', () => {
  const kinds = {
    ShareAccess: rule,
    Share: share,
    ShareServer: (reason?: string) => server('s-1', reason),
    ShareNetwork: network,
  };
  const cases = Object.entries(kinds).flatMap(([kind, make]) =>
    Object.entries(kind in reasons ? reasons[kind as keyof typeof kinds] : {})
      .filter(([, { places }]) => places.includes('Ready'))
      .map(([reason, { remedy }]) => ({ kind, reason, expected: remedy, made: make(reason) })),
  );

  test.each(cases)('$kind $reason gives a tenant no command that is not theirs', async ({ kind, made }) => {
    const { steps } = await cause(`${kind}/${made.metadata.name}`, [made]);
    const [first] = steps;
    const nothing = first && (await remedyOf(first, async () => false));
    expect(nothing?.command).toBeUndefined();
    const all = first && (await remedyOf(first, everything));
    expect(nothing?.ask?.command).toBe(all?.command);
    const own = first && (await remedyOf(first, tenant));
    expect(own?.command ?? '').not.toMatch(/reset-status|shareserver\/|storagebackend\//);
    if (own?.ask !== undefined) expect(own.ask.who).toContain('storage administrator');
  });

  test('of a server that failed is the command that the user may run', async () => {
    const failed = server('s-1', 'UpdateFailed');
    const { steps } = await cause('ShareServer/s-1', [failed]);
    const onlyResets: MayI = async ({ subresource }) => subresource === 'status';
    expect(steps[0] && (await remedyOf(steps[0], tenant)).command).toBe('kubectl sharenet reapply net -n team-a');
    expect(steps[0] && (await remedyOf(steps[0], onlyResets)).command).toBe(
      'kubectl sharenet reset-status shareserver/s-1 --to active -n team-a',
    );
  });

  test.each(cases)('$kind $reason is what the catalogue says', async ({ kind, reason, expected, made }) => {
    const { steps } = await cause(`${kind}/${made.metadata.name}`, [made]);
    const [first] = steps;
    if (reason === 'Available' || reason === 'Applied') return;
    const remedy = first && (await remedyOf(first, everything));
    expect(remedy?.text).toBe(expected.text);
    const needsNoCommand = ['none', 'wait', 'correct', 'administrator'].includes(expected.kind);
    expect(remedy?.command ?? '').toMatch(needsNoCommand ? /^$/ : /^kubectl /);
    // What is requested by an annotation has a command.
    if (/sharenet\.io\/(?:reapply|reconcile|abort|paused)/.test(expected.text)) expect(needsNoCommand).toBe(false);
    if (/reapply-requested-at/.test(expected.text)) {
      expect(remedy?.command).toBe('kubectl sharenet reapply net -n team-a');
    }
    if (/sets? the phase to active/.test(expected.text)) expect(expected.kind).toBe('resetStatus');
  });

  test('of a rule whose share is paused, or whose key is gone, is done to the share', async () => {
    const command = async (reason: string) => {
      const { steps } = await cause('ShareAccess/rule', [rule(reason)]);
      return steps[0] && (await remedyOf(steps[0], everything)).command;
    };
    expect(await command('SharePaused')).toBe('kubectl sharenet resume share/home -n team-a');
    expect(await command('AccessKeyMissing')).toContain('kubectl annotate share/home -n team-a ');
  });

  test('of a reason of a driver', async () => {
    const { steps } = await cause('Share/home', [share('QuotaOfPoolExceeded')]);
    expect(steps[0] && (await remedyOf(steps[0], everything)).text).toContain('documentation');
  });
});
