import type { AdmissionAnswer } from './admission-review.ts';
import type { KeyAndCertificate } from './certificate-authority.ts';

/** From the operator to the thread that serves the webhook. */
export type ToWebhookThread =
  | { readonly kind: 'certificate'; readonly certificate: KeyAndCertificate }
  | { readonly kind: 'listen'; readonly host: string | undefined; readonly port: number }
  /** The answer to a question, without one where judging failed, and the milliseconds that it took. */
  | { readonly kind: 'answer'; readonly id: number; readonly answer?: AdmissionAnswer; readonly took: number }
  | { readonly kind: 'close' };

/** Figures since the last ones. */
export interface WebhookFigures {
  /** Requests by HTTP status. */
  readonly requests: Readonly<Record<string, number>>;
  /** Seconds that requests took which were read; of a flood only the first ones. */
  readonly latencies: readonly number[];
  /** Requests that are being served now. */
  readonly inFlight: number;
  /** Connections that were refused. */
  readonly refusedConnections: number;
  /** Why the last TLS handshake failed; absent when it did not. */
  readonly tlsError?: string | undefined;
}

/** From the thread that serves the webhook to the operator. */
export type FromWebhookThread =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'not listening'; readonly message: string }
  /** An AdmissionRequest in JSON, with what validators need: parsed there, where its time is measured. */
  | { readonly kind: 'question'; readonly id: number; readonly request: string }
  | { readonly kind: 'figures'; readonly figures: WebhookFigures }
  /** A fault of the thread's code. */
  | { readonly kind: 'fault'; readonly error: Error };
