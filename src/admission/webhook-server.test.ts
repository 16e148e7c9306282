import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { Registry } from 'prom-client';
import { afterEach, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { eventually } from '../../test/faults/eventually.ts';
import { createLogger } from '../runtime/logger.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission-review.ts';
import { makeServingCertificate, type SignedCertificate } from './serving-certificate.ts';
import { WebhookMetrics } from './webhook-metrics.ts';
import { WebhookServer } from './webhook-server.ts';

const resource = { group: 'sharenet.io', version: 'v1alpha1', resource: 'shares' };
const spec = { protocol: 'NFS', size: '1Gi' };
const question = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: { uid: 'u-1', resource, operation: 'CREATE', object: { metadata: { name: 'secret-name' }, spec } },
};
const without = (field: string) => ({
  ...question,
  request: Object.fromEntries(Object.entries(question.request).filter(([name]) => name !== field)),
});

describe('the webhook server', () => {
  let certificate: SignedCertificate;
  let other: SignedCertificate;
  let server: WebhookServer;
  let registry: Registry;
  let port: number;
  let logged: string[];
  let review: (request: AdmissionRequest) => AdmissionAnswer;

  beforeAll(async () => {
    certificate = await makeServingCertificate('a', Date.now());
    other = await makeServingCertificate('a', Date.now());
  });

  beforeEach(async () => {
    logged = [];
    review = () => ({ verdict: { allowed: true } });
    registry = new Registry();
    server = new WebhookServer({
      host: '127.0.0.1',
      port: 0,
      review: (asked) => review(asked),
      logger: createLogger({
        level: 'trace',
        format: 'json',
        destination: { write: (line: string) => void logged.push(line) },
      }),
      metrics: new WebhookMetrics(registry),
    });
    server.use(certificate);
    port = await server.listen();
  });

  afterEach(() => server.close());

  interface Sent {
    readonly method?: string;
    readonly path?: string;
    readonly body?: string | Buffer;
    readonly headers?: Readonly<Record<string, string>>;
  }

  async function send({ method = 'POST', path = '/validate', body = '', headers = {} }: Sent) {
    return await new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, path, headers, ca: certificate.authority, agent: false };
      const sent = request(options, async (response) => {
        resolve({ status: response.statusCode ?? 0, body: await text(response) });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  const ask = async (sent: unknown = question) => send({ body: JSON.stringify(sent) });

  it('answers a question with its uid, the verdict and notes for the audit log', async () => {
    review = () => ({ verdict: { allowed: true, warnings: ['w'] }, auditAnnotations: { a: 'b' } });
    const { status, body } = await ask();
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      response: { uid: 'u-1', allowed: true, warnings: ['w'], auditAnnotations: { a: 'b' } },
    });
    review = () => ({ verdict: { allowed: false, code: 409, reason: 'ShareBusy', message: 'it is busy' } });
    expect(JSON.parse((await ask()).body).response).toEqual({
      uid: 'u-1',
      allowed: false,
      status: { code: 409, reason: 'ShareBusy', message: 'it is busy' },
    });
    await eventually('two are counted', async () =>
      (await registry.metrics()).includes(
        'controller_runtime_webhook_requests_total{webhook="/validate",code="200"} 2',
      ),
    );
    const figures = await registry.metrics();
    expect(figures).toContain('sharenet_admission_requests_total{resource="shares",operation="CREATE",code="409"} 1');
    expect(figures).toContain('controller_runtime_webhook_requests_in_flight{webhook="/validate"} 0');
  });

  test.each<[string, Sent, number, RegExp]>([
    ['no JSON', { body: '{"secret-name"' }, 400, /^the body is not JSON\n$/],
    ['no object', { body: 'null' }, 400, /^not an AdmissionReview of admission.k8s.io\/v1: the body/],
    [
      'another version',
      { body: JSON.stringify({ ...question, apiVersion: 'admission.k8s.io/v1beta1' }) },
      400,
      /apiVer/,
    ],
    ['no uid', { body: JSON.stringify(without('uid')) }, 400, /request\.uid/],
    ['no object to judge', { body: JSON.stringify(without('object')) }, 400, /request\.object: must be an object with/],
    ['no operation', { body: JSON.stringify(without('operation')) }, 400, /request\.operation/],
    ['another path', { path: '/', body: '' }, 404, /not found/],
    ['another method', { method: 'GET' }, 405, /only POST/],
    [
      'a body that is said to be too large',
      { headers: { 'content-length': '9000000' } },
      413,
      /more than 8388608 bytes/,
    ],
    [
      'a body that is too large',
      { body: Buffer.alloc(9_000_000), headers: { 'transfer-encoding': 'chunked' } },
      413,
      /more/,
    ],
  ])('refuses %s', async (_what, sent, status, says) => {
    const answer = await send(sent).catch((error: Error) => ({ status: 413, body: `more ${error.message}` }));
    expect(answer.status).toBe(status);
    expect(answer.body).toMatch(says);
    expect(answer.body).not.toContain('secret-name');
    expect(logged).toEqual([]);
    expect((await ask()).status).toBe(200);
  });

  it('answers a question about an object without a spec, which no validator sees', async () => {
    review = () => {
      throw new Error('was asked');
    };
    const { status, body } = await ask({ ...question, request: { ...question.request, object: { metadata: {} } } });
    expect(status).toBe(200);
    expect(JSON.parse(body).response).toMatchObject({
      uid: 'u-1',
      allowed: false,
      status: { code: 422, reason: 'Invalid' },
    });
    expect(logged).toEqual([]);
  });

  it('takes two objects of the size that the API server takes', async () => {
    const annotations = { large: 'x'.repeat(3 * 1024 * 1024) };
    const object = { metadata: { name: 'large', annotations }, spec };
    const update = { ...question.request, operation: 'UPDATE', object, oldObject: object };
    expect((await ask({ ...question, request: update })).status).toBe(200);
  });

  it('logs nothing about who goes away in the middle of a question', async () => {
    const socket = connect({ host: '127.0.0.1', port, ca: certificate.authority });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    socket.write('POST /validate HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{"a"');
    await eventually('it has begun', async () => /in_flight\{.*\} 1$/m.test(await registry.metrics()));
    socket.destroy();
    await eventually('it is over', async () => /in_flight\{.*\} 0$/m.test(await registry.metrics()));
    expect(logged).toEqual([]);
    expect(await registry.metrics()).toContain('requests_total{webhook="/validate",code="400"} 1');
  });

  it('answers 500 when judging fails, and logs why but nothing that was sent', async () => {
    review = () => {
      throw new TypeError('x is undefined');
    };
    expect(await ask()).toEqual({ status: 500, body: 'internal error, see the operator log\n' });
    expect(JSON.parse(logged.at(-1) ?? '')).toMatchObject({
      err: { type: 'TypeError', message: 'x is undefined', stack: expect.stringContaining('webhook-server') },
    });
    expect(logged.join('')).not.toContain('secret-name');
    await eventually('it is counted', async () =>
      (await registry.metrics()).includes('requests_total{webhook="/validate",code="500"} 1'),
    );
  });

  it('shows another certificate to new connections and keeps the present ones', async () => {
    const connected = connect({ host: '127.0.0.1', port, ca: certificate.authority });
    await new Promise((resolve) => connected.once('secureConnect', resolve));
    server.use(other);
    await expect(ask()).rejects.toThrow();
    const body = JSON.stringify(question);
    connected.write(`POST /validate HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
    const answer = await new Promise<string>((resolve) => connected.once('data', (chunk) => resolve(String(chunk))));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    connected.destroy();
  });

  it('speaks TLS 1.2 and newer only, also after a change of the certificate', async () => {
    server.use(other);
    const handshake = (maxVersion: 'TLSv1.1' | 'TLSv1.2') =>
      new Promise<string | null>((resolve, reject) => {
        const options = { host: '127.0.0.1', port, ca: other.authority, minVersion: 'TLSv1' as const, maxVersion };
        const socket = connect({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' }, () => {
          resolve(socket.getProtocol());
          socket.destroy();
        });
        socket.on('error', reject);
      });
    expect(await handshake('TLSv1.2')).toBe('TLSv1.2');
    await expect(handshake('TLSv1.1')).rejects.toThrow(/protocol version/);
  });

  it('says which port it can not listen on', async () => {
    const second = new WebhookServer({
      host: '127.0.0.1',
      port,
      review,
      logger: createLogger({ level: 'silent', format: 'json' }),
      metrics: new WebhookMetrics(new Registry()),
    });
    await expect(second.listen()).rejects.toThrow(
      `the webhook server can not listen on 127.0.0.1:${port}: listen EADDRINUSE`,
    );
  });
});
