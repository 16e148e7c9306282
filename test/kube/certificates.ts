import {
  CertificateAuthority as Authority,
  type KeyAndCertificate,
  type Validity,
} from '../../src/admission/certificate-authority.ts';

export type { KeyAndCertificate };

/** Who a client's certificate speaks for: the Kubernetes user name and groups. */
interface Subject {
  readonly commonName: string;
  readonly organizations?: readonly string[];
}

const lifetimeMilliseconds = 7 * 24 * 3600 * 1000;

/**
 * A certificate authority that lives in this process only, for the API server and its users. Its certificates are good for a week:
 * longer than any control plane for tests.
 */
export class CertificateAuthority {
  /** The authority's own certificate, PEM. */
  readonly certificate: string;
  readonly #authority: Authority;

  private constructor(authority: Authority) {
    this.#authority = authority;
    this.certificate = authority.certificate;
  }

  static async create(commonName: string): Promise<CertificateAuthority> {
    return new CertificateAuthority(await Authority.create(commonName, aWeek()));
  }

  /** A certificate that a server on 127.0.0.1 and localhost shows. */
  issueServer(commonName: string): Promise<KeyAndCertificate> {
    const names = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
    return this.#authority.issue({ ...aWeek(), commonName, usage: 'server', ...names });
  }

  /** A certificate that a client shows; Kubernetes takes the common name as user and the organizations as groups. */
  issueClient(subject: Subject): Promise<KeyAndCertificate> {
    return this.#authority.issue({ ...aWeek(), ...subject, usage: 'client' });
  }
}

/** An hour back, for clocks that differ. */
function aWeek(): Validity {
  const now = Date.now();
  return { notBefore: now - 3_600_000, notAfter: now + lifetimeMilliseconds };
}
