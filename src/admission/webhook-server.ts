import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Logger } from '../runtime/logger.ts';
import { markThread } from '../runtime/thread-time.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission-review.ts';
import type { KeyAndCertificate } from './certificate-authority.ts';
import type { FromWebhookThread, ToWebhookThread } from './webhook-messages.ts';
import type { WebhookMetrics } from './webhook-metrics.ts';

const entry = new URL('./webhook-thread.ts', import.meta.url);
/** Milliseconds that the thread is given to end; longer than it gives its answers. */
const closeMs = 4_000;
/** Milliseconds until a thread that ended is followed by another one. */
const restartMs = 1_000;
/** For JavaScript's objects; bodies that are being received are bounded by themselves. */
const resourceLimits = { maxOldGenerationSizeMb: 192 };

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

/**
 * Serves the webhook over HTTPS, with a certificate that can be replaced while it serves. A thread of its own does what others can
 * make expensive: connections, bodies, parsing. This one only judges, and tells that thread how long it took.
 */
export class WebhookServer {
  readonly #options: WebhookServerOptions;
  #worker: Worker | undefined;
  #certificate: KeyAndCertificate | undefined;
  #closing = false;
  #tlsError: string | undefined;

  constructor(options: WebhookServerOptions) {
    this.#options = options;
  }

  /** Why the last TLS handshake failed; undefined when it did not. */
  get tlsError(): string | undefined {
    return this.#tlsError;
  }

  /** From now on new connections get this certificate. */
  use({ certificate, key }: KeyAndCertificate): void {
    this.#certificate = { certificate, key };
    this.#send({ kind: 'certificate', certificate: this.#certificate });
  }

  /**
   * @returns the port
   * @throws when the address can't be used
   */
  async listen(): Promise<number> {
    const { host, port } = this.#options;
    const bound = await this.#start(host, port);
    this.#worker?.once('exit', () => this.#restart(host, bound));
    return bound;
  }

  /** Answers what has come, takes no more. */
  async close(): Promise<void> {
    this.#closing = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#worker = undefined;
    const exited = once(worker, 'exit');
    worker.postMessage({ kind: 'close' } satisfies ToWebhookThread);
    const late = setTimeout(() => void worker.terminate(), closeMs);
    await exited;
    clearTimeout(late);
  }

  async #start(host: string | undefined, port: number): Promise<number> {
    const worker = new Worker(entry, { resourceLimits });
    const listening = Promise.withResolvers<number>();
    worker.on('message', (message: FromWebhookThread) => {
      if (message.kind === 'listening') listening.resolve(message.port);
      else if (message.kind === 'not listening') listening.reject(new Error(message.message));
      else this.#receive(message);
    });
    worker.on('error', (error) => {
      this.#options.logger.error({ err: error }, 'the thread of the webhook failed');
    });
    worker.once('exit', () => listening.reject(new Error('the thread of the webhook ended')));
    this.#worker = worker;
    if (this.#certificate !== undefined) this.#send({ kind: 'certificate', certificate: this.#certificate });
    this.#send({ kind: 'listen', host, port });
    try {
      return await listening.promise;
    } catch (error) {
      this.#worker = undefined;
      await worker.terminate();
      throw error;
    }
  }

  /** A thread that ran out of memory, or had a fault, is followed by another one on the same port. */
  #restart(host: string | undefined, port: number): void {
    if (this.#closing) return;
    const again = async (): Promise<void> => {
      if (this.#closing) return;
      try {
        await this.#start(host, port);
        this.#worker?.once('exit', () => this.#restart(host, port));
      } catch (error) {
        this.#options.logger.error({ err: error }, 'the webhook can not be served');
        this.#restart(host, port);
      }
    };
    setTimeout(() => void again(), restartMs).unref();
  }

  #receive(message: Exclude<FromWebhookThread, { kind: 'listening' | 'not listening' }>): void {
    switch (message.kind) {
      case 'question':
        this.#answer(message.id, message.request);
        return;
      case 'figures':
        this.#tlsError = message.figures.tlsError;
        this.#options.metrics.add(message.figures);
        return;
      case 'fault':
        this.#options.logger.error({ err: message.error }, 'an admission request could not be answered');
    }
  }

  #answer(id: number, text: string): void {
    markThread();
    const { review, metrics, logger } = this.#options;
    const started = performance.now();
    let answer: AdmissionAnswer | undefined;
    try {
      // Made from a request by the thread.
      const request: AdmissionRequest = JSON.parse(text);
      answer = review(request);
      metrics.answered(request, answer.verdict);
    } catch (error) {
      logger.error({ err: error }, 'an admission request could not be answered');
    }
    this.#send({ kind: 'answer', id, ...(answer !== undefined && { answer }), took: performance.now() - started });
  }

  #send(message: ToWebhookThread): void {
    this.#worker?.postMessage(message);
  }
}
