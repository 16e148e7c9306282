import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { listen } from '../runtime/listen.ts';
import type { Logger } from '../runtime/logger.ts';
import { markThread } from '../runtime/thread-time.ts';
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  AdmissionReviewError,
  admissionReviewOf,
  parseAdmissionReview,
} from './admission-review.ts';
import type { KeyAndCertificate } from './certificate-authority.ts';
import { webhookPath } from './webhook-configuration.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

/**
 * Most bytes of one body: an update brings the object as it is and as it was, each within the 3 MiB that the API server takes in a
 * request, and some words about who asks.
 */
const maxBodyBytes = 8 * 1024 * 1024;
/** Most bytes of all bodies that are being received: the port is open to the cluster's network. */
const maxBufferedBytes = 64 * 1024 * 1024;

const timeouts = {
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  // The API server gives up after `timeoutSeconds` anyway, of which 30 are the most.
  requestTimeout: 30_000,
  // Longer than the 90 s after which the API server drops an idle connection: no request meets a closing one.
  keepAliveTimeout: 120_000,
};
const tls = { minVersion: 'TLSv1.2' } as const;
/** Milliseconds that answers under way are given at the end. */
const closeMs = 3_000;

export interface WebhookServerOptions {
  /** Address to listen on; all when absent. */
  readonly host?: string | undefined;
  /** 0 takes a free one. */
  readonly port: number;
  /** Answers within milliseconds. What it throws becomes status 500, and the API server goes by its failurePolicy. */
  readonly review: (request: AdmissionRequest) => AdmissionAnswer;
  readonly logger: Logger;
  readonly metrics: WebhookMetrics;
}

/** A request that is no question of the API server. */
class RefusedRequestError extends Error {
  override readonly name = 'RefusedRequestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Serves the webhook over HTTPS, with a certificate that can be replaced while it serves. Bodies are never logged. */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  readonly #server: Server;
  #buffered = 0;
  #tlsError: string | undefined;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
    this.#server = createServer({ ...tls, ...timeouts }, (request, response) => void this.#handle(request, response));
    this.#server.on('tlsClientError', (error: Error & { readonly reason?: string }) => {
      this.#tlsError = error.reason ?? error.message;
    });
    this.#server.on('secureConnection', () => {
      this.#tlsError = undefined;
    });
  }

  /** Why the last TLS handshake failed; undefined when it did not. */
  get tlsError(): string | undefined {
    return this.#tlsError;
  }

  /** From now on new connections get this certificate. */
  use({ certificate, key }: KeyAndCertificate): void {
    this.#server.setSecureContext({ ...tls, cert: certificate, key });
  }

  /**
   * @returns the port
   * @throws when the address can't be used
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    return await listen(this.#server, { host, port }, { name: 'the webhook server', address: `${host ?? ''}:${port}` });
  }

  /** Answers what has come, takes no more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const late = setTimeout(() => this.#server.closeAllConnections(), closeMs);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(late);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const ended = this.#options.metrics.begin();
    const { status, type, body } = await this.#answer(request);
    ended(status);
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      // The rest of a body that was not read would be taken for the next request.
      ...(request.complete ? {} : { connection: 'close' }),
    });
    response.end(body);
  }

  async #answer(request: IncomingMessage): Promise<{ status: number; type: string; body: string }> {
    try {
      if (request.url?.split('?', 1)[0] !== webhookPath) throw new RefusedRequestError(404, 'not found');
      if (request.method !== 'POST') throw new RefusedRequestError(405, 'only POST');
      const body = await this.#read(request);
      markThread();
      const question = parseAdmissionReview(body);
      const answer = this.#options.review(question);
      this.#options.metrics.answered(question, answer.verdict);
      return { status: 200, type: 'application/json', body: admissionReviewOf(question.uid, answer) };
    } catch (error) {
      const status =
        error instanceof RefusedRequestError ? error.status : error instanceof AdmissionReviewError ? 400 : 500;
      if (status !== 500) {
        const message = error instanceof Error ? error.message : String(error);
        return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` };
      }
      this.#options.logger.error({ err: error }, 'an admission request could not be answered');
      return { status, type: 'text/plain; charset=utf-8', body: 'internal error, see the operator log\n' };
    }
  }

  async #read(request: IncomingMessage): Promise<string> {
    const tooLarge = new RefusedRequestError(413, `the body has more than ${maxBodyBytes} bytes`);
    if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge;
    const chunks: Buffer[] = [];
    let size = 0;
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        // Without an encoding a request gives buffers.
        const bytes: Buffer = chunk;
        size += bytes.length;
        this.#buffered += bytes.length;
        if (size > maxBodyBytes) throw tooLarge;
        if (this.#buffered > maxBufferedBytes) throw new RefusedRequestError(503, 'too many requests at once');
        chunks.push(bytes);
      }
      return Buffer.concat(chunks, size).toString('utf8');
    } catch (error) {
      if (error instanceof RefusedRequestError) throw error;
      // Who asked went away, which is no failure of ours.
      throw new RefusedRequestError(400, 'the request ended early');
    } finally {
      this.#buffered -= size;
    }
  }
}
