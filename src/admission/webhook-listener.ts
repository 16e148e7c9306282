import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import { slimObject } from '../cluster-state/slim-object.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import { listen } from '../runtime/listen.ts';
import {
  type AdmissionAnswer,
  type AdmissionRequest,
  AdmissionReviewError,
  admissionReviewOf,
  parseAdmissionReview,
} from './admission-review.ts';
import type { KeyAndCertificate } from './certificate-authority.ts';
import { shapeRefusal } from './object-shape.ts';
import { webhookPath } from './webhook-configuration.ts';
import { type WebhookPeer, WebhookPeers } from './webhook-peers.ts';

/**
 * Most bytes of one body: an update brings the object as it is and as it was, each within the 3 MiB that the API server takes in a
 * request, and some words about who asks.
 */
const maxBodyBytes = 8 * 1024 * 1024;
/** Most bytes of all bodies that are being received: the port is open to the cluster's network. */
const maxBufferedBytes = 64 * 1024 * 1024;
/** Most characters of a question without managed fields and foreign annotations; the lists of our kinds are bounded. */
const maxQuestionLength = 2 * 1024 * 1024;
const maxConnections = 1024;
/** Most questions that wait for the operator's thread. */
const maxQuestions = 64;

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

/** An answer, without one where judging failed, and the milliseconds that it took the operator. */
export interface TimedAnswer {
  readonly answer?: AdmissionAnswer | undefined;
  readonly took: number;
}

export interface WebhookListenerOptions {
  /** Answers the question, an AdmissionRequest in JSON. */
  readonly ask: (request: string) => Promise<TimedAnswer>;
  readonly begun: () => void;
  /** @param seconds that the request took */
  readonly ended: (status: number, seconds: number) => void;
  readonly refusedConnection: () => void;
  /** @param error absent when the last handshake did not fail */
  readonly handshake: (error?: string) => void;
  /** A fault of the code. */
  readonly fault: (error: unknown) => void;
}

/** A request that is no question of the API server, or one too many. */
class RefusedRequestError extends Error {
  override readonly name = 'RefusedRequestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

interface HTTPAnswer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Serves the webhook over HTTPS: limits who asks, reads and checks what is asked, and has it answered. Bodies are never logged. */
export class WebhookListener {
  readonly #options: WebhookListenerOptions;
  readonly #server: Server;
  readonly #peers = new WebhookPeers(() => performance.now());
  /** By address and port of the other side: the socket of a request is another one than the server was connected to. */
  readonly #connections = new Map<string, WebhookPeer>();
  #buffered = 0;
  #questions = 0;

  constructor(options: WebhookListenerOptions) {
    this.#options = options;
    this.#server = createServer({ ...tls, ...timeouts }, (request, response) => void this.#handle(request, response));
    this.#server.maxConnections = maxConnections;
    // Before the TLS handshake, which is what costs.
    this.#server.prependListener('connection', (socket) => this.#connected(socket));
    this.#server.on('drop', () => options.refusedConnection());
    this.#server.on('tlsClientError', (error: Error & { readonly reason?: string }) => {
      options.handshake(error.reason ?? error.message);
    });
    this.#server.on('secureConnection', () => options.handshake());
  }

  /** From now on new connections get this certificate. */
  use({ certificate, key }: KeyAndCertificate): void {
    this.#server.setSecureContext({ ...tls, cert: certificate, key });
  }

  /**
   * @returns the port
   * @throws when the address can't be used
   */
  async listen(host: string | undefined, port: number): Promise<number> {
    return await listen(this.#server, { host, port }, { name: 'the webhook server', address: `${host ?? ''}:${port}` });
  }

  /** Answers what has come, takes no more. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const late = setTimeout(() => this.#server.closeAllConnections(), closeMs);
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    clearTimeout(late);
  }

  #connected(socket: Socket): void {
    const key = connectionOf(socket);
    const peer = socket.remoteAddress === undefined ? undefined : this.#peers.connect(socket.remoteAddress);
    if (peer === undefined) {
      this.#options.refusedConnection();
      socket.destroy();
      return;
    }
    this.#connections.set(key, peer);
    socket.once('close', () => {
      peer.close();
      this.#connections.delete(key);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { begun, ended } = this.#options;
    const started = performance.now();
    begun();
    const peer = this.#connections.get(connectionOf(request.socket));
    const { status, type, body } = await this.#answer(request, peer);
    ended(status, (performance.now() - started) / 1000);
    response.writeHead(status, {
      'content-type': type,
      'content-length': Buffer.byteLength(body),
      ...(status === 429 ? { 'retry-after': '1' } : {}),
      // The rest of a body that was not read would be taken for the next request.
      ...(request.complete && status !== 429 ? {} : { connection: 'close' }),
    });
    response.end(body, () => {
      if (!request.complete) request.socket.destroySoon();
    });
  }

  async #answer(request: IncomingMessage, peer: WebhookPeer | undefined): Promise<HTTPAnswer> {
    try {
      if (peer?.mayAsk() !== true) throw new RefusedRequestError(429, 'too many requests from this address');
      if (request.url?.split('?', 1)[0] !== webhookPath) throw new RefusedRequestError(404, 'not found');
      if (request.method !== 'POST') throw new RefusedRequestError(405, 'only POST');
      const question = parseAdmissionReview(await this.#read(request, peer));
      const refused = shapeRefusal(question);
      if (refused !== undefined) return reviewed(question.uid, { verdict: refused });
      const text = JSON.stringify(essential(question));
      if (text.length > maxQuestionLength) throw new RefusedRequestError(413, 'the objects are too large');
      const { answer, took } = await this.#ask(text);
      peer.answered(took);
      if (answer === undefined) return internalError;
      return reviewed(question.uid, answer);
    } catch (error) {
      if (error instanceof RefusedRequestError) return refusal(error.status, error);
      if (error instanceof AdmissionReviewError) return refusal(400, error);
      this.#options.fault(error);
      return internalError;
    }
  }

  async #ask(text: string): Promise<TimedAnswer> {
    if (this.#questions >= maxQuestions) throw new RefusedRequestError(503, 'too many requests at once');
    this.#questions += 1;
    try {
      return await this.#options.ask(text);
    } finally {
      this.#questions -= 1;
    }
  }

  async #read(request: IncomingMessage, peer: WebhookPeer): Promise<string> {
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
        const mayHold = peer.receive(bytes.length);
        if (size > maxBodyBytes) throw tooLarge;
        if (!mayHold) throw new RefusedRequestError(429, 'too many bytes at once from this address');
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
      peer.release(size);
    }
  }
}

const internalError: HTTPAnswer = {
  status: 500,
  type: 'text/plain; charset=utf-8',
  body: 'internal error, see the operator log\n',
};

function reviewed(uid: string, answer: AdmissionAnswer): HTTPAnswer {
  return { status: 200, type: 'application/json', body: admissionReviewOf(uid, answer) };
}

function refusal(status: number, { message }: Error): HTTPAnswer {
  return { status, type: 'text/plain; charset=utf-8', body: `${message}\n` };
}

function connectionOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** The request without what no validator reads and what makes objects large. */
function essential(request: AdmissionRequest): AdmissionRequest {
  if (request.operation === 'CONNECT') return request;
  if (request.operation === 'CREATE') return { ...request, object: slim(request.object) };
  if (request.operation === 'UPDATE')
    return { ...request, object: slim(request.object), oldObject: slim(request.oldObject) };
  return { ...request, ...(request.oldObject && { oldObject: slim(request.oldObject) }) };
}

function slim(object: KubeObject): KubeObject {
  const { managedFields: _, ...metadata } = object.metadata;
  return slimObject({ ...object, metadata });
}
