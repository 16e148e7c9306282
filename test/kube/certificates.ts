import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A private key and its certificate, both PEM. */
export interface KeyAndCertificate {
  readonly key: string;
  readonly certificate: string;
}

/** Who a certificate speaks for: for a client the Kubernetes user name and groups. */
interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

// DER (X.690): every value is a tag, a length and content.
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) {
    return Buffer.concat([Buffer.from([tag, body.length]), body]);
  }
  const hex = body.length.toString(16);
  const length = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...content: readonly Buffer[]) => der(0x30, ...content);
const octets = (content: Buffer) => der(0x04, content);
const utf8 = (text: string) => der(0x0c, Buffer.from(text));
const bits = (content: Buffer, unused = 0) => der(0x03, Buffer.from([unused]), content);
const yes = der(0x01, Buffer.from([0xff]));

function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = rest.flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    return groups;
  });
  return der(0x06, Buffer.from([first * 40 + second, ...bytes]));
}

/** UTCTime, which X.509 asks for until 2049. */
const time = (date: Date) => der(0x17, Buffer.from(`${date.toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));

function name(subject: Subject): Buffer {
  const attribute = (oid: string, text: string) => der(0x31, sequence(objectIdentifier(oid), utf8(text)));
  const organizations = subject.organizations ?? [];
  return sequence(
    ...organizations.map((organization) => attribute('2.5.4.10', organization)),
    attribute('2.5.4.3', subject.commonName),
  );
}

function extension(oid: string, critical: boolean, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), ...(critical ? [yes] : []), octets(value));
}

const keyIdentifier = (publicKey: KeyObject) =>
  createHash('sha1')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest();

const ecdsaWithSha256 = sequence(objectIdentifier('1.2.840.10045.4.3.2'));
const lifetimeMilliseconds = 7 * 24 * 3600 * 1000;

function pem(label: string, content: Buffer): string {
  const lines = content.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/**
 * A certificate authority that lives in this process only, for the API server and its users. Its certificates
 * (X.509 v3, ECDSA P-256, RFC 5280) are good for a week: longer than any control plane for tests.
 */
export class CertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  readonly #subject: Subject;

  constructor(commonName: string) {
    this.#subject = { commonName };
    this.certificate = this.#certify(this.#subject, this.#keys.publicKey, [
      extension('2.5.29.19', true, sequence(yes)),
      // keyCertSign
      extension('2.5.29.15', true, bits(Buffer.from([0x04]), 2)),
      extension('2.5.29.14', false, octets(keyIdentifier(this.#keys.publicKey))),
    ]);
  }

  /** A certificate that a server on 127.0.0.1 and localhost shows. */
  issueServer(commonName: string): KeyAndCertificate {
    // [2] dNSName, [7] iPAddress
    const names = sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.from([127, 0, 0, 1])));
    return this.#issue({ commonName }, '1.3.6.1.5.5.7.3.1', [extension('2.5.29.17', false, names)]);
  }

  /** A certificate that a client shows; Kubernetes takes the common name as user and the organizations as groups. */
  issueClient(subject: Subject): KeyAndCertificate {
    return this.#issue(subject, '1.3.6.1.5.5.7.3.2', []);
  }

  #issue(subject: Subject, extendedKeyUsage: string, extensions: readonly Buffer[]): KeyAndCertificate {
    const keys = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    return {
      key: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      certificate: this.#certify(subject, keys.publicKey, [
        // digitalSignature
        extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)),
        extension('2.5.29.37', false, sequence(objectIdentifier(extendedKeyUsage))),
        extension('2.5.29.35', false, sequence(der(0x80, keyIdentifier(this.#keys.publicKey)))),
        ...extensions,
      ]),
    };
  }

  #certify(subject: Subject, publicKey: KeyObject, extensions: readonly Buffer[]): string {
    const now = Date.now();
    const serial = randomBytes(16);
    // A serial number is positive and has no leading zero byte.
    serial[0] = 0x40 | ((serial[0] ?? 0) & 0x3f);
    const body = sequence(
      der(0xa0, der(0x02, Buffer.from([2]))),
      der(0x02, serial),
      ecdsaWithSha256,
      name(this.#subject),
      // An hour back, for clocks that differ.
      sequence(time(new Date(now - 3_600_000)), time(new Date(now + lifetimeMilliseconds))),
      name(subject),
      publicKey.export({ type: 'spki', format: 'der' }),
      der(0xa3, sequence(...extensions)),
    );
    return pem('CERTIFICATE', sequence(body, ecdsaWithSha256, bits(sign('sha256', body, this.#keys.privateKey))));
  }
}
