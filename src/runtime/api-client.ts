import type { KubeConfig } from '@kubernetes/client-node';
import { ApiError, errorFromStatus, isExpired, isRefusal, RefusedWrite, type WriteAttempt } from './api-error.ts';
import type { Clock } from './clock.ts';
import { jsonLines } from './json-lines.ts';
import type { KubeObject, ObjectName, ResourceType } from './kube-object.ts';
import type { Logger } from './logger.ts';
import type { RuntimeMetrics } from './metrics.ts';
import { apiVersionOf, collectionPath, objectPath } from './resource-path.ts';
import { connectionError, Transport, type TransportOptions, type TransportRequest } from './transport.ts';

/** Which objects of a kind are asked for. */
export interface SelectOptions {
  /** All namespaces when absent. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions<T extends KubeObject = KubeObject> extends SelectOptions {
  /** Most objects that come with one request. */
  readonly pageSize?: number | undefined;
  /** Changes each object as its page comes, for example to drop data: all pages as they are stored may be more than fits in memory. */
  readonly transform?: ((object: T) => T) | undefined;
}

/** A list as the API server had it at one moment. */
export interface ObjectList<T extends KubeObject> {
  readonly items: T[];
  /** Where a watch continues. */
  readonly resourceVersion: string;
}

/** Which object may be deleted, by preconditions, and what becomes of those that it owns. */
export interface DeleteOptions {
  /** Delete only the object with this UID. */
  readonly uid?: string;
  /** Delete only this version of the object. */
  readonly resourceVersion?: string;
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
}

/**
 * Requests to the API server. All reject with {@link ApiError}, a write that the server refused with {@link RefusedWrite}, or the
 * signal's reason when aborted. Objects come back as the server sent them, with `apiVersion` and `kind` set.
 */
export interface ApiClient {
  get<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<T>;
  /** Reads all pages of a collection, live (a quorum read). */
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions<T>): Promise<ObjectList<T>>;
  /** POST. `dryRun`: checked by all of admission, but not stored. */
  create<T extends KubeObject>(type: ResourceType<T>, object: T, options?: { dryRun?: boolean }): Promise<T>;
  /** PUT, guarded by the object's `metadata.resourceVersion`. `dryRun`: checked, but not stored. */
  replace<T extends KubeObject>(type: ResourceType<T>, object: T, options?: { dryRun?: boolean }): Promise<T>;
  /** PUT of the status subresource, guarded likewise. */
  replaceStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T>;
  /** JSON merge patch; guarded only when the patch names a `metadata.resourceVersion`. `dryRun`: checked, but not stored. */
  mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: object,
    options?: { subresource?: 'status'; dryRun?: boolean },
  ): Promise<T>;
  /** Server-side apply. */
  apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: { fieldManager: string; force?: boolean },
  ): Promise<T>;
  delete(type: ResourceType, name: ObjectName, options?: DeleteOptions): Promise<void>;
  /** GET of any path, for example `/version`. */
  rawGet(path: string): Promise<unknown>;
}

/** One line of a watch. */
export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: T }
  | { readonly type: 'ERROR'; readonly error: ApiError };

export interface WatchOptions extends SelectOptions {
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  /** The watch fails when no byte arrives for so long. */
  readonly idleTimeoutMs: number;
  readonly signal: AbortSignal;
}

/** What a reflector needs of a client. */
export interface WatchClient {
  list<T extends KubeObject>(type: ResourceType<T>, options?: ListOptions<T>): Promise<ObjectList<T>>;
  /** Yields batches of events until the server ends the watch; throws like the other requests, and InvalidLineError. */
  watch<T extends KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<readonly WatchEvent<T>[]>;
}

export interface CreateApiClientOptions {
  readonly kubeConfig: Pick<KubeConfig, 'getCurrentCluster' | 'applyToHTTPSOptions'>;
  /** Owner of the fields that writes set. */
  readonly fieldManager: string;
  readonly userAgent: string;
  readonly logger: Logger;
  readonly metrics?: RuntimeMetrics;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly connections?: number;
  readonly requestTimeoutMs?: number;
  readonly credentialsTtlMs?: number;
  readonly impersonate?: TransportOptions['impersonate'];
}

/** Objects in one page of a list. */
const defaultPageSize = 500;

/** Creates the client of one process; {@link HttpApiClient.close} ends its connections. */
export function createApiClient(options: CreateApiClientOptions): HttpApiClient {
  return new HttpApiClient(new Transport(options), options.fieldManager, options.metrics);
}

/** {@link ApiClient} over HTTP. */
export class HttpApiClient implements ApiClient, WatchClient {
  readonly #transport: Transport;
  readonly #fieldManager: string;
  readonly #metrics: RuntimeMetrics | undefined;
  #mayWrite: () => boolean = () => true;

  constructor(transport: Transport, fieldManager: string, metrics?: RuntimeMetrics) {
    this.#transport = transport;
    this.#fieldManager = fieldManager;
    this.#metrics = metrics;
  }

  /** From now on writes (except of Leases) are refused while `mayWrite` says no: a process that lost its lease must not write. */
  guardWrites(mayWrite: () => boolean): void {
    this.#mayWrite = mayWrite;
  }

  async get<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    options?: { signal?: AbortSignal | undefined },
  ): Promise<T> {
    return this.#object(type, name, {
      ...about(type, 'get'),
      method: 'GET',
      path: objectPath(type, name),
      signal: options?.signal,
    });
  }

  async list<T extends KubeObject>(type: ResourceType<T>, options: ListOptions<T> = {}): Promise<ObjectList<T>> {
    try {
      return await this.#listPages(type, options, String(options.pageSize ?? defaultPageSize));
    } catch (error) {
      // The snapshot that the pages are read from expired in the middle: all in one page, as client-go's pager does.
      if (!isExpired(error)) throw error;
      return await this.#listPages(type, options, undefined);
    }
  }

  async create<T extends KubeObject>(type: ResourceType<T>, object: T, options: { dryRun?: boolean } = {}): Promise<T> {
    return this.#put(type, object, {
      ...about(type, 'create', undefined, object),
      method: 'POST',
      path: collectionPath(type, object.metadata.namespace),
      query: { dryRun: options.dryRun ? 'All' : undefined },
    });
  }

  async replace<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: { dryRun?: boolean } = {},
  ): Promise<T> {
    return this.#put(type, guarded(type, object), {
      ...about(type, 'update', undefined, object),
      method: 'PUT',
      path: objectPath(type, object.metadata),
      query: { dryRun: options.dryRun ? 'All' : undefined },
    });
  }

  async replaceStatus<T extends KubeObject>(type: ResourceType<T>, object: T): Promise<T> {
    return this.#put(type, guarded(type, object), {
      ...about(type, 'update', 'status'),
      method: 'PUT',
      path: objectPath(type, object.metadata, 'status'),
    });
  }

  async mergePatch<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    patch: object,
    options: { subresource?: 'status'; dryRun?: boolean } = {},
  ): Promise<T> {
    return this.#object(type, name, {
      ...about(type, 'patch', options.subresource, patch),
      method: 'PATCH',
      path: objectPath(type, name, options.subresource),
      query: { fieldManager: this.#fieldManager, dryRun: options.dryRun ? 'All' : undefined },
      contentType: 'application/merge-patch+json',
      body: JSON.stringify(patch),
    });
  }

  async apply<T extends KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: { fieldManager: string; force?: boolean },
  ): Promise<T> {
    return this.#object(type, object.metadata, {
      ...about(type, 'patch', undefined, object),
      method: 'PATCH',
      path: objectPath(type, object.metadata),
      query: { fieldManager: options.fieldManager, force: options.force ? 'true' : undefined },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
    });
  }

  async delete(type: ResourceType, name: ObjectName, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, propagationPolicy } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const request: TransportRequest = {
      ...about(type, 'delete'),
      method: 'DELETE',
      path: objectPath(type, name),
      body: JSON.stringify({ kind: 'DeleteOptions', apiVersion: 'v1', preconditions, propagationPolicy }),
    };
    await this.#send(type, name, request);
  }

  async rawGet(path: string): Promise<unknown> {
    return this.#transport.json({ method: 'GET', path, verb: 'get', resource: '' });
  }

  async *watch<T extends KubeObject>(
    type: ResourceType<T>,
    options: WatchOptions,
  ): AsyncGenerator<readonly WatchEvent<T>[]> {
    const request: TransportRequest = {
      ...about(type, 'watch'),
      method: 'GET',
      path: collectionPath(type, options.namespace),
      query: {
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: options.resourceVersion,
        timeoutSeconds: String(options.timeoutSeconds),
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
      },
      signal: options.signal,
    };
    const chunks = await this.#transport.stream(request, options.idleTimeoutMs);
    try {
      for await (const values of jsonLines(chunks)) yield values.map((value) => watchEvent<T>(request, value));
    } catch (error) {
      throw error instanceof Error && error.name === 'InvalidLineError' ? error : connectionError(request, error);
    }
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await this.#transport.close();
  }

  async #listPages<T extends KubeObject>(
    type: ResourceType<T>,
    options: ListOptions<T>,
    limit: string | undefined,
  ): Promise<ObjectList<T>> {
    const items: T[] = [];
    let continueToken: string | undefined;
    for (;;) {
      const request: TransportRequest = {
        ...about(type, 'list'),
        method: 'GET',
        path: collectionPath(type, options.namespace),
        query: {
          limit,
          continue: continueToken,
          labelSelector: options.labelSelector,
          fieldSelector: options.fieldSelector,
        },
        signal: options.signal,
      };
      // The shape is the API server's contract; a missing part is refused here, so that nothing later trips over it.
      const page = (await this.#transport.json(request)) as {
        readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
        readonly items?: readonly T[] | null;
      };
      const resourceVersion = page.metadata?.resourceVersion;
      if (resourceVersion === undefined) {
        throw new ApiError({ ...request, status: 0, reason: 'InvalidResponse', message: 'not a list' });
      }
      // Items of a list come without apiVersion and kind.
      for (const item of page.items ?? []) items.push((options.transform ?? same)(typed(type, item)));
      continueToken = page.metadata?.continue || undefined;
      if (continueToken === undefined) return { items, resourceVersion };
    }
  }

  #put<T extends KubeObject>(type: ResourceType<T>, object: T, request: TransportRequest): Promise<T> {
    return this.#object(type, object.metadata, {
      ...request,
      query: { ...request.query, fieldManager: this.#fieldManager },
      body: JSON.stringify({ ...object, apiVersion: apiVersionOf(type), kind: type.kind }),
    });
  }

  async #object<T extends KubeObject>(type: ResourceType<T>, name: ObjectName, request: TransportRequest): Promise<T> {
    const body = await this.#send(type, name, request);
    if (typeof body !== 'object' || body === null || !('metadata' in body)) {
      throw new ApiError({ ...request, status: 0, reason: 'InvalidResponse', message: `not a ${type.kind}` });
    }
    // The server's answer is of the kind that was asked for: this is the border where it gets its type.
    return typed(type, body as T);
  }

  /** The one way of every write: what the server refuses gets its type here. */
  async #send(type: ResourceType, { namespace, name }: ObjectName, request: TransportRequest): Promise<unknown> {
    if (request.method === 'GET') return await this.#transport.json(request);
    this.#checkWrite(type, request);
    try {
      return await this.#transport.json(request);
    } catch (error) {
      if (!(error instanceof ApiError) || !isRefusal(error)) throw error;
      const { status, reason, causes, explanation: message, retryAfterSeconds } = error;
      const { method, path, verb, resource } = request;
      const [, subresource] = resource.split('/');
      const object: ObjectName = namespace === undefined ? { name } : { namespace, name };
      const write: WriteAttempt = { verb, kind: type.kind, subresource, object };
      this.#metrics?.refusedWrites.inc({ verb, resource, code: String(status) });
      throw new RefusedWrite({ method, path, status, reason, causes, message, retryAfterSeconds }, write, () =>
        this.#send(type, object, asDryRun(request)),
      );
    }
  }

  #checkWrite(type: ResourceType, request: TransportRequest): void {
    if (type.plural === 'leases' || this.#mayWrite()) return;
    throw new ApiError({ ...request, status: 0, reason: 'WriteRefused', message: 'this process no longer leads' });
  }
}

function typed<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  return object.kind === undefined ? { apiVersion: apiVersionOf(type), kind: type.kind, ...object } : object;
}

function same<T>(object: T): T {
  return object;
}

/** @param body what is sent; of a Secret it holds the texts that must not show */
function about(type: ResourceType, verb: string, subresource?: string, body: object = {}) {
  return {
    verb,
    resource: subresource === undefined ? type.plural : `${type.plural}/${subresource}`,
    ...(type.group === '' && type.plural === 'secrets' ? { sensitive: secretTexts(body) } : {}),
  };
}

/** Data of a Secret as an answer can quote it: encoded, with or without its padding, and decoded, as a whole or line by line. */
function secretTexts(body: { readonly data?: unknown; readonly stringData?: unknown }): readonly string[] {
  const values = (data: unknown): string[] =>
    typeof data === 'object' && data !== null
      ? Object.values(data).filter((value): value is string => typeof value === 'string')
      : [];
  const encoded = values(body.data);
  const plain = [...values(body.stringData), ...encoded.map((value) => Buffer.from(value, 'base64').toString('utf8'))];
  return [
    ...encoded.map((value) => value.replace(/=+$/, '')),
    ...plain,
    ...plain.flatMap((text) => text.split(/\r?\n/)),
  ];
}

/** The same write, checked but not stored. */
function asDryRun(request: TransportRequest): TransportRequest {
  return { ...request, query: { ...request.query, dryRun: 'All' } };
}

/** A PUT without resourceVersion would overwrite what others wrote since. */
function guarded<T extends KubeObject>(type: ResourceType<T>, object: T): T {
  if (!object.metadata.resourceVersion) {
    throw new TypeError(`${type.kind} "${object.metadata.name}": a replacement needs metadata.resourceVersion`);
  }
  return object;
}

function watchEvent<T extends KubeObject>(request: TransportRequest, value: unknown): WatchEvent<T> {
  // The shape is the API server's contract; what has neither a known type nor a resourceVersion is treated as a broken stream.
  const event = value as { readonly type?: unknown; readonly object?: T } | null;
  switch (event?.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      if (typeof event.object?.metadata?.resourceVersion === 'string')
        return { type: event.type, object: event.object };
      break;
    case 'ERROR':
      return { type: 'ERROR', error: errorFromStatus(request, 0, event.object) };
  }
  throw new ApiError({ ...request, status: 0, reason: 'InvalidResponse', message: 'not a watch event' });
}
