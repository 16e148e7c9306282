import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyApiServer } from '../../test/faults/api-server.ts';
import { type CreateApiClientOptions, createApiClient, type HttpApiClient } from './api-client.ts';
import {
  ApiError,
  isAlreadyExists,
  isConflict,
  isForbidden,
  isInvalid,
  isNamespaceTerminating,
  isNotFound,
  RefusedWrite,
} from './api-error.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import { createLogger } from './logger.ts';
import { RuntimeMetrics } from './metrics.ts';

const widgets: ResourceType = {
  group: 'example.org',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
const secrets: ResourceType = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true };
const name = { namespace: 'a', name: 'one' };
const widget: KubeObject = { metadata: name };

describe('the API client', () => {
  let server: FaultyApiServer;
  let client: HttpApiClient;
  let log: string[];

  const clientWith = (options: Partial<CreateApiClientOptions> = {}) =>
    createApiClient({
      kubeConfig: server.kubeConfig,
      fieldManager: 'tester',
      userAgent: 'test/1',
      logger: createLogger({ level: 'debug', format: 'json', destination: { write: (line) => void log.push(line) } }),
      ...options,
    });

  beforeEach(async () => {
    server = await FaultyApiServer.start();
    log = [];
    client = clientWith();
  });

  afterEach(async () => {
    await client.close();
    await server.stop();
  });

  const failure = (promise: Promise<unknown>): Promise<ApiError> =>
    promise.then(
      () => expect.unreachable('the request should fail'),
      (error) => {
        expect(error).toBeInstanceOf(ApiError);
        return error;
      },
    );

  it('sends 20,000 requests over a handful of connections', { timeout: 60_000 }, async () => {
    await client.create(widgets, widget);
    let left = 20_000;
    const worker = async () => {
      while (left-- > 0) await client.get(widgets, name);
    };
    await Promise.all(Array.from({ length: 64 }, worker));
    expect(server.requests.length).toBeGreaterThanOrEqual(20_000);
    expect(server.connections).toBeLessThanOrEqual(16);
  });

  it('creates, reads, replaces, patches and deletes', async () => {
    const made = await client.create(widgets, widget);
    expect(made).toMatchObject({ apiVersion: 'example.org/v1', kind: 'Widget' });
    expect(isAlreadyExists(await failure(client.create(widgets, widget)))).toBe(true);
    const replaced = await client.replace(widgets, { ...made, metadata: { ...made.metadata, labels: { a: 'b' } } });
    expect(replaced.metadata.labels).toEqual({ a: 'b' });
    expect(isConflict(await failure(client.replace(widgets, made)))).toBe(true);
    expect(isConflict(await failure(client.replaceStatus(widgets, made)))).toBe(true);
    await client.mergePatch(widgets, name, { metadata: { labels: { c: 'd' } } }, { subresource: 'status' });
    await client.apply(widgets, widget, { fieldManager: 'other', force: true });
    await client.delete(widgets, name, { uid: 'u', propagationPolicy: 'Foreground' });
    expect(isNotFound(await failure(client.get(widgets, name)))).toBe(true);
    const [patch, apply] = server.requests.filter((request) => request.method === 'PATCH');
    expect(patch?.path).toBe('/apis/example.org/v1/namespaces/a/widgets/one/status');
    expect(patch?.headers['content-type']).toBe('application/merge-patch+json');
    expect(apply?.headers['content-type']).toBe('application/apply-patch+yaml');
    expect(Object.fromEntries(apply?.query ?? [])).toEqual({ fieldManager: 'other', force: 'true' });
    expect(server.requests.every((request) => request.headers['user-agent'] === 'test/1')).toBe(true);
  });

  it('refuses a replacement that would overwrite without a version, and names that reach elsewhere', async () => {
    await expect(client.replace(widgets, widget)).rejects.toThrow('needs metadata.resourceVersion');
    for (const bad of ['', '..', 'x/../../b/widgets/y', 'x%2fy']) {
      await expect(client.get(widgets, { namespace: 'a', name: bad })).rejects.toThrow('can not be the name');
    }
    expect(server.requests).toHaveLength(0);
  });

  it('waits for a busy server and sends the request again, with every verb', async () => {
    let refused = 0;
    server.fault = () => (refused++ < 1 ? { status: 429, headers: { 'retry-after': '1' } } : undefined);
    const started = Date.now();
    await client.create(widgets, widget);
    expect(Date.now() - started).toBeGreaterThanOrEqual(990);
    expect(refused).toBe(2);
  });

  it('sends a read again after a lost connection, but not a write', async () => {
    await client.create(widgets, widget);
    let cut = 0;
    server.fault = () => (cut++ === 0 ? 'reset' : undefined);
    await client.get(widgets, name);
    cut = 0;
    const error = await failure(client.delete(widgets, name));
    expect(error).toMatchObject({ status: 0, reason: 'ConnectionFailed' });
    expect(cut).toBe(1);
  });

  it('gives up a request that is not answered', async () => {
    const hasty = clientWith({ requestTimeoutMs: 200 });
    server.fault = () => 'hang';
    const error = await failure(hasty.create(widgets, widget));
    expect(error).toMatchObject({ status: 0, reason: 'Timeout' });
    await hasty.close();
  });

  it('rejects with the reason of the signal', async () => {
    server.fault = () => 'hang';
    const stop = new AbortController();
    const request = client.get(widgets, name, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(request).rejects.toThrow('enough');
  });

  it('reads credentials again after a 401', async () => {
    let token = 'old';
    const config = server.kubeConfig;
    const kubeConfig = {
      ...config,
      applyToHTTPSOptions: async (options: { headers?: unknown }) => {
        options.headers = { Authorization: `Bearer ${token}` };
      },
    };
    const rotating = clientWith({ kubeConfig });
    server.fault = ({ headers }) => (headers.authorization === `Bearer ${token}` ? undefined : { status: 401 });
    await rotating.create(widgets, widget);
    token = 'new';
    await rotating.get(widgets, name);
    expect(server.requests.map((request) => request.headers.authorization)).toEqual([
      'Bearer old',
      'Bearer old',
      'Bearer new',
    ]);
    await rotating.close();
  });

  it('keeps the path prefix of the cluster', async () => {
    const prefixed = clientWith({
      kubeConfig: {
        ...server.kubeConfig,
        getCurrentCluster: () => ({ name: 'p', server: `${server.url}/k8s/clusters/c-1/`, skipTLSVerify: true }),
      },
    });
    await failure(prefixed.get(widgets, name));
    expect(server.requests[0]?.path).toBe('/k8s/clusters/c-1/apis/example.org/v1/namespaces/a/widgets/one');
    await prefixed.close();
  });

  it('names method, path and the message of the server in errors, with its causes', async () => {
    const body = JSON.stringify({
      kind: 'Status',
      code: 422,
      reason: 'Invalid',
      message: 'Widget "one" is invalid: spec.size: Required value',
      details: { causes: [{ field: 'spec.size', reason: 'FieldValueRequired', message: 'Required value' }] },
    });
    server.fault = () => ({ status: 422, body });
    const error = await failure(client.create(widgets, widget));
    expect(isInvalid(error)).toBe(true);
    expect(error.message).toBe(
      'POST /apis/example.org/v1/namespaces/a/widgets: 422 Invalid: Widget "one" is invalid: spec.size: Required value',
    );
    expect(error.causes).toEqual([{ field: 'spec.size', reason: 'FieldValueRequired', message: 'Required value' }]);
  });

  it('tells a terminating namespace from other refusals', async () => {
    const status = (causes: object[]) => JSON.stringify({ reason: 'Forbidden', message: 'no', details: { causes } });
    server.fault = () => ({ status: 403, body: status([{ reason: 'NamespaceTerminating' }]) });
    const terminating = await failure(client.create(widgets, widget));
    server.fault = () => ({ status: 403, body: status([]) });
    const forbidden = await failure(client.create(widgets, widget));
    expect([isNamespaceTerminating(terminating), isForbidden(terminating)]).toEqual([true, true]);
    expect([isNamespaceTerminating(forbidden), isForbidden(forbidden)]).toEqual([false, true]);
  });

  it('keeps what the server says of a Secret, and every body and header, out of errors and logs', async () => {
    const secret = { metadata: name, data: { key: 'c2VjcmV0LWRhdGE=' } };
    const message = 'Secret "one" is invalid: data[key]: Invalid value: "c2VjcmV0LWRhdGE="';
    const body = JSON.stringify({ reason: 'Invalid', message, details: { causes: [{ message, field: 'data' }] } });
    const errors: unknown[] = [];
    for (const fault of [{ status: 422, body }, { status: 500, body: 'c2VjcmV0LWRhdGE=' }, 'reset' as const]) {
      server.fault = () => fault;
      errors.push(await failure(client.create(secrets, secret)));
    }
    server.fault = () => ({ status: 200, body: '{"data":"c2VjcmV0LWRhdGE=' });
    errors.push(await failure(client.create(secrets, secret)));
    server.fault = () => ({ status: 422, headers: { warning: '299 - "c2VjcmV0LWRhdGE="' }, body });
    errors.push(await failure(client.create(secrets, secret)));
    const text = inspect(errors, { depth: 9, showHidden: true }) + log.join('');
    expect(text).not.toContain('c2VjcmV0LWRhdGE');
    expect(text).not.toContain('test-token');
    expect(text).toContain('422 Invalid');
  });

  describe('tells a write that is refused from one that a fresh read or time cures', () => {
    const status = (code: number, reason: string, message: string) => ({
      status: code,
      body: JSON.stringify({ reason, message, code }),
    });
    const denied = 'admission webhook "policy.example.com" denied the request: no';
    const refusedFor: readonly [string, ReturnType<typeof status>][] = [
      ['a quota or RBAC', status(403, 'Forbidden', 'exceeded quota: small')],
      ['validation', status(422, 'Invalid', 'Widget "one" is invalid: spec: Required value')],
      ['a request that can not be read', status(400, 'BadRequest', 'strict decoding error')],
      ['a verb that is not there', status(405, 'MethodNotAllowed', 'the server does not allow this method')],
      ['its size', status(413, 'RequestEntityTooLarge', 'limit is 3145728')],
      ['its size in etcd', status(500, 'InternalError', 'etcdserver: request is too large')],
      ['a webhook', status(403, '', denied)],
      ['a webhook that says not found', status(404, 'NotFound', denied)],
      ['a webhook that says conflict', status(409, 'Conflict', denied)],
      ['a webhook that does not answer', status(500, 'InternalError', 'failed calling webhook "x": refused')],
    ];
    it.each(refusedFor)('%s', async (_what, fault) => {
      server.fault = () => fault;
      for (const write of [
        client.create(widgets, widget),
        client.mergePatch(widgets, name, {}),
        client.delete(widgets, name),
        client.apply(widgets, widget, { fieldManager: 'test' }),
        client.replaceStatus(widgets, { metadata: { ...name, resourceVersion: '1' } }),
      ]) {
        const error = await failure(write);
        expect(error).toBeInstanceOf(RefusedWrite);
        expect([isNotFound(error), isConflict(error), isAlreadyExists(error)]).toEqual([false, false, false]);
      }
      expect(await failure(client.get(widgets, name).catch((error) => Promise.reject(error)))).not.toBeInstanceOf(
        RefusedWrite,
      );
    });

    const other: readonly [string, ReturnType<typeof status> | 'reset'][] = [
      ['a conflict', status(409, 'Conflict', 'the object has been modified')],
      ['a name that is taken', status(409, 'AlreadyExists', 'exists')],
      ['an object that is gone', status(404, 'NotFound', 'not found')],
      ['wrong credentials', status(401, 'Unauthorized', 'Unauthorized')],
      ['a fault of the server', status(500, 'InternalError', 'etcdserver: leader changed')],
      ['an outage', status(503, 'ServiceUnavailable', 'apiserver not ready')],
      ['a cut connection', 'reset'],
    ];
    it.each(other)('not %s', async (_what, fault) => {
      server.fault = () => fault;
      expect(await failure(client.create(widgets, widget))).not.toBeInstanceOf(RefusedWrite);
    });

    it('names the write, counts it, and asks by a dry run whether it still is', async () => {
      const metrics = new RuntimeMetrics();
      await client.close();
      client = clientWith({ metrics });
      server.fault = () => status(403, 'Forbidden', 'exceeded quota: small');
      const error = await failure(client.replaceStatus(widgets, { metadata: { ...name, resourceVersion: '1' } }));
      if (!(error instanceof RefusedWrite)) throw error;
      expect(error.write).toEqual({ verb: 'update', kind: 'Widget', subresource: 'status', object: name });
      await expect(error.tryAgain()).rejects.toBeInstanceOf(RefusedWrite);
      expect(server.requests.at(-1)?.query.get('dryRun')).toBe('All');
      expect(await metrics.registry.metrics()).toContain(
        'rest_client_refused_writes_total{verb="update",resource="widgets/status",code="403"} 2',
      );
    });
  });

  it('shows what the server says of a refused Secret without the data that was sent', async () => {
    const data = { key: Buffer.from('first-line\nsecond-line').toString('base64') };
    const message = `denied request: first-line and second-line and ${data.key.replace(/=+$/, '')}`;
    server.fault = () => ({ status: 422, body: JSON.stringify({ reason: 'Invalid', message, code: 422 }) });
    const secret = { metadata: name, data };
    const error = await failure(client.create(secrets, secret));
    expect(error.explanation).toBe('denied request: [redacted] and [redacted] and [redacted]');
  });

  it('refuses writes when the guard says so, but not those of Leases', async () => {
    client.guardWrites(() => false);
    expect((await failure(client.create(widgets, widget))).reason).toBe('WriteRefused');
    expect((await failure(client.delete(widgets, name))).reason).toBe('WriteRefused');
    const leases = { group: 'coordination.k8s.io', version: 'v1', kind: 'Lease', plural: 'leases', namespaced: true };
    await client.create(leases, { metadata: name });
    await client.list(widgets);
  });

  it('lists all in one page when the pages expire in the middle', async () => {
    for (let index = 0; index < 700; index++) {
      server.put('/apis/example.org/v1/widgets', { metadata: { namespace: 'a', name: `w${index}` } });
    }
    server.fault = ({ query }) => (query.has('continue') ? { status: 410 } : undefined);
    expect((await client.list(widgets)).items).toHaveLength(700);
  });

  it('counts requests as client-go does', async () => {
    const metrics = new RuntimeMetrics();
    const counting = clientWith({ metrics });
    await counting.create(widgets, widget);
    await failure(counting.create(widgets, widget));
    const text = await metrics.registry.metrics();
    const host = new URL(server.url).host;
    expect(text).toContain(`rest_client_requests_total{code="201",method="POST",host="${host}"} 1`);
    expect(text).toContain(`rest_client_requests_total{code="409",method="POST",host="${host}"} 1`);
    expect(text).toContain('rest_client_resource_requests_total{verb="create",resource="widgets"} 2');
    await counting.close();
  });
});
