import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdmissionRig, namespace, probedBackend } from '../../test/faults/admission-rig.ts';
import type { Share, ShareSpec } from '../api/v1alpha1/share.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { shareValidator } from './share-validator.ts';
import { allowed } from './verdict.ts';

const onlyBlue = { from: 'Selector', selector: { matchLabels: { team: 'blue' } } } as const;

function share(spec: Partial<ShareSpec> = {}): Share {
  return { metadata: { name: 'share', namespace }, spec: { protocol: 'NFS', size: '1Gi', ...spec } };
}

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  rig.show('shareNetworks', {
    metadata: { name: 'net', namespace },
    spec: { subnets: [{ name: 'default', networkType: 'flat', cidr: '10.0.0.0/24' }] },
  });
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

const create = (object: Share) => rig.create(shareValidator, object);

describe('a new share that no backend will ever take', () => {
  const alone = { driverHandlesShareServers: false };
  const vlan = { allowedSegments: [{ networkType: 'vlan' }] } as const;
  const table: [string, number, Partial<ShareSpec>, readonly StorageBackend[]][] = [
    ['ProtocolNotSupported', 400, { protocol: 'CEPHFS' }, [probedBackend('a', alone), probedBackend('b')]],
    [
      'CapabilityNotSupported',
      400,
      { requiredCapabilities: { driverHandlesShareServers: true } },
      [probedBackend('a', alone)],
    ],
    ['ShareNetworkRequired', 400, {}, [probedBackend('a')]],
    ['ShareNetworkNotSupported', 400, { shareNetworkName: 'net' }, [probedBackend('a', alone)]],
    ['ShareNetworkNotSupported', 400, { shareNetworkName: 'later' }, [probedBackend('a', alone)]],
    ['SegmentNotAllowed', 403, { shareNetworkName: 'net' }, [probedBackend('a', {}, vlan)]],
    ['NoValidBackend', 400, {}, [probedBackend('a'), probedBackend('b', { ...alone, shareProtocols: ['CIFS'] })]],
    ['ShareNetworkRequired', 400, { backendName: 'a' }, [probedBackend('a'), probedBackend('b', alone)]],
  ];
  it.each(table)('is refused: %s, %i, for %j', (reason, code, spec, backends) => {
    for (const backend of backends) rig.show('storageBackends', backend);
    expect(create(share(spec))).toEqual({
      allowed: false,
      code,
      reason,
      message: expect.stringMatching(/^a: [^\n]+$/),
    });
  });

  it('is refused without a word about backends that are not offered to its namespace, and one that names them waits', () => {
    const closed = { allowedNamespaces: onlyBlue };
    for (const name of ['a', 'b']) rig.show('storageBackends', probedBackend(name, alone, closed));
    expect(create(share())).toEqual({
      allowed: false,
      code: 403,
      reason: 'NamespaceNotAllowed',
      message: expect.stringMatching(/^no storage backend allows namespace \S+ \(there are 2\)$/),
    });
    // As one that names a backend that does not exist.
    for (const backendName of ['a', 'none']) expect(create(share({ backendName }))).toEqual(allowed);
  });

  it('is not refused before every backend that could be asked is known and was probed', () => {
    const cephfs = share({ protocol: 'CEPHFS' });
    expect(create(cephfs)).toEqual(allowed);
    rig.show('storageBackends', probedBackend('a'));
    expect(create(share({ protocol: 'CEPHFS', backendName: 'later' }))).toEqual(allowed);
    const { status: _, ...unprobed } = probedBackend('b');
    rig.show('storageBackends', unprobed);
    expect(create(cephfs)).toEqual(allowed);
    rig.show('storageBackends', probedBackend('b', alone));
    expect(create(cephfs)).toMatchObject({ reason: 'ProtocolNotSupported' });
  });

  it('is not judged while its namespace is not known', () => {
    rig.show('storageBackends', probedBackend('a', {}, { allowedNamespaces: onlyBlue }));
    const elsewhere = { ...share(), metadata: { name: 'share', namespace: 'unknown' } };
    expect(create(elsewhere)).toEqual(allowed);
  });
});

it('a share that can be placed, or only has to wait, passes', () => {
  rig.show('storageBackends', probedBackend('a', {}, { enabled: false }));
  expect(create(share({ shareNetworkName: 'net' }))).toEqual(allowed);
  expect(create(share({ shareNetworkName: 'later' }))).toEqual(allowed);
});

it('a share that is there is not judged again', () => {
  rig.show('storageBackends', probedBackend('a'));
  expect(rig.update(shareValidator, share(), share({ size: '2Gi' }))).toEqual(allowed);
});

describe('a size of bytes where GiB were meant', () => {
  const refusal = { allowed: false, code: 400, reason: 'InvalidSize', message: expect.stringContaining('write 10Gi') };

  it('is refused to a new share, whatever is known of backends', () => {
    expect(create(share({ size: '10' }))).toEqual(refusal);
  });

  it('is refused to a resize', () => {
    expect(rig.update(shareValidator, share(), share({ size: 10 }))).toEqual(refusal);
  });

  it('stays with a share that has it, whatever else of it changes', () => {
    const old = share({ size: '10' });
    expect(rig.update(shareValidator, old, share({ size: '10', deletionPolicy: 'Retain' }))).toEqual(allowed);
    expect(rig.update(shareValidator, old, share({ size: '1Gi' }))).toEqual(allowed);
  });
});
