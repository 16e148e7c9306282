import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Agent, type AgentOptions, request as forward, type RequestOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
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
 * before or after it was stored, or it gets an answer that says nothing.
 */
export type Passage =
  | 'pass'
  | 'cut'
  | 'cut-answer'
  | 'silence'
  | { readonly status: number; readonly retryAfter?: string }
  | { readonly answer: string };

/** Stands between an operator and the API server, and does to its requests what `decide` says. */
export class ApiProxy {
  /** Asked for each request; for `cut` and `cut-answer` it may do something first, such as to kill the operator. */
  decide: (request: PassingRequest) => Passage = () => 'pass';
  /** Kubeconfig for whoever is to go through this proxy. */
  readonly kubeconfigPath: string;
  readonly #server: Server;
  readonly #agent: Agent;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Socket>();

  private constructor(plane: ControlPlane, identity: Pick<AgentOptions, 'ca' | 'cert' | 'key'>) {
    this.kubeconfigPath = join(plane.directory, 'proxied.kubeconfig');
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

  /** Starts one that is to the API server who the kubeconfig says, by its client certificate. */
  static async start(plane: ControlPlane, kubeconfigPath: string): Promise<ApiProxy> {
    const options: RequestOptions = {};
    await loadKubeConfig(kubeconfigPath).applyToHTTPSOptions(options);
    const { ca, cert, key } = options;
    const proxy = new ApiProxy(plane, { ca, cert, key });
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

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#agent.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const { method = 'GET', url = '/' } = incoming;
    const isWatch = method === 'GET' && url.includes('watch=');
    const isWrite = method !== 'GET' && !url.includes('/events');
    const passage = this.decide({ method, url, isWatch, isWrite });
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
    const { hostname, port } = this.#target;
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
        answer.pipe(outgoing);
        answer.on('error', () => incoming.socket.destroy());
      },
    );
    onward.on('error', () => incoming.socket.destroy());
    outgoing.on('close', () => onward.destroy());
    incoming.pipe(onward);
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
