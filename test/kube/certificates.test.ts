import { X509Certificate } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { CertificateAuthority } from './certificates.ts';

let authority: CertificateAuthority;
let root: X509Certificate;

beforeAll(async () => {
  authority = await CertificateAuthority.create('test authority');
  root = new X509Certificate(authority.certificate);
});

test('the authority certifies itself and is one', () => {
  expect([root.ca, root.verify(root.publicKey), root.checkIssued(root)]).toEqual([true, true, true]);
});

test('a server certificate is for 127.0.0.1 and localhost, signed by the authority', async () => {
  const server = new X509Certificate((await authority.issueServer('server')).certificate);
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkHost('example.org')).toBeUndefined();
  expect([server.ca, server.checkIssued(root), server.verify(root.publicKey)]).toEqual([false, true, true]);
});

test('a client certificate carries any user name and groups', async () => {
  const { certificate } = await authority.issueClient({
    commonName: 'système:ü',
    organizations: ['a'.repeat(300), 'b'],
  });
  const subject = new X509Certificate(certificate).toLegacyObject().subject;
  expect(subject).toMatchObject({ CN: 'système:ü', O: ['a'.repeat(300), 'b'] });
});

test('a certificate is valid now and for a week', async () => {
  const { certificate } = await authority.issueClient({ commonName: 'x' });
  const { validFromDate, validToDate } = new X509Certificate(certificate);
  const days = (validToDate.getTime() - Date.now()) / 86_400_000;
  expect(validFromDate.getTime()).toBeLessThan(Date.now());
  expect(days).toBeGreaterThan(6.9);
  expect(days).toBeLessThan(7.1);
});
