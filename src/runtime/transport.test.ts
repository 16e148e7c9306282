import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { KubeConfig } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/faults/eventually.ts';
import { CertificateAuthority } from '../../test/kube/certificates.ts';
import { ApiError } from './api-error.ts';
import { createLogger } from './logger.ts';
import { Transport } from './transport.ts';

describe('the transport over TLS', () => {
  let folder: string;
  let server: Server;
  let port: number;
  let users: (string | undefined)[];
  /** Where it is set, answers wait for their turn. */
  let held: { readonly path: string; readonly answer: () => void }[] | undefined;
  let transport: Transport;

  const file = (name: string) => join(folder, name);
  const get = () => transport.json({ method: 'GET', path: '/version', verb: 'get', resource: '' });

  /** Serves on the same port with another certificate, and writes the client's files to fit it. */
  async function serve(authority: CertificateAuthority): Promise<void> {
    const { key, certificate } = await authority.issueServer('server');
    const options = { key, cert: certificate, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    server = createServer(options, (request, response) => {
      // The socket of an HTTPS server is a TLS socket, which its types do not say.
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      users.push(Array.isArray(subject.CN) ? subject.CN[0] : subject.CN);
      const answer = () => void response.end('{}');
      if (held === undefined) answer();
      else held.push({ path: request.url ?? '', answer });
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  }

  async function stopServing(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  async function writeFiles(authority: CertificateAuthority, user: string): Promise<void> {
    const client = await authority.issueClient({ commonName: user });
    await writeFile(file('ca.crt'), authority.certificate);
    await writeFile(file('client.crt'), client.certificate);
    await writeFile(file('client.key'), client.key);
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'transport-'));
    users = [];
    held = undefined;
    port = 0;
    const authority = await CertificateAuthority.create('first');
    await serve(authority);
    await writeFiles(authority, 'first-user');
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromOptions({
      clusters: [{ name: 'c', server: `https://127.0.0.1:${port}`, caFile: file('ca.crt'), skipTLSVerify: false }],
      users: [{ name: 'u', certFile: file('client.crt'), keyFile: file('client.key') }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
      currentContext: 'x',
    });
    const logger = createLogger({ level: 'silent', format: 'json' });
    transport = new Transport({ kubeConfig, userAgent: 'test', logger, credentialsTtlMs: 0 });
  });

  afterEach(async () => {
    await transport.close();
    await stopServing();
    await rm(folder, { recursive: true });
  });

  it('uses the certificates of the kubeconfig, and new ones after they rotated', async () => {
    await get();
    await stopServing();
    const second = await CertificateAuthority.create('second');
    await serve(second);
    await expect(get()).rejects.toBeInstanceOf(ApiError);
    await writeFiles(second, 'second-user');
    await get();
    expect(users).toEqual(['first-user', 'second-user']);
  });

  it('goes on with what it has while the files can not be read', async () => {
    await get();
    await rm(file('client.crt'));
    await get();
    expect(users).toEqual(['first-user', 'first-user']);
  });

  it('lets namespaces take turns, so that a thousand requests for one keep no other waiting', async () => {
    const answers: typeof held & object = [];
    held = answers;
    const list = (namespace: string, signal?: AbortSignal) =>
      transport.json({
        method: 'GET',
        path: `/api/v1/namespaces/${namespace}/pods/x`,
        verb: 'get',
        resource: '',
        signal,
      });
    const many = Array.from({ length: 1000 }, () => list('a'));
    await eventually('the most that a namespace gets', () => answers.length === 15);
    const other = list('b');
    await eventually('the other', () => answers.length === 16);
    expect(answers.at(-1)?.path).toContain('/namespaces/b/');
    const impatient = new AbortController();
    const given = list('c', impatient.signal);
    const patient = list('d');
    impatient.abort(new Error('enough'));
    await expect(given).rejects.toThrow('enough');
    for (const { answer } of answers.slice(0, 2)) answer();
    await eventually('one of each', () => answers.length === 18);
    expect(answers.slice(16).map(({ path }) => path.split('/')[4])).toEqual(['a', 'd']);
    held = undefined;
    for (const { answer } of answers) answer();
    await Promise.all([...many, other, patient]);
  });

  it('says so when there are no credentials at all', async () => {
    await rm(file('ca.crt'));
    await expect(get()).rejects.toMatchObject({ status: 0, reason: 'ConnectionFailed' });
  });
});
