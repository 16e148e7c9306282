import { X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { type Secret, secretData, secretText } from '../runtime/core-types.ts';
import { lifetimeMs } from './certificate-rotation.ts';
import {
  certificateSecret,
  certificatesOf,
  extendedBundle,
  makeServingCertificate,
  readCertificateSecret,
  type SignedCertificate,
  webhookHosts,
} from './serving-certificate.ts';

const namespace = 'sharenet-system';
const now = Date.UTC(2026, 0, 1);

let one: SignedCertificate;
let two: SignedCertificate;
let secret: Secret;

beforeAll(async () => {
  [one, two] = await Promise.all([makeServingCertificate(namespace, now), makeServingCertificate(namespace, now)]);
  secret = certificateSecret(namespace, { serving: one, bundle: one.authority });
});

const withData = (texts: Record<string, string>): Secret => ({
  ...secret,
  data: { ...secret.data, ...secretData(texts) },
});

describe('a certificate of the webhook', () => {
  it('is ECDSA P-256, for a server, for all names, good from an hour ago, signed by an authority of its own', () => {
    const certificate = new X509Certificate(one.certificate);
    const authority = new X509Certificate(one.authority);
    expect(certificate.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(certificate.subjectAltName).toBe(
      'DNS:sharenet-webhook, DNS:sharenet-webhook.sharenet-system, DNS:sharenet-webhook.sharenet-system.svc, DNS:localhost, IP Address:127.0.0.1',
    );
    expect([certificate.ca, authority.ca]).toEqual([false, true]);
    expect([certificate.checkIssued(authority), certificate.verify(authority.publicKey)]).toEqual([true, true]);
    expect([one.notBefore, one.notAfter]).toEqual([now - 3_600_000, now + lifetimeMs]);
    expect(one.authority).not.toBe(two.authority);
  });

  it('is read from its Secret as it was stored, with the one that is to follow', () => {
    expect(readCertificateSecret(secret, namespace)).toMatchObject({ kind: 'ours', serving: one, next: undefined });
    const both = certificateSecret(namespace, { serving: one, next: two, bundle: one.authority + two.authority });
    expect(readCertificateSecret(both, namespace)).toEqual({
      kind: 'ours',
      serving: one,
      next: two,
      bundle: one.authority + two.authority,
    });
    expect(readCertificateSecret(undefined, namespace)).toEqual({ kind: 'absent' });
  });

  it('is taken from cert-manager as it is', () => {
    const annotations = { 'cert-manager.io/certificate-name': 'webhook' };
    const { data, type } = secret;
    const external = {
      metadata: { namespace, name: secret.metadata.name, annotations },
      type: type ?? '',
      data: data ?? {},
    };
    expect(readCertificateSecret(external, 'other')).toMatchObject({ kind: 'external', serving: { key: one.key } });
    const empty = { ...external, data: secretData({ 'tls.crt': '', 'tls.key': '' }) };
    expect(readCertificateSecret(empty, namespace)).toMatchObject({ kind: 'unusable', isOurs: false });
  });

  test.each<[string, () => Secret, boolean, RegExp]>([
    ['no key', () => withData({ 'tls.key': '' }), true, /has no tls\.crt or no tls\.key$/],
    ['no certificate', () => withData({ 'tls.crt': 'x' }), true, /not PEM of a certificate and its key$/],
    ['a key of another', () => withData({ 'tls.key': two.key }), true, /do not belong together$/],
    ['another authority', () => withData({ 'ca.crt': two.authority }), true, /no authority in its ca\.crt signed$/],
    ['half a follower', () => withData({ 'next.crt': two.certificate }), true, /has no next\.crt or no next\.key$/],
    [
      'no label of ours',
      () => ({ ...secret, metadata: { namespace, name: 'x' } }),
      false,
      /neither by the operator nor/,
    ],
    ['another type', () => ({ ...secret, type: 'Opaque' }), false, /neither by the operator nor/],
  ])('is not used with %s', (_what, made, isOurs, says) => {
    const read = readCertificateSecret(made(), namespace);
    expect(read).toMatchObject({ kind: 'unusable', isOurs });
    if (read.kind !== 'unusable') return;
    expect(read.problem).toMatch(says);
    expect(read.problem).not.toContain('\n');
    expect(read.problem).not.toContain(one.key.slice(40, 60));
  });

  it('is not used for another namespace', () => {
    const read = readCertificateSecret(secret, 'storage');
    expect(read).toMatchObject({ kind: 'unusable', isOurs: true });
    expect(read).toMatchObject({ problem: expect.stringContaining('sharenet-webhook.storage.svc') });
    expect(webhookHosts('storage')).toContain('sharenet-webhook.storage');
  });
});

it('a bundle gets another authority and loses those that have ended', () => {
  const bundle = extendedBundle(one.authority, two.authority, now);
  expect(certificatesOf(bundle)).toEqual([one.authority, two.authority]);
  expect(extendedBundle(bundle, one.authority, now + lifetimeMs)).toBe(one.authority);
  expect(secretText(secret, 'ca.crt')).toBe(one.authority);
});
