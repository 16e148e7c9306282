import type { ApiClient } from '../runtime/api-client.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Secret, secrets } from '../runtime/core-types.ts';
import type { Informer } from '../runtime/informer.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Manager } from '../runtime/manager.ts';
import type { RuntimeMetrics } from '../runtime/metrics.ts';
import { safeText } from '../values/safe-text.ts';
import { CertificateKeeper } from './certificate-keeper.ts';
import { MaintenanceLoop } from './maintenance-loop.ts';
import { fetchOperatorUser } from './operator-user.ts';
import { certificateSecretName, type ServingCertificate } from './serving-certificate.ts';
import type { AdmissionState, Validator } from './validator.ts';
import {
  injectedByCertManager,
  registrationNameOf,
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurations,
} from './webhook-configuration.ts';
import { WebhookHealth } from './webhook-health.ts';
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

/**
 * The validating webhook of this process: serves it, and maintains its certificate and its registration. A pass works on what the
 * caches have; it sends requests only to change something.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #metrics: WebhookMetrics;
  readonly #server: WebhookServer;
  readonly #configurations: Informer<ValidatingWebhookConfiguration>;
  readonly #secrets: Informer<Secret>;
  readonly #registration: WebhookRegistration;
  readonly #certificates: CertificateKeeper;
  readonly #health: WebhookHealth;
  readonly #loop: MaintenanceLoop;
  #isLeader = false;
  #operatorUser: string | undefined;
  /** Of the certificate that is served. */
  #fingerprint: string | undefined;

  /** Registers informers, the ready check and the work of the webhook with the manager. */
  constructor(manager: Manager, options: AdmissionOptions) {
    const { client, logger, clock, state, port, mode } = options;
    const { namespace } = state;
    const registration = registrationNameOf(namespace, options.watchNamespaces);
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
      namespaces: [namespace],
      fieldSelector: `metadata.name=${certificateSecretName}`,
    });
    this.#registration = new WebhookRegistration(
      client,
      this.#configurations.cache,
      mode === 'url' ? { kind: mode, port } : { kind: mode },
      registration,
    );
    this.#certificates = new CertificateKeeper({ client, cache: this.#secrets.cache, namespace, clock, logger });
    this.#health = new WebhookHealth({ client, logger, metrics: this.#metrics, namespace });
    this.#loop = new MaintenanceLoop(options);
    manager.addReadyCheck('admission', () => this.#health.readiness);
    manager.addLast(() => this.#server.close());
    manager.addRunnable({ name: 'admission', needsLeader: false, start: (signal) => this.#run(signal) });
    manager.addRunnable({
      name: 'admission leading',
      start: async () => {
        this.#isLeader = true;
        this.#loop.wake();
      },
    });
  }

  /**
   * Maintains the webhook until the signal is aborted. The server stays until the work of this process has ended, because the Service
   * sends requests to it until then. It starts when the caches are full: earlier it could not judge writes, and while it does not
   * listen the API server applies the failurePolicy.
   */
  async #run(signal: AbortSignal): Promise<void> {
    const { logger, mode } = this.#options;
    this.#configurations.onEvent(() => this.#loop.wake());
    this.#secrets.onEvent(() => this.#loop.wake());
    const port = await this.#server.listen();
    logger.info({ port, mode }, 'serving the webhook');
    await this.#loop.run(
      () => this.#maintain(),
      (error) => this.#health.report(safeText(error instanceof Error ? error.message : String(error))),
      signal,
    );
  }

  /**
   * Brings certificate and registration up to date.
   * @returns when to run again at the latest
   * @throws what prevents the webhook from working
   */
  async #maintain(): Promise<number> {
    const { clock, client } = this.#options;
    this.#operatorUser ??= await fetchOperatorUser(client);
    const certificate = await this.#certificates.ensure({
      leads: this.#isLeader,
      byCertManager: injectedByCertManager(this.#registration.present),
      trusts: (authority) => this.#registration.trusts(authority),
    });
    const { serving, trust, problem, until = Number.POSITIVE_INFINITY } = certificate;
    if (serving !== undefined) this.#serve(serving);
    // Without a new certificate the old one stays in use, and the problem is reported.
    if (serving === undefined && problem !== undefined) throw new Error(problem);
    const conflict = await this.#registration.ensure(this.#operatorUser, trust, this.#isLeader);
    // Something was stored just now: its consequences come first.
    if (until <= clock.now()) return until;
    await this.#health.verifyReachable(
      { fingerprint: this.#fingerprint, registration: this.#registration.present?.metadata.resourceVersion },
      conflict ?? (problem === undefined ? undefined : new Error(problem)),
      () => this.#server.tlsError,
    );
    if (conflict !== undefined) throw conflict;
    this.#health.report(undefined);
    return until;
  }

  #serve(certificate: ServingCertificate): void {
    const { fingerprint, notAfter } = certificate;
    if (fingerprint === this.#fingerprint) return;
    this.#server.use(certificate);
    this.#fingerprint = fingerprint;
    this.#metrics.serves(notAfter);
    this.#options.logger.info({ fingerprint, expires: new Date(notAfter).toISOString() }, 'serving a new certificate');
  }
}
