import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../runtime/api-client.ts';
import { isForbidden } from '../runtime/api-error.ts';
import { BackOff } from '../runtime/back-off.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Secret, secrets } from '../runtime/core-types.ts';
import type { Informer } from '../runtime/informer.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Manager } from '../runtime/manager.ts';
import type { RuntimeMetrics } from '../runtime/metrics.ts';
import { safeText } from '../values/safe-text.ts';
import { probeAdmission } from './admission-probe.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { certificateSecretName } from './serving-certificate.ts';
import type { AdmissionState, Validator } from './verdict.ts';
import {
  injectedByCertManager,
  registrationNameOf,
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurations,
} from './webhook-configuration.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { type WebhookMode, WebhookRegistration } from './webhook-registration.ts';
import { WebhookServer } from './webhook-server.ts';
import { reviewWrite } from './write-review.ts';

export interface AdmissionOptions {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly metrics: RuntimeMetrics;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly mode: WebhookMode['kind'];
  readonly port: number;
  readonly watchNamespaces: readonly string[] | undefined;
  readonly validators: readonly Validator[];
  readonly state: AdmissionState;
}

interface SelfSubjectReview extends KubeObject {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

const selfSubjectReviews: ResourceType<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  plural: 'selfsubjectreviews',
  namespaced: false,
};

/** Most milliseconds between two looks at what is stored; a look asks nobody. */
const lookMs = 12 * 3_600_000;
const backOffBaseMs = 200;
const backOffMaxMs = 60_000;

/**
 * The validating webhook of this process: serves it, keeps its certificate and its registration, and finds out whether the API
 * server asks it. It works off what the caches show, when that changes and when a time has come; else it asks nothing.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #metrics: WebhookMetrics;
  readonly #server: WebhookServer;
  readonly #configurations: Informer<ValidatingWebhookConfiguration>;
  readonly #secrets: Informer<Secret>;
  readonly #registration: WebhookRegistration;
  readonly #certificates: CertificateKeeper;
  readonly #backOff: BackOff;
  #wake = Promise.withResolvers<void>();
  #leads = false;
  #operatorUser: string | undefined;
  /** Of the certificate that is served. */
  #fingerprint: string | undefined;
  /** What the last probe that was refused was about. */
  #probed: string | undefined;
  /** Whether any probe was refused. */
  #ready = false;
  #problem: string | undefined = 'not started yet';

  /** Registers all with the manager: informers, the ready check, what runs. */
  constructor(manager: Manager, options: AdmissionOptions) {
    const { client, logger, clock, random, state, port, mode } = options;
    const registration = registrationNameOf(state.namespace, options.watchNamespaces);
    this.#options = options;
    this.#metrics = new WebhookMetrics(options.metrics.registry);
    this.#server = new WebhookServer({
      // In url mode the API server is on this machine.
      host: mode === 'url' ? '127.0.0.1' : undefined,
      port,
      review: (request) => reviewWrite(request, { ...options, operatorUser: () => this.#operatorUser ?? '' }),
      logger,
      metrics: this.#metrics,
    });
    this.#configurations = manager.informer({
      type: validatingWebhookConfigurations,
      fieldSelector: `metadata.name=${registration}`,
    });
    this.#secrets = manager.informer({
      type: secrets,
      namespaces: [state.namespace],
      fieldSelector: `metadata.name=${certificateSecretName}`,
    });
    this.#registration = new WebhookRegistration(
      client,
      this.#configurations.cache,
      mode === 'url' ? { kind: mode, port } : { kind: mode },
      registration,
    );
    const { namespace } = state;
    this.#certificates = new CertificateKeeper({ client, cache: this.#secrets.cache, namespace, clock, logger });
    this.#backOff = new BackOff({ baseMs: backOffBaseMs, maxMs: backOffMaxMs, random });
    manager.addReadyCheck('admission', () => this.#ready || (this.#problem ?? 'not started yet'));
    manager.addLast(() => this.#server.close());
    manager.addRunnable({ name: 'admission', needsLeader: false, start: (signal) => this.#run(signal) });
    manager.addRunnable({
      name: 'admission leading',
      start: async () => {
        this.#leads = true;
        this.#wake.resolve();
      },
    });
  }

  /**
   * Keeps the webhook until the signal is aborted; it is served until the work of this process has ended, since the Service leads to
   * it as long. It starts when the caches are full: on half of what there is nothing can be judged, and while
   * nobody listens the API server goes by the failurePolicy.
   */
  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger } = this.#options;
    this.#configurations.onEvent(() => this.#wake.resolve());
    this.#secrets.onEvent(() => this.#wake.resolve());
    const port = await this.#server.listen();
    logger.info({ port, mode: this.#options.mode }, 'serving the webhook');
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      let pauseMs: number;
      try {
        const until = await this.#pass();
        this.#backOff.reset();
        pauseMs = Math.min(Math.max(0, until - clock.now()), lookMs * (0.5 + random() / 2));
      } catch (error) {
        this.#report(safeText(error instanceof Error ? error.message : String(error)));
        pauseMs = this.#backOff.next();
      }
      const rest = new AbortController();
      const over = clock.sleep(pauseMs, AbortSignal.any([signal, rest.signal])).catch(() => undefined);
      await Promise.race([over, this.#wake.promise]);
      rest.abort();
    }
  }

  /** Does what is to be done now; answers when to look again. @throws what is in the way */
  async #pass(): Promise<number> {
    const { clock } = this.#options;
    this.#operatorUser ??= await this.#askWhoWeAre();
    const certificate = await this.#certificates.keep({
      leads: this.#leads,
      byCertManager: injectedByCertManager(this.#registration.present),
      trusts: (authority) => this.#registration.trusts(authority),
    });
    const { serving, trust, problem, until = Number.POSITIVE_INFINITY } = certificate;
    if (serving !== undefined && serving.fingerprint !== this.#fingerprint) {
      this.#server.use(serving);
      this.#fingerprint = serving.fingerprint;
      this.#metrics.serves(serving.notAfter);
      const expires = new Date(serving.notAfter).toISOString();
      this.#options.logger.info({ fingerprint: serving.fingerprint, expires }, 'serving with another certificate');
    }
    // While there is nothing new to serve the old goes on; what is wrong is told.
    if (serving === undefined && problem !== undefined) throw new Error(problem);
    const conflict = await this.#registration.ensure(this.#operatorUser, trust, this.#leads);
    // Something was stored just now: what follows from it comes first.
    if (until <= clock.now()) return until;
    await this.#probe(conflict ?? (problem === undefined ? undefined : new Error(problem)));
    if (conflict !== undefined) throw conflict;
    this.#report(undefined);
    return until;
  }

  /**
   * Finds out whether the API server asks the webhook with what is served and registered now; once for each.
   * @throws why it does not, which is `known` where there is a likely cause
   */
  async #probe(known: Error | undefined): Promise<void> {
    const about = `${this.#fingerprint}/${this.#registration.present?.metadata.resourceVersion}`;
    if (about === this.#probed) return;
    const instead = await probeAdmission(this.#options.client, this.#options.state.namespace, randomUUID());
    this.#metrics.reached(instead === undefined);
    if (instead !== undefined) {
      const { tlsError } = this.#server;
      const handshake = tlsError === undefined ? '' : `; the last TLS handshake failed: ${tlsError}`;
      throw (
        known ??
        new Error(
          `the API server does not reach the webhook yet: a dry run was not refused by it: ${instead}${handshake}`,
        )
      );
    }
    this.#probed = about;
    this.#ready = true;
    this.#options.logger.info({ fingerprint: this.#fingerprint }, 'the API server asks the webhook');
  }

  /** Tells what is in the way, each thing once, and when nothing is any more. */
  #report(problem: string | undefined): void {
    const { logger } = this.#options;
    if (problem === this.#problem) return;
    if (problem === undefined) logger.info('the webhook is in order');
    else logger.warn({ problem }, 'the webhook is not in order');
    this.#problem = problem;
  }

  /** The name that the API server knows this process by; empty where it does not tell. */
  async #askWhoWeAre(): Promise<string> {
    try {
      const review = await this.#options.client.create(selfSubjectReviews, { metadata: { name: '' } });
      return review.status?.userInfo?.username ?? '';
    } catch (error) {
      if (isForbidden(error)) return '';
      throw error;
    }
  }
}
