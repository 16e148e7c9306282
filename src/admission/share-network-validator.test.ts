import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdmissionRig, activeServer, namespace, probedBackend, recordsAD } from '../../test/faults/admission-rig.ts';
import type { SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { Conditions } from '../api/v1alpha1/conditions.ts';
import * as labels from '../api/v1alpha1/labels.ts';
import type { SecurityService, SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import type { Share, ShareStatus } from '../api/v1alpha1/share.ts';
import type { ShareAccess, ShareAccessStatus } from '../api/v1alpha1/share-access.ts';
import type { ShareNetwork, ShareNetworkSpec } from '../api/v1alpha1/share-network.ts';
import { shareNetworkValidator } from './share-network-validator.ts';
import { allowed } from './verdict.ts';

const subnet = { name: 'default', networkType: 'flat', cidr: '10.0.0.0/24' } as const;
const refer = (name: string, type: SecurityServiceType = 'active_directory') => ({ type, name });

/** As it is stored: refers to `ad`, which it records. */
const stored: ShareNetwork = {
  metadata: { name: 'net', namespace, uid: 'uid-net' },
  spec: { securityServices: [refer('ad')], subnets: [subnet] },
  status: recordsAD,
};

function changed(spec: Partial<ShareNetworkSpec>, from = stored): ShareNetwork {
  return { ...from, spec: { ...from.spec, ...spec } };
}

function annotated(token: string, from = stored): ShareNetwork {
  return { ...from, metadata: { ...from.metadata, annotations: { [labels.reapplyRequestedAt]: token } } };
}

function service(name: string, spec: Partial<SecurityServiceSpec> = {}): SecurityService {
  return {
    metadata: { name, namespace, generation: 1 },
    spec: {
      type: 'active_directory',
      dnsIPs: ['10.0.0.53'],
      domain: 'example.com',
      user: 'joiner',
      passwordSecretRef: { name: 'password' },
      ...spec,
    },
  };
}

function share(status: ShareStatus = {}): Share {
  return {
    metadata: { name: 'share', namespace },
    spec: { protocol: 'NFS', size: '1Gi', shareNetworkName: 'net' },
    status: { phase: 'available', shareServerName: 'server', identifier: 'id', ...status },
  };
}

function rule(status: ShareAccessStatus = {}, name = 'rule'): ShareAccess {
  return {
    metadata: { name, namespace },
    spec: { shareName: 'share', accessType: 'ip', accessTo: '10.0.0.1' },
    status: { phase: 'active', accessLevel: 'rw', ...status },
  };
}

const asking = (reason: string): Conditions => [
  { type: 'Ready', status: 'False', reason, message: '', lastTransitionTime: '' },
];

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  rig.showPassword('password');
  rig.show('storageBackends', probedBackend('backend'));
  rig.show('shareServers', activeServer('server'));
  for (const name of ['ad', 'ad2']) rig.show('securityServices', service(name));
  rig.show('shareNetworks', stored);
  rig.show('shares', share());
  rig.show('shareAccesses', rule());
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

const update = (object: ShareNetwork, oldObject = stored) => rig.update(shareNetworkValidator, oldObject, object);
const tryOut = (object: ShareNetwork) => rig.update(shareNetworkValidator, stored, object, true);
const create = (object: ShareNetwork) => rig.create(shareNetworkValidator, object);
const replaced = changed({ securityServices: [refer('ad2')] });

describe('a change of the security services of a network with share servers', () => {
  it('passes when nothing is in the way', () => {
    expect(update(replaced)).toEqual(allowed);
    expect(update(annotated('again'))).toEqual(allowed);
  });

  interface Refused {
    readonly what: string;
    readonly code: number;
    readonly reason: string;
    readonly says: RegExp;
    readonly arrange?: () => void;
    readonly wanted?: ShareNetwork;
    readonly before?: ShareNetwork;
  }

  const inChange: ShareNetwork = { ...stored, status: { ...recordsAD, phase: 'network_change' } };
  const table: readonly Refused[] = [
    {
      what: 'a network that is not active',
      code: 422,
      reason: 'ShareNetworkNotActive',
      says: /net is in network_change; retry once the network is active/,
      before: inChange,
      wanted: annotated('again', inChange),
    },
    {
      what: 'a service that does not exist',
      code: 400,
      reason: 'SecurityServiceNotFound',
      says: /do not exist: later/,
      wanted: changed({ securityServices: [refer('later')] }),
    },
    {
      what: 'a service that is being deleted',
      code: 400,
      reason: 'SecurityServiceNotFound',
      says: /being deleted: ad2/,
      arrange: () => {
        const leaving = service('ad2');
        const metadata = { ...leaving.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['x/y'] };
        rig.show('securityServices', { ...leaving, metadata });
      },
    },
    {
      what: 'a service of another type',
      code: 400,
      reason: 'SecurityServiceTypeMismatch',
      says: /ad2 has type active_directory but is referenced as ldap/,
      wanted: changed({ securityServices: [refer('ad'), refer('ad2', 'ldap')] }),
    },
    {
      what: 'an entry that is removed',
      code: 403,
      reason: 'ShareNetworkInUse',
      says: /used by share servers server: .* active_directory \(ad\)/,
      wanted: changed({ securityServices: [] }),
    },
    {
      what: 'a server that can not be updated',
      code: 403,
      reason: 'SecurityServiceUpdateNotSupported',
      says: /: server$/,
      arrange: () => rig.show('storageBackends', probedBackend('backend', { securityServiceUpdateSupport: false })),
    },
    {
      what: 'a type that the backend does not support',
      code: 403,
      reason: 'SecurityServiceTypeNotSupported',
      says: /share servers server .* active_directory/,
      arrange: () => rig.show('storageBackends', probedBackend('backend', { securityServiceTypes: ['ldap'] })),
    },
    {
      what: 'a backend that is not available',
      code: 409,
      reason: 'BackendUnavailable',
      says: /^not a field conflict; retry later: .*backend/,
      arrange: () => rig.show('storageBackends', probedBackend('backend', {}, { enabled: false })),
    },
    {
      what: 'a server that is not active',
      code: 409,
      reason: 'ShareServerNotActive',
      says: /^not a field conflict; retry later: .*server \(error\)/,
      arrange: () => rig.show('shareServers', activeServer('server', { phase: 'error' })),
    },
    {
      what: 'a share in a call of this process',
      code: 409,
      reason: 'ShareBusy',
      says: /^not a field conflict; retry later: .*shares share$/,
      arrange: () => {
        rig.show('shares', share({ operation: { id: 'i', name: 'extendShare', startedTime: '' } }));
        rig.busy.add('uid-share');
      },
    },
    {
      what: 'a share handed over',
      code: 409,
      reason: 'ShareBusy',
      says: /shares share$/,
      arrange: () =>
        rig.show('shares', share({ operation: { id: 'i', name: 'createShare', token: 't', startedTime: '' } })),
    },
    {
      what: 'a rule in a call of this process',
      code: 409,
      reason: 'AccessRulesNotActive',
      says: /^not a field conflict; retry later: .*access rules new$/,
      arrange: () => {
        rig.show('shareAccesses', rule({ phase: 'queued_to_apply' }, 'new'));
        rig.busy.add('uid-share');
      },
    },
    {
      what: 'a rule in a call of another replica',
      code: 409,
      reason: 'AccessRulesNotActive',
      says: /access rules rule$/,
      arrange: () => rig.show('shareAccesses', rule({ phase: 'updating', conditions: asking('Applying') })),
    },
    {
      what: 'rules handed over',
      code: 409,
      reason: 'AccessRulesNotActive',
      says: /access rules new$/,
      arrange: () => {
        rig.show('shareAccesses', rule({ phase: 'applying' }, 'new'));
        rig.show('shares', share({ operation: { id: 'i', name: 'updateAccess', token: 't', startedTime: '' } }));
      },
    },
    {
      what: 'an incomplete service',
      code: 400,
      reason: 'SecurityServiceIncomplete',
      says: /ad2 \(missing: user\)/,
      arrange: () => rig.show('securityServices', service('ad2', { user: ' ' })),
    },
    {
      what: 'a service without its Secret',
      code: 400,
      reason: 'SecurityServiceIncomplete',
      says: /ad2 \(Secret unmarked does not exist or lacks the label sharenet\.io\/credentials: "true"\)/,
      arrange: () => rig.show('securityServices', service('ad2', { passwordSecretRef: { name: 'unmarked' } })),
    },
  ];

  it.each(table)('is refused for $what: $code $reason', ({ code, reason, says, arrange, wanted, before }) => {
    arrange?.();
    expect(update(wanted ?? replaced, before ?? stored)).toEqual({
      allowed: false,
      code,
      reason,
      message: expect.stringMatching(says),
    });
    // What does not change is never refused: manifests are applied again and again.
    const unchanged = before ?? stored;
    expect(update({ ...unchanged, metadata: { ...unchanged.metadata, labels: { a: 'b' } } }, unchanged)).toEqual(
      allowed,
    );
  });

  it('is only warned of in a dry run, where other manifests of the commit may bring what lacks', () => {
    expect(tryOut(changed({ securityServices: [refer('later')] }))).toEqual({
      allowed: true,
      warnings: [
        expect.stringMatching(/would be refused as things are: SecurityServiceNotFound: .*do not exist: later/),
      ],
    });
    rig.show('securityServices', service('ad2', { passwordSecretRef: { name: 'later' } }));
    expect(tryOut(replaced)).toEqual({
      allowed: true,
      warnings: [
        expect.stringMatching(/SecurityServiceIncomplete: .*ad2 \(Secret later does not exist or lacks the label .*\)/),
      ],
    });
  });

  it('is refused in a dry run for what no other manifest brings, also behind what one may bring', () => {
    const removal = changed({ securityServices: [refer('later', 'ldap')] });
    expect(update(removal)).toMatchObject({ code: 400, reason: 'SecurityServiceNotFound' });
    expect(tryOut(removal)).toMatchObject({ code: 403, reason: 'ShareNetworkInUse' });
    rig.show('shareServers', activeServer('server', { phase: 'error' }));
    expect(tryOut(replaced)).toMatchObject({ code: 409, reason: 'ShareServerNotActive' });
  });

  it('is settled by errors, by what waits for its turn, and by what is tried again', () => {
    rig.show('shareAccesses', rule({ phase: 'error' }, 'failed'));
    rig.show('shareAccesses', rule({ phase: 'queued_to_apply' }, 'queued'));
    rig.show('shareAccesses', rule({ phase: 'applying', conditions: asking('BackendUnreachable') }, 'retried'));
    rig.show('shares', { ...share({ phase: 'creating' }), metadata: { name: 'unplaced', namespace } });
    expect(update(replaced)).toEqual(allowed);
  });

  it('is not judged when it is taken back, or only put in another order', () => {
    rig.show('shareServers', activeServer('server', { phase: 'error' }));
    const two = [refer('ad'), refer('dir', 'ldap')];
    expect(update(stored, replaced)).toEqual(allowed);
    expect(update(changed({ securityServices: two.toReversed() }), changed({ securityServices: two }))).toEqual(
      allowed,
    );
  });

  it('is not judged for a token that was there before, was handled, or is none', () => {
    rig.show('shareServers', activeServer('server', { phase: 'error' }));
    const handled: ShareNetwork = { ...stored, status: { ...recordsAD, lastHandledReapplyAt: 'done' } };
    expect(update(annotated('t', changed({ description: 'x' })), annotated('t'))).toEqual(allowed);
    expect(update(annotated('done', handled), handled)).toEqual(allowed);
    expect(update(annotated('x'.repeat(65)))).toEqual(allowed);
    expect(update(annotated('new', handled), handled)).toMatchObject({ reason: 'ShareServerNotActive' });
  });

  it('is judged on the status that is stored, whatever the request says', () => {
    const before: ShareNetwork = { ...stored, status: { ...recordsAD, phase: 'error' } };
    expect(update(replaced, before)).toMatchObject({ code: 422, reason: 'ShareNetworkNotActive' });
  });

  it('is not judged on a network that is being deleted', () => {
    const metadata = { ...stored.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(update({ ...changed({ securityServices: [] }), metadata }, { ...stored, metadata })).toEqual(allowed);
  });
});

describe('a network without share servers', () => {
  const fresh = { ...stored, metadata: { name: 'fresh', namespace } };

  it('may refer to what does not exist yet, and drop what it records', () => {
    expect(create(changed({ securityServices: [refer('later')] }, fresh))).toEqual(allowed);
    const { securityServices: _, ...rest } = fresh.spec;
    expect(update({ ...fresh, spec: rest }, fresh)).toEqual(allowed);
    expect(update(changed({ securityServices: [refer('later')] }, fresh), fresh)).toEqual(allowed);
  });

  it('is refused a service of another type, created or updated', () => {
    const wrong = changed({ securityServices: [refer('ad', 'ldap'), refer('later', 'kerberos')] }, fresh);
    for (const verdict of [create(wrong), update(wrong, fresh)]) {
      expect(verdict).toMatchObject({ code: 400, reason: 'SecurityServiceTypeMismatch' });
    }
  });

  it("is refused services in the operator's namespace", () => {
    const own = { ...fresh, metadata: { name: 'net', namespace: 'sharenet-system' } };
    expect(create(own)).toMatchObject({
      code: 403,
      reason: 'SecurityServiceNotAllowed',
      message: expect.stringContaining('sharenet-system'),
    });
    const without = changed({ securityServices: [] }, own);
    expect(create(without)).toEqual(allowed);
    expect(update(own, without)).toMatchObject({ code: 403, reason: 'SecurityServiceNotAllowed' });
  });

  it('takes no account of servers of a network that had its name', () => {
    expect(create(changed({ securityServices: [refer('later')], subnets: [] }))).toEqual(allowed);
  });
});

describe('the subnets of a network', () => {
  const reversed = { ...subnet, name: 'other', cidr: '10.0.1.0/24', allocationRanges: ['10.0.1.9-10.0.1.3'] };
  const inZone = (name: string, cidr: string) => ({ ...subnet, name, cidr, availabilityZone: name });

  it.each([
    [
      'reversed ranges',
      { subnets: [{ ...reversed, availabilityZone: 'z' }, subnet] },
      /other: .*ends before it begins/,
    ],
    [
      'overlapping ranges',
      { subnets: [{ ...subnet, allocationRanges: ['10.0.0.1-10.0.0.9', '10.0.0.8/29'] }] },
      /10\.0\.0\.1-10\.0\.0\.9 and 10\.0\.0\.8\/29 overlap/,
    ],
    ['overlapping subnets', { subnets: [subnet, inZone('b', '10.0.0.128/25')] }, /default and b overlap/],
  ])('are refused with %s', (_, spec, says) => {
    const refusal = { code: 400, reason: 'SubnetInvalid', message: expect.stringMatching(says) };
    expect(create(changed(spec))).toMatchObject(refusal);
    expect(update(changed(spec))).toMatchObject(refusal);
    // Stored while the webhook was away: everything else about the network may still change.
    const bad = changed(spec);
    expect(update(changed({ description: 'x' }, bad), bad)).toEqual(allowed);
    expect(update(changed({ securityServices: [refer('ad2')] }, bad), bad)).toEqual(allowed);
  });

  it('that share servers use are neither changed nor removed, and may gain ranges', () => {
    const held = { code: 403, reason: 'SubnetInUse', message: expect.stringContaining('share servers server') };
    expect(update(changed({ subnets: [] }))).toMatchObject(held);
    expect(update(changed({ subnets: [{ ...subnet, mtu: 9000 }] }))).toMatchObject(held);
    expect(update(changed({ subnets: [subnet, inZone('b', '10.0.1.0/24')] }))).toEqual(allowed);
    expect(update(changed({ subnets: [{ ...subnet, allocationRanges: ['10.0.0.0/24'] }] }))).toEqual(allowed);
  });

  it('that were changed while the webhook was away may be changed back', () => {
    const bad = changed({ subnets: [{ ...subnet, cidr: '10.0.0.0/16' }] });
    expect(update(stored, bad)).toEqual(allowed);
    expect(update(changed({ subnets: [{ ...subnet, cidr: '10.0.0.0/20' }] }), bad)).toMatchObject({ code: 403 });
  });

  const vlan = { ...subnet, name: 'vlan', availabilityZone: 'v', networkType: 'vlan', segmentationID: 100 } as const;
  const segment = { ...vlan, cidr: '10.0.1.0/24' };

  it('on a segment that no backend allows are refused, new or moved, with what is allowed', () => {
    const allowedSegments = [{ networkType: 'flat' }, { networkType: 'vlan', segmentationIDs: ['200-299'] }] as const;
    rig.show('storageBackends', probedBackend('backend', {}, { allowedSegments }));
    const refusal = {
      allowed: false,
      code: 403,
      reason: 'SegmentNotAllowed',
      message:
        'subnet vlan: no storage backend lets namespace tenant use vlan 100 with 10.0.1.0/24; ' +
        'it may use: flat (backend); vlan 200-299 (backend)',
    };
    const within = changed({ subnets: [subnet, { ...segment, segmentationID: 200 }] });
    const outside = changed({ subnets: [subnet, segment] });
    expect(update(within)).toEqual(allowed);
    expect(update(outside)).toEqual(refusal);
    expect(update(outside, within)).toEqual(refusal);
    expect(create({ ...outside, metadata: { name: 'fresh', namespace } })).toEqual(refusal);
    // As it was before the backend closed it.
    expect(update(changed({ subnets: [subnet, { ...segment, mtu: 1400 }] }), outside)).toEqual(allowed);
  });

  it('on any segment pass while nothing is known of the namespace', () => {
    const elsewhere = { ...changed({ subnets: [segment] }), metadata: { name: 'net', namespace: 'unknown' } };
    expect(create(elsewhere)).toEqual(allowed);
  });
});
