import { X509Certificate } from 'node:crypto';

/** In characters: some ten certificates. */
const maxCertificates = 16_384;

/** Certificates in PEM, with white space between them and nothing else. */
const pattern = /^\s*(?:-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\r\n]+-----END CERTIFICATE-----\s*)+$/;

/** Says why a text is no list of certificates in PEM, in words that follow its name; undefined where it is one. */
export function certificatesFault(text: string): string | undefined {
  if (text.length > maxCertificates) return `has more than ${maxCertificates} characters`;
  if (!pattern.test(text)) return 'must be certificates in PEM and nothing else';
  for (const [certificate] of text.matchAll(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)) {
    try {
      new X509Certificate(certificate);
    } catch {
      return 'has a certificate that cannot be read';
    }
  }
  return undefined;
}
