import { randomUUID } from 'node:crypto';
import type { ApiClient } from '../runtime/api-client.ts';
import type { Logger } from '../runtime/logger.ts';
import { probeAdmission } from './admission-probe.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

export interface WebhookHealthOptions {
  readonly client: ApiClient;
  readonly logger: Logger;
  readonly metrics: WebhookMetrics;
  /** Namespace of the operator, in which the probe pretends to create an object. */
  readonly namespace: string;
}

/** What the API server has to use when it calls the webhook. */
export interface ServedVersion {
  readonly fingerprint: string | undefined;
  /** resourceVersion of the registration. */
  readonly registration: string | undefined;
}

/** Knows whether the API server calls the webhook, and what prevents it. */
export class WebhookHealth {
  readonly #options: WebhookHealthOptions;
  /** The version that the API server was last found to use. */
  #verified: string | undefined;
  #problem: string | undefined = 'not started yet';

  constructor(options: WebhookHealthOptions) {
    this.#options = options;
  }

  /** True once the API server has called the webhook, whatever became of it since; else why not. */
  get readiness(): true | string {
    return this.#verified !== undefined || (this.#problem ?? 'not started yet');
  }

  /**
   * Checks whether the API server calls the webhook with the present certificate and registration; once for each version.
   * @param likelyCause what is known to be wrong
   * @param tlsError why the last TLS handshake failed
   * @throws why the API server does not call the webhook: the likely cause if there is one
   */
  async verifyReachable(
    { fingerprint, registration }: ServedVersion,
    likelyCause: Error | undefined,
    tlsError: () => string | undefined,
  ): Promise<void> {
    const { client, logger, metrics, namespace } = this.#options;
    const version = `${fingerprint}/${registration}`;
    if (version === this.#verified) return;
    const answer = await probeAdmission(client, namespace, randomUUID());
    metrics.reached(answer === undefined);
    if (answer !== undefined) {
      const handshake = tlsError();
      throw (
        likelyCause ??
        new Error(
          `the API server does not reach the webhook yet: the webhook did not refuse a dry run: ${answer}${handshake === undefined ? '' : `; the last TLS handshake failed: ${handshake}`}`,
        )
      );
    }
    this.#verified = version;
    logger.info({ fingerprint }, 'the API server calls the webhook');
  }

  /** Logs a problem once, and once that it is solved. */
  report(problem: string | undefined): void {
    const { logger } = this.#options;
    if (problem === this.#problem) return;
    if (problem === undefined) logger.info('the webhook works');
    else logger.warn({ problem }, 'the webhook does not work');
    this.#problem = problem;
  }
}
