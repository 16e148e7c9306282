import { createPrivateKey, randomBytes, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type Secret, secretData, secretText } from '../runtime/core-types.ts';
import type { KeyAndCertificate, Validity } from './certificate-authority.ts';
import { backdatedMs, lifetimeMs } from './certificate-rotation.ts';
import { webhookServiceName } from './webhook-configuration.ts';

/** Name of the Secret in the operator's namespace that keeps the webhook's certificate; all replicas serve what is in it. */
export const certificateSecretName = 'sharenet-webhook-certificate';
const certificateSecretType = 'kubernetes.io/tls';
/** Tells a Secret that the operator made from one that someone else put under its name. */
const ours = { 'app.kubernetes.io/managed-by': 'sharenet-operator' };
const certManager = 'cert-manager.io/certificate-name';

/** A certificate that can be served. */
export interface ServingCertificate extends KeyAndCertificate, Validity {
  /** Its SHA-256. */
  readonly fingerprint: string;
}

/** One that an authority of ours signed. */
export interface SignedCertificate extends ServingCertificate {
  /** Certificate of that authority, PEM. */
  readonly authority: string;
}

/** Certificates of the operator's making, as the Secret keeps them. */
export interface StoredCertificates {
  readonly serving: SignedCertificate;
  /** Made to follow it: not served before its authority is known to the API server. */
  readonly next?: SignedCertificate | undefined;
  /** What the API server is to trust, PEM. */
  readonly bundle: string;
}

/** What the Secret says. `unusable` has a line about what is wrong; only a Secret of ours may be overwritten. */
export type CertificateSecret =
  | { readonly kind: 'absent' }
  | ({ readonly kind: 'ours' } & StoredCertificates)
  | { readonly kind: 'external'; readonly serving: ServingCertificate }
  | { readonly kind: 'unusable'; readonly isOurs: boolean; readonly problem: string };

/** Names that the webhook is reached by: those of its Service, and this machine's own. */
export function webhookHosts(namespace: string): readonly string[] {
  const service = webhookServiceName;
  return [service, `${service}.${namespace}`, `${service}.${namespace}.svc`, 'localhost', '127.0.0.1'];
}

/** Reads what is stored. Whether a certificate has expired is not judged here. */
export function readCertificateSecret(secret: Secret | undefined, namespace: string): CertificateSecret {
  if (secret === undefined) return { kind: 'absent' };
  const [[label, value] = ['', '']] = Object.entries(ours);
  const isOurs = secret.metadata.labels?.[label] === value && secret.type === certificateSecretType;
  const byCertManager = secret.metadata.annotations?.[certManager] !== undefined;
  const unusable = (problem: string): CertificateSecret => ({
    kind: 'unusable',
    isOurs: isOurs && !byCertManager,
    problem: `Secret ${namespace}/${certificateSecretName} ${problem}`,
  });
  if (!isOurs && !byCertManager) {
    return unusable(
      "was made neither by the operator nor by cert-manager: delete it, or have cert-manager write the webhook's certificate to it",
    );
  }
  try {
    const serving = certificateIn(secret, 'tls');
    if (byCertManager) return { kind: 'external', serving };
    const bundle = secretText(secret, 'ca.crt') ?? '';
    const next = secretText(secret, 'next.crt') === undefined ? undefined : certificateIn(secret, 'next');
    return {
      kind: 'ours',
      serving: signed(serving, bundle, namespace),
      next: next === undefined ? undefined : signed(next, bundle, namespace),
      bundle,
    };
  } catch (error) {
    return unusable(error instanceof UnusableCertificateError ? error.message : 'can not be read');
  }
}

/** The data of the Secret. */
export function certificateSecret(namespace: string, { serving, next, bundle }: StoredCertificates): Secret {
  return {
    metadata: { namespace, name: certificateSecretName, labels: { 'app.kubernetes.io/name': 'sharenet', ...ours } },
    type: certificateSecretType,
    data: secretData({
      'ca.crt': bundle,
      'tls.crt': serving.certificate,
      'tls.key': serving.key,
      ...(next === undefined ? {} : { 'next.crt': next.certificate, 'next.key': next.key }),
    }),
  };
}

/** Makes a certificate with an authority of its own, whose key is thrown away: no other trusted certificate can be issued. */
export async function makeServingCertificate(namespace: string, now: number): Promise<SignedCertificate> {
  // It costs time and memory at the start that most starts need not pay.
  const { CertificateAuthority } = await import('./certificate-authority.ts');
  const validity = { notBefore: now - backdatedMs, notAfter: now + lifetimeMs };
  const hosts = webhookHosts(namespace);
  const authority = await CertificateAuthority.create(`sharenet-webhook-${randomBytes(8).toString('hex')}`, validity);
  const made = await authority.issue({
    ...validity,
    commonName: webhookServiceName,
    usage: 'server',
    dnsNames: hosts.filter((host) => isIP(host) === 0),
    ipAddresses: hosts.filter((host) => isIP(host) !== 0),
  });
  return { ...servingCertificate(made.certificate, made.key), authority: authority.certificate };
}

/** The certificates of a bundle, PEM. */
export function certificatesOf(bundle: string): readonly string[] {
  const found = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return found.map((certificate) => `${certificate}\n`);
}

/** A bundle with one more authority and without those that have expired. */
export function extendedBundle(bundle: string, authority: string, now: number): string {
  const good = certificatesOf(bundle).filter(
    (certificate) => validityOf(new X509Certificate(certificate)).notAfter > now,
  );
  return [...good, authority].join('');
}

/** Why a stored certificate can't be served; goes on from the name of its Secret. */
class UnusableCertificateError extends Error {
  override readonly name = 'UnusableCertificateError';
}

function certificateIn(secret: Secret, name: 'tls' | 'next'): ServingCertificate {
  const certificate = secretText(secret, `${name}.crt`);
  const key = secretText(secret, `${name}.key`);
  if (!certificate || !key) throw new UnusableCertificateError(`has no ${name}.crt or no ${name}.key`);
  try {
    return servingCertificate(certificate, key);
  } catch (error) {
    if (error instanceof UnusableCertificateError) throw error;
    // What the parser says can quote the key.
    throw new UnusableCertificateError(`has a ${name}.crt or ${name}.key that is not PEM of a certificate and its key`);
  }
}

function servingCertificate(certificate: string, key: string): ServingCertificate {
  const parsed = new X509Certificate(certificate);
  if (!parsed.checkPrivateKey(createPrivateKey(key))) {
    throw new UnusableCertificateError('has a certificate and a key that do not belong together');
  }
  return { certificate, key, fingerprint: parsed.fingerprint256, ...validityOf(parsed) };
}

function signed(certificate: ServingCertificate, bundle: string, namespace: string): SignedCertificate {
  const parsed = new X509Certificate(certificate.certificate);
  const missing = webhookHosts(namespace).filter(
    (host) => (isIP(host) === 0 ? parsed.checkHost(host) : parsed.checkIP(host)) === undefined,
  );
  if (missing.length > 0) throw new UnusableCertificateError(`has a certificate that is not for ${missing.join(', ')}`);
  const authority = certificatesOf(bundle).find((candidate) => {
    const issuer = new X509Certificate(candidate);
    return parsed.checkIssued(issuer) && parsed.verify(issuer.publicKey);
  });
  if (authority === undefined)
    throw new UnusableCertificateError('has a certificate that no authority in its ca.crt signed');
  return { ...certificate, authority };
}

function validityOf(certificate: X509Certificate): Validity {
  return { notBefore: certificate.validFromDate.getTime(), notAfter: certificate.validToDate.getTime() };
}
