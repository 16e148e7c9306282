import { createServer, type Server } from 'node:http';
import type { Registry } from 'prom-client';
import { listen } from './listen.ts';

/** True, or why not. */
export type Check = () => true | string;

/** What is answered to a GET of one path. */
export interface Endpoint {
  readonly path: string;
  /** Status and text of the answer. */
  answer(): Promise<{ readonly status: number; readonly contentType: string; readonly body: string }>;
}

/** A probe in the manner of Kubernetes' own: `ok`, or each check with its reason. */
export function probeEndpoint(path: string, checks: ReadonlyMap<string, Check>): Endpoint {
  return {
    path,
    async answer() {
      const results = [...checks].map(([name, check]) => ({ name, result: check() }));
      const failed = results.some(({ result }) => result !== true);
      const lines = results.map(({ name, result }) => (result === true ? `[+]${name} ok` : `[-]${name} ${result}`));
      const body = failed ? `${lines.join('\n')}\n` : 'ok\n';
      return { status: failed ? 503 : 200, contentType: 'text/plain; charset=utf-8', body };
    },
  };
}

/** The figures of a registry, as Prometheus reads them, at `/metrics`. */
export function metricsEndpoint(registry: Registry): Endpoint {
  return {
    path: '/metrics',
    async answer() {
      return { status: 200, contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/** A small HTTP server for probes and metrics. */
export class ProbeServer {
  readonly #server: Server;
  readonly #name: string;

  constructor(name: string, endpoints: readonly Endpoint[]) {
    this.#name = name;
    this.#server = createServer((request, response) => {
      const path = new URL(request.url ?? '/', 'http://probe').pathname;
      const endpoint = endpoints.find((candidate) => candidate.path === path);
      if (endpoint === undefined || request.method !== 'GET') {
        response.writeHead(404).end('not found\n');
        return;
      }
      endpoint.answer().then(
        ({ status, contentType, body }) => response.writeHead(status, { 'content-type': contentType }).end(body),
        () => response.writeHead(500).end('failed\n'),
      );
    });
  }

  /**
   * Listens on `host:port` or `:port`; port 0 takes a free one.
   *
   * @returns the port. @throws when the address can not be used.
   */
  async listen(address: string): Promise<number> {
    const { host, port } = parseAddress(address);
    return await listen(this.#server, { host: host === '' ? undefined : host, port }, { name: this.#name, address });
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function parseAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]*)):(\d+)$/.exec(address);
  if (!match) throw new TypeError(`"${address}" is not an address like ":8080" or "127.0.0.1:8080"`);
  return { host: match[1] ?? match[2] ?? '', port: Number(match[3]) };
}
