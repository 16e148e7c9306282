import type { ApiClient } from '../runtime/api-client.ts';
import { isAlreadyExists, isConflict } from '../runtime/api-error.ts';
import type { Cache } from '../runtime/cache.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Secret, secrets } from '../runtime/core-types.ts';
import type { Logger } from '../runtime/logger.ts';
import { rotationStep } from './certificate-rotation.ts';
import {
  certificateSecret,
  certificateSecretName,
  extendedBundle,
  makeServingCertificate,
  readCertificateSecret,
  type ServingCertificate,
  type StoredCertificates,
} from './serving-certificate.ts';
import type { Trust } from './webhook-registration.ts';

/** What the stored Secret means for this process now. */
export interface EnsuredCertificate {
  /** What to serve; undefined: what was served before, if anything. */
  readonly serving?: ServingCertificate;
  /** What the API server has to trust; absent where cert-manager sets it. */
  readonly trust?: Trust;
  /** For the administrator: why there is no certificate from the Secret, or why the API server may not trust it. */
  readonly problem?: string;
  /** When to call again, milliseconds since the Unix epoch. */
  readonly until?: number;
}

/** What the next step depends on. */
export interface EnsureOptions {
  /** Only the leader renews; every replica may make what is missing. */
  readonly leads: boolean;
  /** The Secret is cert-manager's to write. */
  readonly byCertManager: boolean;
  /** Whether the registration makes the API server trust an authority, PEM. */
  readonly trusts: (authority: string) => boolean;
}

/**
 * Maintains the Secret with the certificate of the webhook: creates it, renews it, and stores it again when it was deleted. All
 * replicas do so; one that is late uses what another one has stored.
 */
export class CertificateKeeper {
  readonly #client: ApiClient;
  readonly #cache: Cache<Secret>;
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** The last valid content: what is served while the Secret is gone. */
  #last: StoredCertificates | undefined;

  constructor(options: {
    readonly client: ApiClient;
    readonly cache: Cache<Secret>;
    readonly namespace: string;
    readonly clock: Clock;
    readonly logger: Logger;
  }) {
    this.#client = options.client;
    this.#cache = options.cache;
    this.#namespace = options.namespace;
    this.#clock = options.clock;
    this.#logger = options.logger;
  }

  /**
   * Does the next step for the Secret.
   * @throws ApiError
   */
  async ensure(options: EnsureOptions): Promise<EnsuredCertificate> {
    const name = { namespace: this.#namespace, name: certificateSecretName };
    const secret = this.#cache.get(name);
    const stored = readCertificateSecret(secret, this.#namespace);
    switch (stored.kind) {
      case 'external':
        if (options.byCertManager) return { serving: stored.serving };
        return {
          serving: stored.serving,
          problem:
            `Secret ${name.namespace}/${name.name} belongs to cert-manager, but the registration does not ask cert-manager for the authority: ` +
            'delete the Secret so that the operator makes the certificate, or install the webhook for cert-manager',
        };
      case 'absent':
        if (options.byCertManager) {
          return {
            problem: `Secret ${name.namespace}/${name.name} does not exist: cert-manager has not made the certificate yet`,
          };
        }
        return await this.#restore(undefined, 'the certificate of the webhook');
      case 'unusable':
        if (!stored.isOurs || secret === undefined) return { problem: stored.problem };
        this.#logger.error({ problem: stored.problem }, 'the certificate of the webhook can not be used');
        return await this.#restore(secret, 'the certificate of the webhook in place of an unusable one');
      case 'ours':
        this.#last = stored;
        return await this.#rotate(secret, stored, options);
    }
  }

  async #rotate(
    secret: Secret | undefined,
    stored: StoredCertificates,
    options: EnsureOptions,
  ): Promise<EnsuredCertificate> {
    const { serving, next, bundle } = stored;
    const now = this.#clock.now();
    const known = next === undefined ? undefined : { ...next, trusted: options.trusts(next.authority) };
    const step = rotationStep({ serving, next: known }, now);
    if (step.kind === 'make')
      return await this.#store(secret, await this.#make(now), 'a new certificate of the webhook');
    // Replicas that do not lead renew only a certificate that has expired.
    const mayRenew = options.leads || now >= serving.notAfter;
    if (step.kind === 'promote' && next !== undefined && mayRenew) {
      return await this.#store(secret, { serving: next, bundle }, 'the next certificate of the webhook is served now');
    }
    if (step.kind === 'prepare' && mayRenew) {
      const prepared = await makeServingCertificate(this.#namespace, now);
      const extended = extendedBundle(bundle, prepared.authority, now);
      return await this.#store(
        secret,
        { serving, next: prepared, bundle: extended },
        'the next certificate of the webhook, to be served soon',
      );
    }
    return { ...ensured(stored), ...(step.kind === 'wait' ? { until: step.until } : { until: serving.notAfter }) };
  }

  /** Stores the last valid content, or a new certificate. */
  async #restore(secret: Secret | undefined, what: string): Promise<EnsuredCertificate> {
    if (this.#last !== undefined) return await this.#store(secret, this.#last, `${what}, as it was`);
    return await this.#store(secret, await this.#make(this.#clock.now()), what);
  }

  async #make(now: number): Promise<StoredCertificates> {
    const serving = await makeServingCertificate(this.#namespace, now);
    return { serving, bundle: serving.authority };
  }

  async #store(present: Secret | undefined, stored: StoredCertificates, what: string): Promise<EnsuredCertificate> {
    const made = certificateSecret(this.#namespace, stored);
    const name = { namespace: this.#namespace, name: certificateSecretName };
    try {
      const written =
        present === undefined
          ? await this.#client.create(secrets, made)
          : await this.#client.replace(secrets, { ...present, ...(made.data && { data: made.data }) });
      this.#cache.observe(written);
    } catch (error) {
      if (!isAlreadyExists(error) && !isConflict(error)) throw error;
      // Another replica was first: what it stored is as good.
      this.#cache.observe(await this.#client.get(secrets, name));
      return { until: this.#clock.now() };
    }
    this.#last = stored;
    this.#logger.info(
      { secret: certificateSecretName, expires: new Date(stored.serving.notAfter).toISOString() },
      `stored ${what}`,
    );
    // The next pass decides what follows.
    return { ...ensured(stored), until: this.#clock.now() };
  }
}

function ensured({ serving, bundle }: StoredCertificates): EnsuredCertificate {
  return { serving, trust: { bundle, serving: serving.authority } };
}
