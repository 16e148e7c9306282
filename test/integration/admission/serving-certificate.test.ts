import { createHash, X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../../src/admission/certificate-authority.ts';
import { certificatesOf, webhookHosts } from '../../../src/admission/serving-certificate.ts';
import { type Secret, secrets, secretText } from '../../../src/runtime/core-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { freePort } from '../../kube/free-port.ts';
import { OperatorProcess } from '../operator-process.ts';
import type { TestCluster } from '../test-cluster.ts';
import {
  findCertificateSecret,
  operatorNamespace,
  probe,
  servedFingerprint,
  startWithWebhook,
  trustedBundle,
  type WebhookOperator,
  webhookCluster,
} from './webhook.ts';

const secretName = 'sharenet-webhook-certificate';

describe('the serving certificate of the webhook', () => {
  let cluster: TestCluster;
  let running: WebhookOperator[] = [];

  beforeAll(async () => {
    cluster = await webhookCluster();
  }, 180_000);

  beforeEach(async () => {
    await cluster.kubectl('delete', 'secret', secretName, '-n', operatorNamespace, '--ignore-not-found');
  });

  afterEach(async () => {
    for (const { operator } of running) await operator.stop();
    running = [];
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  async function start(...args: readonly string[]): Promise<WebhookOperator> {
    const started = await startWithWebhook(cluster, ...args);
    running.push(started);
    return started;
  }

  const text = (secret: Secret | undefined, key: string): string =>
    (secret === undefined ? undefined : secretText(secret, key)) ?? '';
  const fingerprintIn = (secret: Secret | undefined): string =>
    new X509Certificate(text(secret, 'tls.crt')).fingerprint256;

  /** Not the data itself, which would be printed where it differs. */
  const digestOf = (secret: Secret | undefined): string =>
    createHash('sha256').update(JSON.stringify(secret?.data)).digest('hex');

  test('is made by the operator for the names that it is reached by, and shared by replicas that start at once', async () => {
    const election = ['--leader-elect', '--leader-election-lease-duration=3'];
    const [one, two] = await Promise.all([start(...election), start(...election)]);
    const secret = await findCertificateSecret(cluster);
    expect(secret).toMatchObject({ type: 'kubernetes.io/tls' });
    expect(Object.keys(secret?.data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    const certificate = new X509Certificate(text(secret, 'tls.crt'));
    for (const host of webhookHosts(operatorNamespace).filter((name) => name !== '127.0.0.1')) {
      expect(certificate.checkHost(host)).toBe(host);
    }
    const bundle = await eventually('the bundle', async () => {
      const trusted = await trustedBundle(cluster);
      return trusted === text(secret, 'ca.crt') && trusted;
    });
    // Each proves its chain to whoever trusts what the API server trusts.
    const served = await Promise.all([one, two].map(({ port }) => servedFingerprint(port, bundle)));
    expect(served).toEqual([fingerprintIn(secret), fingerprintIn(secret)]);
  });

  test('comes back as it was when its Secret is deleted, and is used again by the next process', async () => {
    const { operator, port } = await start();
    const before = await findCertificateSecret(cluster);
    await cluster.kubectl('delete', 'secret', secretName, '-n', operatorNamespace);
    const after = await eventually('the Secret', () => findCertificateSecret(cluster));
    expect(after.metadata.uid).not.toBe(before?.metadata.uid);
    expect(digestOf(after)).toBe(digestOf(before));
    expect(await servedFingerprint(port)).toBe(fingerprintIn(before));
    expect(await probe(cluster)).toBeUndefined();
    await operator.stop();
    const next = await start();
    expect(await servedFingerprint(next.port)).toBe(fingerprintIn(before));
  });

  test('is renewed without a moment in which the API server would not trust it', { timeout: 180_000 }, async () => {
    const { operator, port } = await start();
    // In the place of the good one comes one that is at its end, by an authority that is trusted before.
    const present = await findCertificateSecret(cluster);
    const lifeMs = 24_000;
    const notAfter = Math.ceil((Date.now() + lifeMs) / 1000) * 1000;
    const validity = { notBefore: Date.now() - 3_600_000, notAfter };
    const authority = await CertificateAuthority.create('authority-about-to-end', validity);
    const short = await authority.issue({
      ...validity,
      commonName: 'about-to-end',
      usage: 'server',
      dnsNames: webhookHosts(operatorNamespace).filter((host) => host !== '127.0.0.1'),
      ipAddresses: ['127.0.0.1'],
    });
    const data = (values: Record<string, string>) =>
      JSON.stringify({
        data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, btoa(value)])),
      });
    const patch = (values: Record<string, string>) =>
      cluster.kubectl('patch', 'secret', secretName, '-n', operatorNamespace, '--type=merge', '-p', data(values));
    await patch({ 'ca.crt': text(present, 'ca.crt') + authority.certificate });
    await eventually('the new authority is trusted', async () =>
      (await trustedBundle(cluster)).includes(authority.certificate),
    );
    await patch({ 'tls.crt': short.certificate, 'tls.key': short.key });
    const first = new X509Certificate(short.certificate).fingerprint256;
    await eventually('the short one is served', async () => (await servedFingerprint(port)) === first);

    const seen = new Set<string>();
    const trustedWithFirst = new Set<string>();
    const failures: string[] = [];
    let probes = 0;
    while (Date.now() < notAfter + 3000) {
      const instead = await probe(cluster);
      probes += 1;
      if (instead !== undefined) failures.push(instead);
      // As an API server that connects again with the authority of the registration.
      const bundle = await trustedBundle(cluster);
      const served = await servedFingerprint(port, bundle).catch((error: unknown) => void failures.push(String(error)));
      if (served !== undefined) seen.add(served);
      if (served === first) for (const trusted of certificatesOf(bundle)) trustedWithFirst.add(trusted);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(failures).toEqual([]);
    expect(probes).toBeGreaterThan(30);
    expect([...seen]).toEqual([first, fingerprintIn(await findCertificateSecret(cluster))]);
    expect(seen.size).toBe(2);
    const stored = await findCertificateSecret(cluster);
    // It was trusted while the other was still served.
    expect(trustedWithFirst).toContain(certificatesOf(text(stored, 'ca.crt')).at(-1));
    expect(Object.keys(stored?.data ?? {}).sort()).toEqual(['ca.crt', 'tls.crt', 'tls.key']);
    const log = await operator.log();
    expect(log.match(/to be served soon/g)).toHaveLength(1);
    expect(log.match(/the next certificate of the webhook is served now/g)).toHaveLength(1);
    expect(log).not.toContain('PRIVATE KEY');
    expect(certificatesOf(text(stored, 'ca.crt'))).toHaveLength(3);
  });

  test('is made again at the next start when the operator was away until it ended', async () => {
    const { operator } = await start();
    await operator.stop();
    const validity = { notBefore: Date.now() - 3_600_000, notAfter: Date.now() - 1000 };
    const authority = await CertificateAuthority.create('authority-long-gone', validity);
    const { certificate, key } = await authority.issue({
      ...validity,
      commonName: 'long-gone',
      usage: 'server',
      dnsNames: webhookHosts(operatorNamespace).filter((host) => host !== '127.0.0.1'),
      ipAddresses: ['127.0.0.1'],
    });
    const present = await findCertificateSecret(cluster);
    if (present === undefined) throw new Error('there is no Secret');
    const data = { 'ca.crt': btoa(authority.certificate), 'tls.crt': btoa(certificate), 'tls.key': btoa(key) };
    await cluster.client.replace(secrets, { ...present, data });
    const next = await start();
    const stored = await findCertificateSecret(cluster);
    expect(certificatesOf(text(stored, 'ca.crt'))).toHaveLength(1);
    expect(await servedFingerprint(next.port, text(stored, 'ca.crt'))).toBe(fingerprintIn(stored));
  });

  test('is left alone where someone else made the Secret, with one line about it', async () => {
    const foreign = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { namespace: operatorNamespace, name: secretName },
      stringData: { mine: 'precious' },
    };
    await cluster.apply(foreign);
    const before = await findCertificateSecret(cluster);
    const operator = await OperatorProcess.start(
      cluster.operatorKubeconfig,
      ['--webhook-mode=url', `--webhook-port=${await freePort()}`],
      { waitReady: false },
    );
    try {
      const line = await eventually('the line', async () => {
        const answer = await fetch(`${operator.healthURL}/readyz`).catch(() => undefined);
        return /^\[-\]admission (Secret .*)$/m.exec((await answer?.text()) ?? '')?.[1];
      });
      expect(line).toMatch(
        /^Secret sharenet-system\/sharenet-webhook-certificate was made neither by the operator nor/,
      );
      expect((await findCertificateSecret(cluster))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
      await cluster.kubectl('delete', 'secret', secretName, '-n', operatorNamespace);
      await operator.ready();
      expect((await operator.log()).match(/was made neither by/g)).toHaveLength(1);
    } finally {
      await operator.stop();
      await operator.forget();
    }
  });
});
