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
export interface KeptCertificate {
  /** What to serve; undefined: what was served before, if anything. */
  readonly serving?: ServingCertificate;
  /** What the API server is to trust; absent where cert-manager tells it. */
  readonly trust?: Trust;
  /** Why there is no certificate from the Secret, or why the API server may not trust the one that is, a line for the administrator. */
  readonly problem?: string;
  /** When to look again, milliseconds since the Unix epoch. */
  readonly until?: number;
}

/** What a look at the Secret depends on. */
export interface KeepOptions {
  /** Only the leader renews; every replica may make what is missing. */
  readonly leads: boolean;
  /** The Secret is cert-manager's to write. */
  readonly byCertManager: boolean;
  /** Whether the API server was told to trust an authority, PEM. */
  readonly trusts: (authority: string) => boolean;
}

/**
 * Keeps the Secret of the webhook's certificate: makes it, renews it, stores it again when it was deleted. Replicas do the same at
 * the same time: one that is late takes what the other has stored.
 */
export class CertificateKeeper {
  readonly #client: ApiClient;
  readonly #cache: Cache<Secret>;
  readonly #namespace: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** As last seen in order: what is served while the Secret is gone. */
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
   * Looks at the Secret and does the next step.
   * @throws ApiError
   */
  async keep(options: KeepOptions): Promise<KeptCertificate> {
    const name = { namespace: this.#namespace, name: certificateSecretName };
    const secret = this.#cache.get(name);
    const stored = readCertificateSecret(secret, this.#namespace);
    switch (stored.kind) {
      case 'external':
        if (options.byCertManager) return { serving: stored.serving };
        return {
          serving: stored.serving,
          problem:
            `Secret ${name.namespace}/${name.name} is of cert-manager, but the registration does not ask it for the authority: ` +
            'delete the Secret to have the operator make the certificate, or install the webhook for cert-manager',
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
    options: KeepOptions,
  ): Promise<KeptCertificate> {
    const { serving, next, bundle } = stored;
    const now = this.#clock.now();
    const known = next === undefined ? undefined : { ...next, trusted: options.trusts(next.authority) };
    const step = rotationStep({ serving, next: known }, now);
    if (step.kind === 'make')
      return await this.#store(secret, await this.#make(now), 'a new certificate of the webhook');
    // Also for those who do not lead, when nothing that is served is good any more.
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
    return { ...kept(stored), ...(step.kind === 'wait' ? { until: step.until } : { until: serving.notAfter }) };
  }

  /** Stores what was last in order, or something new. */
  async #restore(secret: Secret | undefined, what: string): Promise<KeptCertificate> {
    if (this.#last !== undefined) return await this.#store(secret, this.#last, `${what}, as it was`);
    return await this.#store(secret, await this.#make(this.#clock.now()), what);
  }

  async #make(now: number): Promise<StoredCertificates> {
    const serving = await makeServingCertificate(this.#namespace, now);
    return { serving, bundle: serving.authority };
  }

  async #store(present: Secret | undefined, stored: StoredCertificates, what: string): Promise<KeptCertificate> {
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
    // The next look decides what follows.
    return { ...kept(stored), until: this.#clock.now() };
  }
}

function kept({ serving, bundle }: StoredCertificates): KeptCertificate {
  return { serving, trust: { bundle, serving: serving.authority } };
}
