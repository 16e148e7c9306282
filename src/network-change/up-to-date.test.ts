import { describe, expect, it } from 'vitest';
import type { SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { RecordedSecurityService, SecurityServiceChange, ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer, ShareServerStatus } from '../api/v1alpha1/share-server.ts';
import { associationPending } from './association.ts';
import { lagOf, type ServiceComparison, serverChanges } from './up-to-date.ts';

const ad = recorded('active_directory', 'ad');
const ldap = recorded('ldap', 'dir');

function recorded(type: SecurityServiceType, name: string, uid = `uid-${name}`): RecordedSecurityService {
  return { type, name, uid, generation: 1 };
}

function applied(service: RecordedSecurityService, uid = service.uid): AppliedSecurityService {
  return { ...service, uid, credentialsVersion: 'v1' };
}

function server(status: ShareServerStatus = {}): ShareServer {
  return {
    metadata: { name: 's' },
    spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'sub' },
    status: { phase: 'active', identifier: 'id', ...status },
  };
}

const nothingElse: ServiceComparison = { saysTheSame: () => false, credentialsDiffer: () => false };
const recreatedEqual: ServiceComparison = { ...nothingElse, saysTheSame: () => true };
const newPassword: ServiceComparison = { ...nothingElse, credentialsDiffer: ({ name }) => name === 'ad' };
const setupFailed = { operation: 'setupServer', reason: 'Refused', message: '', time: '2026-01-01T00:00:00Z' };

describe('lagOf', () => {
  it.each([
    ['a server that has what is recorded', { securityServices: [applied(ad)] }, nothingElse, undefined],
    ['a server with another service', { securityServices: [applied(ad, 'old')] }, nothingElse, 'ShareServersOutdated'],
    ['a server without a service of the type', { securityServices: [] }, nothingElse, 'ShareServersOutdated'],
    ['a service re-created with equal content', { securityServices: [applied(ad, 'old')] }, recreatedEqual, undefined],
    ['a changed password', { securityServices: [applied(ad)] }, newPassword, 'CredentialsChanged'],
    [
      'an outdated server with a changed password',
      { securityServices: [applied(ad, 'old')] },
      newPassword,
      'ShareServersOutdated',
    ],
    [
      'a failed update',
      { phase: 'error', securityServices: [applied(ad, 'old')], missedUpdate: 'Failed' },
      nothingElse,
      'UpdateFailed',
    ],
    [
      'a failed update whose phase an administrator reset',
      { securityServices: [applied(ad)], missedUpdate: 'Failed' },
      nothingElse,
      undefined,
    ],
    [
      'a server whose turn did not come',
      { securityServices: [applied(ad, 'old')], missedUpdate: 'NotAttempted' },
      nothingElse,
      'NotAttempted',
    ],
    ['another error', { phase: 'error', securityServices: [applied(ad)] }, nothingElse, undefined],
    ['a server that was never set up', { identifier: undefined, phase: 'creating' }, nothingElse, undefined],
    ['a server whose set-up failed half-way', { phase: 'error', lastError: setupFailed }, nothingElse, undefined],
  ] as const)('%s', (_what, status, comparison, expected) => {
    const { identifier = 'id', ...rest } = status as ShareServerStatus;
    const one = server({ identifier, ...rest });
    const { identifier: _none, ...withoutIdentifier } = one.status ?? {};
    const given = 'identifier' in status ? { ...one, status: withoutIdentifier } : one;
    expect(lagOf(given, [ad], comparison)).toBe(expected);
  });
});

describe('serverChanges', () => {
  const ad2 = recorded('active_directory', 'ad2');
  const replaced: SecurityServiceChange = { type: 'active_directory', operation: 'update', from: ad, to: ad2 };
  const addedLdap: SecurityServiceChange = { type: 'ldap', operation: 'add', to: ldap };
  const again: SecurityServiceChange = { type: 'active_directory', operation: 'reapply', from: ad, to: ad };

  it.each<
    [
      string,
      readonly AppliedSecurityService[],
      readonly SecurityServiceChange[],
      readonly RecordedSecurityService[],
      readonly string[],
      ServiceComparison?,
    ]
  >([
    ['a replaced service', [applied(ad)], [replaced], [ad2], ['update active_directory ad->ad2']],
    ['an added service', [applied(ad)], [addedLdap], [ad, ldap], ['add ldap ->dir']],
    ['a reapply', [applied(ad)], [again], [ad], ['reapply active_directory ad->ad']],
    [
      'what an earlier change left undone, in the order of the association',
      [applied(ad)],
      [addedLdap],
      [ad2, ldap],
      ['update active_directory ad->ad2', 'add ldap ->dir'],
    ],
    ['a service that only this server lacks', [], [], [ad], ['add active_directory ->ad']],
    [
      'a server that has the new service from a change that failed later',
      [applied(ad2)],
      [replaced],
      [ad2],
      ['reapply active_directory ad2->ad2'],
    ],
    ['nothing', [applied(ad), applied(ldap)], [], [ad, ldap], []],
    ['nothing for a service re-created with equal content', [applied(ad, 'old')], [], [ad], [], recreatedEqual],
  ])('%s', (_what, given, changes, association, expected, comparison = nothingElse) => {
    const steps = serverChanges(server({ securityServices: given }), changes, association, comparison);
    expect(
      steps.map(({ type, operation, from, to }) => `${operation} ${type} ${from?.name ?? ''}->${to.name}`),
    ).toEqual(expected);
    expect(steps.every(({ done }) => done === undefined)).toBe(true);
  });

  it('says what the server has now, not what the network recorded before', () => {
    const [step] = serverChanges(server({ securityServices: [applied(ad, 'older')] }), [replaced], [ad2], nothingElse);
    expect(step?.from).toEqual({ ...ad, uid: 'older' });
  });
});

describe('associationPending', () => {
  const network = (
    wanted: readonly RecordedSecurityService[],
    recordedServices: readonly RecordedSecurityService[],
  ) => {
    const references = wanted.map(({ type, name }) => ({ type, name }));
    const one: ShareNetwork = {
      metadata: { name: 'net' },
      spec: { securityServices: references },
      status: { securityServices: recordedServices },
    };
    return one;
  };
  const fresh: ShareServer = { ...server(), status: { phase: 'creating' } };

  it.each([
    ['nothing requested', network([], []), [], false],
    ['all recorded', network([ad, ldap], [ldap, ad]), [], false],
    ['one not recorded yet', network([ad], []), [], true],
    ['another one recorded', network([recorded('active_directory', 'ad2')], [ad]), [], true],
    ['more recorded than requested', network([], [ad]), [], true],
    ['not recorded, with a server that is not set up', network([ad], []), [fresh], true],
    [
      'not recorded, with a server in use: later ones take what is recorded',
      network([ad, ldap], [ad]),
      [fresh, server()],
      false,
    ],
  ])('%s', (_what, given, servers, expected) => {
    expect(associationPending(given, servers)).toBe(expected);
  });

  it('needs no status', () => {
    expect(associationPending({ metadata: { name: 'net' }, spec: {} }, [])).toBe(false);
  });
});
