import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { KubeObject, ObjectName } from '../../src/runtime/kube-object.ts';

/** A request as the server saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<IncomingMessage['headers']>;
  readonly kind: 'list' | 'watch' | 'other';
  readonly at: number;
}

/** What happens to a request in place of its right answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The connection is cut before an answer. */
  | 'reset'
  /** No answer ever. */
  | 'hang'
  /** 200, these raw lines, and then: a right end, a cut connection, or silence. */
  | { readonly lines: readonly string[]; readonly after: 'end' | 'reset' | 'silence' };

type Stored = KubeObject & { readonly metadata: { readonly resourceVersion: string; readonly uid: string } };

interface Change {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored;
}

interface OpenWatch {
  readonly response: ServerResponse;
  /** The path it watches. */
  readonly path: string;
}

/**
 * A small API server in memory that stores any kind, lists in pages, watches from a version, guards writes by resourceVersion, and
 * answers wrongly when `fault` says so.
 */
export class FaultyApiServer {
  /** Asked for each request. */
  fault: (request: SeenRequest) => Fault | undefined = () => undefined;
  /** Delays the answers to plain requests, milliseconds. */
  latencyMs = 0;
  readonly requests: SeenRequest[] = [];
  /** Connections ever accepted. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #objects = new Map<string, Stored>();
  #history: (Change & { readonly path: string })[] = [];
  readonly #watches = new Set<OpenWatch>();
  #version = 100;
  #oldest = 0;
  #uid = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.on('connection', (socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(): Promise<FaultyApiServer> {
    const server = new FaultyApiServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  /** How a client reaches it, in the shape of client-node's KubeConfig. */
  get kubeConfig() {
    const cluster = { name: 'faulty', server: this.url, skipTLSVerify: true };
    return {
      getCurrentCluster: () => cluster,
      applyToHTTPSOptions: async (options: { headers?: unknown }) => {
        options.headers = { Authorization: 'Bearer test-token' };
      },
    };
  }

  get url(): string {
    // Listening on TCP, so the address is never a string.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get openWatches(): number {
    return this.#watches.size;
  }

  count(kind: SeenRequest['kind']): number {
    return this.requests.filter((request) => request.kind === kind).length;
  }

  /** Stores an object as if someone had written it; `collection` is the path over all namespaces. */
  put(collection: string, object: KubeObject): Stored {
    const path = objectPath(collection, object.metadata);
    const present = this.#objects.get(path);
    const resourceVersion = String(++this.#version);
    const uid = present?.metadata.uid ?? `uid-${++this.#uid}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion } };
    this.#objects.set(path, stored);
    this.#changed(path, { type: present ? 'MODIFIED' : 'ADDED', object: stored });
    return stored;
  }

  remove(collection: string, name: ObjectName): void {
    this.#remove(objectPath(collection, name));
  }

  /** Changes are forgotten: a watch from before is answered 410. */
  compact(): void {
    this.#history = [];
    this.#oldest = ++this.#version;
  }

  /** Tells all watches how far they are. */
  bookmark(): void {
    const object = { kind: 'Bookmark', metadata: { resourceVersion: String(++this.#version) } };
    for (const watch of this.#watches) watch.response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`);
  }

  /** Sends a raw line to all watches. */
  sendLine(line: string): void {
    for (const watch of this.#watches) watch.response.write(`${line}\n`);
  }

  /** Ends all watches, in order or by cutting them. */
  endWatches(how: 'end' | 'reset' = 'end'): void {
    for (const { response } of this.#watches) {
      if (how === 'end') response.end();
      else response.socket?.destroy();
    }
    this.#watches.clear();
  }

  /** Watches get nothing any more, but stay connected. */
  silenceWatches(): void {
    this.#watches.clear();
  }

  /** Cuts every connection. */
  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async stop(): Promise<void> {
    this.cutConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://server');
    const method = request.method ?? '';
    const isCollection = !/\/namespaces\/[^/]+\/[^/]+\/[^/]+/.test(url.pathname);
    const kind = method !== 'GET' || !isCollection ? 'other' : url.searchParams.has('watch') ? 'watch' : 'list';
    const seen: SeenRequest = {
      method,
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      kind,
      at: Date.now(),
    };
    this.requests.push(seen);
    const body = await readBody(request);
    if (this.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, this.latencyMs));
    const fault = this.fault(seen);
    if (fault === 'hang') return;
    if (fault === 'reset') {
      request.socket.destroy();
    } else if (fault && 'status' in fault) {
      response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers });
      response.end(fault.body ?? JSON.stringify(status(fault.status, 'Injected', 'injected')));
    } else if (fault) {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.flushHeaders();
      for (const line of fault.lines) response.write(`${line}\n`);
      if (fault.after === 'end') response.end();
      if (fault.after === 'reset') setTimeout(() => request.socket.destroy(), 5);
    } else if (kind === 'watch') {
      this.#watch(url, response);
    } else if (kind === 'list') {
      this.#list(url, response);
    } else {
      this.#object(method, url.pathname, body, response);
    }
  }

  #list(url: URL, response: ServerResponse): void {
    const all = [...this.#objects].filter(([path]) => within(url.pathname, path)).map(([, object]) => object);
    const [version, start] = (url.searchParams.get('continue') ?? `${this.#version}:0`).split(':').map(Number);
    const limit = Number(url.searchParams.get('limit') ?? all.length);
    const end = (start ?? 0) + limit;
    const next = end < all.length ? { continue: `${version}:${end}` } : {};
    answer(response, 200, { metadata: { resourceVersion: String(version), ...next }, items: all.slice(start, end) });
  }

  #watch(url: URL, response: ServerResponse): void {
    const since = Number(url.searchParams.get('resourceVersion'));
    if (since < this.#oldest) {
      answer(response, 410, status(410, 'Expired', 'too old resource version'));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    for (const { type, object, path } of this.#history) {
      if (Number(object.metadata.resourceVersion) <= since || !within(url.pathname, path)) continue;
      response.write(`${JSON.stringify({ type, object })}\n`);
    }
    const watch = { response, path: url.pathname };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
    setTimeout(() => response.end(), Number(url.searchParams.get('timeoutSeconds')) * 1000).unref();
  }

  #object(method: string, fullPath: string, body: string, response: ServerResponse): void {
    if (method === 'POST') {
      const object: KubeObject = JSON.parse(body);
      const path = `${fullPath}/${object.metadata.name}`;
      if (this.#objects.has(path)) answer(response, 409, status(409, 'AlreadyExists', 'exists'));
      else answer(response, 201, this.put(fullPath, object));
      return;
    }
    const path = fullPath.replace(/\/status$/, '');
    const present = this.#objects.get(path);
    if (present === undefined) {
      answer(response, 404, status(404, 'NotFound', 'not found'));
    } else if (method === 'DELETE') {
      this.#remove(path);
      answer(response, 200, { kind: 'Status', status: 'Success' });
    } else if (method === 'GET') {
      answer(response, 200, present);
    } else {
      const object: KubeObject = JSON.parse(body);
      const guard = object.metadata?.resourceVersion;
      if (guard !== undefined && guard !== present.metadata.resourceVersion) {
        answer(response, 409, status(409, 'Conflict', 'the object has been modified'));
        return;
      }
      const merged = method === 'PATCH' ? { ...present, ...object } : object;
      const collection = path.slice(0, path.lastIndexOf('/'));
      answer(response, 200, this.put(collection, { ...merged, metadata: { ...present.metadata, ...object.metadata } }));
    }
  }

  #remove(path: string): void {
    const present = this.#objects.get(path);
    if (present === undefined) return;
    this.#objects.delete(path);
    const object = { ...present, metadata: { ...present.metadata, resourceVersion: String(++this.#version) } };
    this.#changed(path, { type: 'DELETED', object });
  }

  #changed(path: string, change: Change): void {
    this.#history.push({ ...change, path });
    for (const watch of this.#watches) {
      if (within(watch.path, path)) watch.response.write(`${JSON.stringify(change)}\n`);
    }
  }
}

/** Path of an object in a collection that is given over all namespaces or already of one. */
function objectPath(collection: string, { namespace, name }: ObjectName): string {
  if (namespace === undefined || collection.includes('/namespaces/')) return `${collection}/${name}`;
  const slash = collection.lastIndexOf('/');
  return `${collection.slice(0, slash)}/namespaces/${namespace}${collection.slice(slash)}/${name}`;
}

/** Whether an object is in a collection. */
function within(collection: string, path: string): boolean {
  const parent = path.slice(0, path.lastIndexOf('/'));
  return parent === collection || parent.replace(/\/namespaces\/[^/]+/, '') === collection;
}

function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
