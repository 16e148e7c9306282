import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AdmissionRig, activeServer, namespace, recordsAD } from '../../test/faults/admission-rig.ts';
import type { SecurityService, SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import { securityServiceValidator } from './security-service-validator.ts';
import { allowed } from './verdict.ts';

const stored: SecurityService = {
  metadata: { name: 'ad', namespace, uid: 'uid-ad', generation: 1 },
  spec: { type: 'active_directory', dnsIPs: ['10.0.0.53'], domain: 'example.com', user: 'joiner' },
};
const network: ShareNetwork = {
  metadata: { name: 'net', namespace },
  spec: { securityServices: [{ type: 'active_directory', name: 'ad' }] },
  status: recordsAD,
};

function changed(spec: Partial<SecurityServiceSpec>, from = stored): SecurityService {
  return { ...from, spec: { ...from.spec, ...spec } };
}

let rig: AdmissionRig;

beforeEach(async () => {
  rig = await AdmissionRig.make();
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

const update = (object: SecurityService, oldObject = stored) => rig.update(securityServiceValidator, oldObject, object);

describe('a security service that share servers use', () => {
  beforeEach(() => {
    rig.show('shareNetworks', network);
    rig.show('shareServers', activeServer('server'));
  });

  it.each([
    [{ domain: 'other.example.com' }],
    [{ dnsIPs: ['10.0.0.54'] }],
    [{ user: 'else', description: 'text' }],
    [{ passwordSecretRef: { name: 'other' } }],
    [{ ou: 'OU=Filers' }],
  ])('may not get %j, also before its status says so', (spec) => {
    expect(update(changed(spec))).toEqual({
      allowed: false,
      code: 403,
      reason: 'SecurityServiceInUse',
      message:
        'share networks net with share servers use the service: only description may be changed; ' +
        "make a new SecurityService and change the network's reference to it",
    });
  });

  it('may get another description, and other labels', () => {
    expect(update(changed({ description: 'text' }))).toEqual(allowed);
    expect(update({ ...stored, metadata: { ...stored.metadata, labels: { a: 'b' } } })).toEqual(allowed);
  });
});

describe('a security service may be changed', () => {
  const spec = { domain: 'other.example.com' };

  it('while no network records it', () => {
    rig.show('shareServers', activeServer('server'));
    rig.show('shareNetworks', { ...network, status: { phase: 'active' } });
    expect(update(changed(spec))).toEqual(allowed);
  });

  it('while the networks that record it have no share servers', () => {
    rig.show('shareNetworks', network);
    expect(update(changed(spec))).toEqual(allowed);
  });

  it('when the network records one that had its name before', () => {
    rig.show('shareNetworks', network);
    rig.show('shareServers', activeServer('server'));
    const again = { ...stored, metadata: { ...stored.metadata, uid: 'uid-again' } };
    expect(update(changed(spec, again), again)).toEqual(allowed);
  });
});

describe("a security service in the operator's namespace", () => {
  const own = { ...stored, metadata: { ...stored.metadata, namespace: 'sharenet-system' } };

  it('is refused, created or changed', () => {
    const refusal = { allowed: false, code: 403, reason: 'NamespaceNotAllowed' };
    expect(rig.create(securityServiceValidator, own)).toMatchObject(refusal);
    expect(update(changed({ domain: 'x' }, own), own)).toMatchObject(refusal);
  });

  it('can still be labelled and released', () => {
    expect(update({ ...own, metadata: { ...own.metadata, finalizers: [] } }, own)).toEqual(allowed);
  });
});

describe('a distinguished name', () => {
  const wrong = changed({ ou: 'OU=A + B #1' });

  it('that is none is refused with the place of the error', () => {
    const message =
      'ou is no distinguished name: "+" joins two attributes of one part; in a value write it as "\\+" (at character 6)';
    const refusal = { allowed: false, code: 400, reason: 'InvalidDistinguishedName', message };
    expect(rig.create(securityServiceValidator, wrong)).toEqual(refusal);
    expect(update(wrong)).toEqual(refusal);
  });

  it('that is stored already keeps nothing else from being changed', () => {
    expect(update(changed({ description: 'text' }, wrong), wrong)).toEqual(allowed);
  });
});

it('a new security service of any content passes: its condition says what it lacks', () => {
  expect(rig.create(securityServiceValidator, { ...stored, spec: { type: 'ldap' } })).toEqual(allowed);
});
