import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, type AgentOptions, request as forward, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import { loadKubeConfig } from '../../../src/runtime/kube-config.ts';
import type { ControlPlane } from '../../kube/control-plane.ts';

/** A request on its way to the API server. */
interface PassingRequest {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly isWatch: boolean;
  /** A write of an object; events don't count, since nothing depends on them. */
  readonly isWrite: boolean;
}

/**
 * What happens to a request: it passes, is answered by an error or by what the API server answered before, its connection is cut
 * before or after it was stored, it gets an answer that says nothing, or no answer at all.
 */
export type Passage =
  | 'pass'
  | 'cut'
  | 'cut-answer'
  | 'silence'
  | 'swallow'
  | { readonly status: number; readonly retryAfter?: string }
  | { readonly answer: string };

/** Stands between an operator and the API server, and does to its requests what `decide` says. */
export class ApiProxy {
  /** Asked for each request; for `cut` and `cut-answer` it may do something first, such as to kill the operator. */
  decide: (request: PassingRequest) => Passage = () => 'pass';
  /** Milliseconds by which a request is late; asked again for each piece of a watch. */
  delayMs: (request: PassingRequest) => number = () => 0;
  /** Kubeconfig for whoever is to go through this proxy. */
  readonly kubeconfigPath: string;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Socket>();
  /** Connections that stay open, and over which nothing comes any more. */
  readonly #frozen = new WeakSet<Socket>();
  /** By plural: watches of that kind bring nothing until it resolves. */
  readonly #held = new Map<string, Promise<void>>();

  private constructor(plane: ControlPlane, name: string, identity: Pick<AgentOptions, 'ca' | 'cert' | 'key'>) {
    this.kubeconfigPath = join(plane.directory, `${name}.kubeconfig`);
    this.#target = new URL(plane.server);
    this.#agent = new Agent({ ...identity, keepAlive: true });
    this.#server = createServer((request, response) => this.#handle(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#watches.delete(socket);
      });
    });
  }

  /**
   * Starts one that is to the API server who the kubeconfig says, by its client certificate.
   * @param name of the file of its own kubeconfig, where one control plane has several
   */
  static async start(plane: ControlPlane, kubeconfigPath: string, name = 'proxied'): Promise<ApiProxy> {
    const options: RequestOptions = {};
    await loadKubeConfig(kubeconfigPath).applyToHTTPSOptions(options);
    const { ca, cert, key } = options;
    const proxy = new ApiProxy(plane, name, { ca, cert, key });
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    // Listening on TCP, so the address is never a string.
    const { port } = proxy.#server.address() as AddressInfo;
    const kubeconfig = {
      apiVersion: 'v1',
      kind: 'Config',
      // Plain HTTP is accepted by client-node only for those who say that they know.
      clusters: [
        { name: 'proxied', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'proxied', user: {} }],
      contexts: [{ name: 'proxied', context: { cluster: 'proxied', user: 'proxied' } }],
      'current-context': 'proxied',
    };
    await writeFile(proxy.kubeconfigPath, stringify(kubeconfig), { mode: 0o600 });
    return proxy;
  }

  /** Cuts every watch that is open. */
  cutWatches(): void {
    for (const socket of this.#watches) socket.destroy();
  }

  /** The present connections stay open, and nothing comes over them any more; new ones are as before. */
  freezeConnections(): void {
    for (const socket of this.#sockets) this.#frozen.add(socket);
  }

  /** Watches of one kind bring nothing, until the answered function is called. */
  holdWatches(plural: string): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(plural, promise);
    return () => {
      this.#held.delete(plural);
      resolve();
    };
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/' } = incoming;
    const isWatch = method === 'GET' && url.includes('watch=');
    const isWrite = method !== 'GET' && !url.includes('/events') && !url.includes('dryRun=');
    const request = { method, url, isWatch, isWrite };
    const passage = this.#frozen.has(incoming.socket) ? 'swallow' : this.decide(request);
    if (passage === 'swallow') {
      incoming.resume();
      return;
    }
    if (passage === 'cut') {
      incoming.socket.destroy();
      return;
    }
    if (passage === 'silence' || (typeof passage === 'object' && 'answer' in passage)) {
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.flushHeaders();
      if (passage === 'silence') this.#watches.add(incoming.socket);
      else outgoing.end(passage.answer);
      return;
    }
    if (typeof passage === 'object') {
      incoming.resume();
      incoming.on('end', () => refuse(outgoing, passage.status, passage.retryAfter));
      return;
    }
    if (isWatch) this.#watches.add(incoming.socket);
    const delayMs = this.delayMs(request);
    if (delayMs === 0) this.#forward(incoming, outgoing, request, passage);
    else setTimeout(() => this.#forward(incoming, outgoing, request, passage), delayMs);
  }

  #forward(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    request: PassingRequest,
    passage: 'pass' | 'cut-answer',
  ): void {
    if (incoming.socket.destroyed) return;
    const { hostname, port } = this.#target;
    const { method, url, isWatch } = request;
    const onward = forward(
      { hostname, port, path: url, method, headers: incoming.headers, agent: this.#agent },
      (answer) => {
        if (passage === 'cut-answer') {
          answer.resume();
          incoming.socket.destroy();
          return;
        }
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        outgoing.flushHeaders();
        if (isWatch) answer.pipe(this.#gate(incoming.socket, request)).pipe(outgoing);
        else answer.pipe(outgoing);
        answer.on('error', () => incoming.socket.destroy());
      },
    );
    onward.on('error', () => incoming.socket.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
  }

  /** What a watch brings passes here piece by piece, late or not at all. */
  #gate(socket: Socket, request: PassingRequest): Transform {
    const plural = /\/([a-z]+)\?/.exec(request.url)?.[1] ?? '';
    return new Transform({
      transform: (piece, _encoding, pass) => {
        if (this.#frozen.has(socket)) return;
        const late = pause(this.delayMs(request)).then(() => this.#held.get(plural));
        void late.then(() => pass(null, piece));
      },
    });
  }
}

const reasons: Readonly<Record<number, string>> = {
  409: 'Conflict',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

function refuse(outgoing: ServerResponse, code: number, retryAfter: string | undefined): void {
  const body = {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    code,
    reason: reasons[code],
    message: 'injected',
  };
  outgoing.writeHead(code, {
    'content-type': 'application/json',
    ...(retryAfter === undefined ? {} : { 'retry-after': retryAfter }),
  });
  outgoing.end(JSON.stringify(body));
}
