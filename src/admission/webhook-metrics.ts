import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { admissionCodes } from '../api/v1alpha1/admission-codes.ts';
import * as types from '../api/v1alpha1/resource-types.ts';
import type { AdmissionRequest } from './admission-review.ts';
import type { Verdict } from './verdict.ts';
import { webhookPath } from './webhook-configuration.ts';
import type { WebhookFigures } from './webhook-messages.ts';

const webhook = webhookPath;
/** What the server answers requests with. */
const requestCodes = ['200', '400', '404', '405', '413', '429', '500', '503'] as const;
const plurals = new Set(
  [
    types.storageBackends,
    types.securityServices,
    types.shareNetworks,
    types.shareServers,
    types.shares,
    types.shareAccesses,
  ].map(({ plural }) => plural),
);

/** Figures of the webhook: requests under controller-runtime's names, answers by what was asked. */
export class WebhookMetrics {
  readonly #latency: Histogram<'webhook'>;
  readonly #requests: Counter<'webhook' | 'code'>;
  readonly #inFlight: Gauge<'webhook'>;
  readonly #refusedConnections: Counter;
  readonly #answers: Counter<'resource' | 'operation' | 'code'>;
  readonly #reachable: Gauge;
  readonly #expiry: Gauge;

  constructor(registry: Registry) {
    const registers = [registry];
    this.#latency = new Histogram({
      name: 'controller_runtime_webhook_latency_seconds',
      help: 'Histogram of the latency of processing admission requests',
      labelNames: ['webhook'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
      registers,
    });
    this.#requests = new Counter({
      name: 'controller_runtime_webhook_requests_total',
      help: 'Total number of admission requests by HTTP status code',
      labelNames: ['webhook', 'code'],
      registers,
    });
    this.#inFlight = new Gauge({
      name: 'controller_runtime_webhook_requests_in_flight',
      help: 'Current number of admission requests being served',
      labelNames: ['webhook'],
      registers,
    });
    this.#inFlight.set({ webhook }, 0);
    this.#refusedConnections = new Counter({
      name: 'sharenet_admission_refused_connections_total',
      help: 'Connections to the webhook that were closed before the TLS handshake because there were too many, from one address or in total.',
      registers,
    });
    this.#answers = new Counter({
      name: 'sharenet_admission_requests_total',
      help: 'Answers of the webhook by resource, operation and code: 200 allowed, else the code of the refusal.',
      labelNames: ['resource', 'operation', 'code'],
      registers,
    });
    this.#beginAtZero();
    this.#reachable = new Gauge({
      name: 'sharenet_admission_reachable',
      help: 'Whether the API server called the webhook at the last probe of this process (1) or not (0).',
      registers,
    });
    this.#reachable.set(0);
    this.#expiry = new Gauge({
      name: 'sharenet_admission_certificate_expiry_timestamp_seconds',
      help: 'Expiry time of the webhook certificate of this process (Unix seconds); 0 before it has one.',
      registers,
    });
  }

  /** Adds what the thread counted that serves the webhook. */
  add({ requests, latencies, inFlight, refusedConnections }: WebhookFigures): void {
    for (const [code, count] of Object.entries(requests)) this.#requests.inc({ webhook, code }, count);
    for (const seconds of latencies) this.#latency.observe({ webhook }, seconds);
    this.#inFlight.set({ webhook }, inFlight);
    this.#refusedConnections.inc(refusedConnections);
  }

  answered({ resource, subResource, operation }: AdmissionRequest, verdict: Verdict): void {
    // Anybody who reaches the port can name anything: only what exists becomes a label.
    const kind = plurals.has(resource.resource) ? resource.resource : 'other';
    const name = subResource === 'status' ? `${kind}/status` : kind;
    this.#answers.inc({ resource: name, operation, code: verdict.allowed ? '200' : String(verdict.code) });
  }

  /** Or `increase()` would miss what comes first. */
  #beginAtZero(): void {
    for (const code of requestCodes) this.#requests.inc({ webhook, code }, 0);
    const refusals = new Set(Object.values(admissionCodes).map(String));
    for (const resource of plurals) {
      for (const operation of ['CREATE', 'UPDATE']) {
        for (const code of ['200', ...refusals]) this.#answers.inc({ resource, operation, code }, 0);
      }
      this.#answers.inc({ resource, operation: 'DELETE', code: '200' }, 0);
    }
  }

  /** @param notAfter milliseconds since the Unix epoch */
  serves(notAfter: number): void {
    this.#expiry.set(notAfter / 1000);
  }

  reached(isReachable: boolean): void {
    this.#reachable.set(isReachable ? 1 : 0);
  }
}
