import { createHash } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher } from 'undici';
import { ApiError, errorFromStatus } from './api-error.ts';
import { type Clock, systemClock } from './clock.ts';
import { FairSlots } from './fair-slots.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { markThread } from './thread-time.ts';

/** One request to the API server. */
export interface TransportRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path without query, below the cluster's own path prefix. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  /** For metrics: the Kubernetes verb and the plural (with the subresource). */
  readonly verb: string;
  readonly resource: string;
  /** The answer may hold secret data: these texts may not reach an error, and no warning reaches a log. */
  readonly sensitive?: readonly string[];
}

export interface TransportOptions {
  readonly kubeConfig: Pick<KubeConfig, 'getCurrentCluster' | 'applyToHTTPSOptions'>;
  readonly userAgent: string;
  readonly logger: Logger;
  readonly metrics?: RuntimeMetrics | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
  /** Most connections for requests; watches have their own, one each. */
  readonly connections?: number | undefined;
  /** Milliseconds a request may wait for its headers, and between two pieces of its body; 0: for ever. */
  readonly requestTimeoutMs?: number | undefined;
  /** Milliseconds after which credentials are read again. */
  readonly credentialsTtlMs?: number | undefined;
  /** Act as another user, where the API server lets the user do so. */
  readonly impersonate?: { readonly user: string; readonly groups: readonly string[] } | undefined;
}

interface Connection {
  readonly origin: string;
  readonly pathPrefix: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string | string[]>>;
  readonly requests: Agent;
  readonly watches: Agent;
  /** Digest of everything TLS depends on; a new one means new agents. */
  readonly tlsDigest: string;
  readonly readAt: number;
}

/** An answer whose body is still to be read. */
interface OpenAnswer {
  readonly answer: Dispatcher.ResponseData;
  /** Gives the connection to the next request; to be called when the body has been read. */
  readonly leave: () => void;
}

const maxAttempts = 6;
const defaultConnections = 16;
const maxRetryAfterSeconds = 30;

/** Keep-alive HTTP to one API server: credentials, timeouts, retries that are safe, typed errors. */
export class Transport {
  readonly #options: TransportOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #warned = new Set<string>();
  #connection: Connection | undefined;
  #refreshing: Promise<Connection> | undefined;
  /** All that were made and still have connections. */
  readonly #agents = new Set<Agent>();
  /** Requests about different namespaces take turns: a thousand writes for one tenant must not keep the others, or a lease, waiting. */
  readonly #places: FairSlots;
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#places = new FairSlots(options.connections ?? defaultConnections);
  }

  /**
   * Sends a request and parses the JSON answer. A 429 is waited for and sent again with every verb (the server has done nothing);
   * a failed connection or a 5xx only for GET.
   *
   * @throws ApiError; the signal's reason when aborted.
   */
  async json(request: TransportRequest): Promise<unknown> {
    const { answer, leave } = await this.#send(request, false);
    let body: string;
    try {
      body = await answer.body.text();
    } catch (error) {
      throw connectionError(request, error);
    } finally {
      leave();
      markThread();
    }
    try {
      return JSON.parse(body);
    } catch {
      throw new ApiError({ ...request, status: 0, reason: 'InvalidResponse', message: 'the answer is not JSON' });
    }
  }

  /**
   * Opens a streamed answer. The stream fails when no byte arrives for `idleTimeoutMs`.
   *
   * @throws ApiError; the signal's reason when aborted.
   */
  async stream(request: TransportRequest, idleTimeoutMs: number): Promise<AsyncIterable<Buffer>> {
    const { answer } = await this.#send(request, true, idleTimeoutMs);
    return answer.body;
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#agents].map((agent) => agent.destroy()));
  }

  async #send(request: TransportRequest, streamed: boolean, idleTimeoutMs?: number): Promise<OpenAnswer> {
    let reauthenticated = false;
    for (let attempt = 1; ; attempt++) {
      request.signal?.throwIfAborted();
      const connection = await this.#connect(request);
      // A watch has a connection of its own.
      const leave = streamed
        ? () => undefined
        : await this.#places.acquire(namespaceIn(request.path), 'normal', request.signal);
      let answer: Dispatcher.ResponseData;
      try {
        answer = await this.#dispatch(connection, request, streamed, idleTimeoutMs);
      } catch (error) {
        leave();
        const failure = connectionError(request, error);
        this.#count(connection, request, '<error>');
        const pause = pauseOfRead(attempt);
        if (streamed || request.method !== 'GET' || pause === undefined || !(failure instanceof ApiError))
          throw failure;
        await this.#clock.sleep(pause * 1000 * (0.5 + this.#random()), request.signal);
        continue;
      }
      this.#count(connection, request, String(answer.statusCode));
      this.#logWarnings(request, answer);
      if (answer.statusCode < 300) return { answer, leave };

      const failure = await this.#readError(request, answer).finally(leave);
      if (answer.statusCode === 401 && !reauthenticated) {
        reauthenticated = true;
        this.#expire(connection);
        continue;
      }
      const retryable = answer.statusCode === 429 || (request.method === 'GET' && answer.statusCode >= 500);
      const retryAfter =
        failure.retryAfterSeconds ?? (answer.statusCode === 429 ? 2 ** (attempt - 1) : pauseOfRead(attempt));
      // A reflector backs off by itself and shows that it does.
      if (streamed || !retryable || retryAfter === undefined || attempt >= maxAttempts) throw failure;
      const seconds = Math.min(retryAfter, maxRetryAfterSeconds);
      await this.#clock.sleep(seconds * 1000 * (1 + this.#random() / 4), request.signal);
    }
  }

  #dispatch(
    connection: Connection,
    request: TransportRequest,
    streamed: boolean,
    idleTimeoutMs: number | undefined,
  ): Promise<Dispatcher.ResponseData> {
    const headers: Record<string, string | string[]> = { ...connection.headers };
    if (request.body !== undefined) headers['content-type'] = request.contentType ?? 'application/json';
    return (streamed ? connection.watches : connection.requests).request({
      origin: connection.origin,
      path: connection.pathPrefix + request.path + queryString(request.query),
      method: request.method,
      headers,
      body: request.body ?? null,
      signal: request.signal ?? null,
      ...(idleTimeoutMs !== undefined && { bodyTimeout: idleTimeoutMs }),
    });
  }

  async #readError(request: TransportRequest, answer: Dispatcher.ResponseData): Promise<ApiError> {
    let body: unknown;
    try {
      const text = await answer.body.text();
      markThread();
      body = JSON.parse(text);
    } catch {
      // Not a Status, for example "404 page not found": the status says enough.
    }
    const retryAfter = answer.headers['retry-after'];
    return errorFromStatus(request, answer.statusCode, body, typeof retryAfter === 'string' ? retryAfter : undefined);
  }

  #count(connection: Connection, request: TransportRequest, code: string): void {
    this.#options.metrics?.observeRequest({
      method: request.method,
      verb: request.verb,
      resource: request.resource,
      host: connection.host,
      code,
    });
  }

  /** The API server's `Warning` headers (deprecations, unknown fields), each once. */
  #logWarnings(request: TransportRequest, answer: Dispatcher.ResponseData): void {
    const header = answer.headers.warning;
    if (header === undefined || request.sensitive || this.#warned.size >= 200) return;
    const warning = String(header).slice(0, 1000);
    if (this.#warned.has(warning)) return;
    this.#warned.add(warning);
    this.#options.logger.warn({ path: request.path, warning }, 'the API server warns');
  }

  #expire(connection: Connection): void {
    if (this.#connection === connection) this.#connection = { ...connection, readAt: Number.NEGATIVE_INFINITY };
  }

  async #connect(request: TransportRequest): Promise<Connection> {
    if (this.#closed) {
      throw new ApiError({ ...request, status: 0, reason: 'ConnectionFailed', message: 'the client is closed' });
    }
    const present = this.#connection;
    if (present && this.#clock.now() - present.readAt < (this.#options.credentialsTtlMs ?? 10_000)) return present;
    this.#refreshing ??= this.#readCredentials(present).finally(() => {
      this.#refreshing = undefined;
    });
    try {
      return await this.#refreshing;
    } catch (error) {
      // A token file is replaced by a rename, an exec plug-in can fail for a moment: what worked a moment ago may still do.
      this.#options.logger.warn({ err: error }, 'credentials of the cluster could not be read');
      if (present) {
        this.#connection = { ...present, readAt: this.#clock.now() };
        return present;
      }
      const message = error instanceof Error ? error.message : 'credentials could not be read';
      throw new ApiError({ ...request, status: 0, reason: 'ConnectionFailed', message });
    }
  }

  async #readCredentials(previous: Connection | undefined): Promise<Connection> {
    const cluster = this.#options.kubeConfig.getCurrentCluster();
    if (cluster === null) throw new Error('the kubeconfig has no current cluster');
    if (cluster.proxyUrl) throw new Error('proxy-url of a kubeconfig cluster is not supported');
    const auth: RequestOptions = {};
    await this.#options.kubeConfig.applyToHTTPSOptions(auth);

    const server = new URL(cluster.server);
    const headers: Record<string, string | string[]> = {
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
    };
    for (const [name, value] of Object.entries(auth.headers ?? {})) {
      if (value !== undefined) headers[name.toLowerCase()] = String(value).trim();
    }
    const { impersonate } = this.#options;
    if (impersonate !== undefined) {
      headers['impersonate-user'] = impersonate.user;
      if (impersonate.groups.length > 0) headers['impersonate-group'] = [...impersonate.groups];
    }
    if (auth.auth) headers.authorization = `Basic ${Buffer.from(auth.auth).toString('base64')}`;

    const tls = {
      ...(auth.ca !== undefined && { ca: auth.ca }),
      ...(auth.cert !== undefined && { cert: auth.cert }),
      ...(auth.key !== undefined && { key: auth.key }),
      ...(auth.pfx !== undefined && { pfx: auth.pfx }),
      ...(auth.passphrase !== undefined && { passphrase: auth.passphrase }),
      ...(auth.servername !== undefined && { servername: auth.servername }),
      ...(auth.rejectUnauthorized !== undefined && { rejectUnauthorized: auth.rejectUnauthorized }),
    };
    const tlsDigest = createHash('sha256')
      .update(JSON.stringify([server.origin, tls]))
      .digest('hex');
    const sameTls = previous !== undefined && previous.tlsDigest === tlsDigest;
    if (previous && !sameTls) {
      this.#options.logger.info('certificates of the cluster changed, connecting again');
      // Requests in flight end in peace; a watch ends within its ten minutes.
      this.#retire(previous.requests);
      this.#retire(previous.watches);
    }
    const connection: Connection = {
      origin: server.origin,
      pathPrefix: server.pathname.replace(/\/+$/, ''),
      host: server.host,
      headers,
      requests: sameTls ? previous.requests : this.#agent(tls, this.#options.connections ?? defaultConnections),
      watches: sameTls ? previous.watches : this.#agent(tls, null),
      tlsDigest,
      readAt: this.#clock.now(),
    };
    this.#connection = connection;
    return connection;
  }

  #agent(tls: object, connections: number | null): Agent {
    const timeout = this.#options.requestTimeoutMs ?? 30_000;
    const agent = new Agent({
      connections,
      // HTTP/1.1: less CPU a request in Node than HTTP/2, and one lost connection loses one request.
      allowH2: false,
      headersTimeout: timeout,
      bodyTimeout: timeout,
      // Below the 90 s after which the API server closes an idle connection: no request meets a closing one.
      keepAliveTimeout: 60_000,
      connect: { ...tls, timeout: Math.min(timeout || 10_000, 10_000), keepAlive: true, keepAliveInitialDelay: 30_000 },
    });
    this.#agents.add(agent);
    return agent;
  }

  #retire(agent: Agent): void {
    void agent
      .close()
      .catch(() => undefined)
      .then(() => this.#agents.delete(agent));
  }
}

function queryString(query: TransportRequest['query']): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined) parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** What undici throws, as ours; an abort stays what it was. Its cause is not kept: it can hold headers. */
export function connectionError(request: TransportRequest, error: unknown): unknown {
  if (request.signal?.aborted) return request.signal.reason;
  if (error instanceof ApiError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const reason = /TIMEOUT/.test(code) ? 'Timeout' : 'ConnectionFailed';
  const message = code || (error instanceof Error ? error.name : 'unknown error');
  return new ApiError({ ...request, status: 0, reason, message });
}

/** Seconds until a read that failed is tried again, three times in all; undefined: the caller gets the failure. */
function pauseOfRead(attempt: number): number | undefined {
  return attempt < 3 ? attempt / 10 : undefined;
}

/** Namespace that a path is about; empty for cluster-scoped ones. */
function namespaceIn(path: string): string {
  return /\/namespaces\/([^/]+)\//.exec(path)?.[1] ?? '';
}
