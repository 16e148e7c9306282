import { networkInterfaces } from 'node:os';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CertificateAuthority } from '../../../src/admission/certificate-authority.ts';
import { certificateSecretName } from '../../../src/admission/serving-certificate.ts';
import { shareNetworks } from '../../../src/api/v1alpha1/resource-types.ts';
import { secretData } from '../../../src/runtime/core-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { findCertificateSecret, probe, trustedBundle } from '../../integration/admission/webhook.ts';
import { network } from '../../integration/manifests.ts';
import { Scene } from '../../integration/network-change/scene.ts';
import type { OperatorProcess } from '../../integration/operator-process.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { freePort } from '../../kube/free-port.ts';
import { installKindsOf } from '../foreign-kinds.ts';
import { Helm } from './helm.ts';
import { Release } from './release.ts';

const namespace = 'sharenet-system';

/** An address of this machine that a Pod can have: none of the loopback's. */
const address = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

describe.skipIf(address === undefined)('the webhook behind its Service', () => {
  let cluster: TestCluster;
  let helm: Helm;
  let release: Release;
  let pod: OperatorProcess;
  let port: number;
  let scene: Scene;

  beforeAll(async () => {
    cluster = await TestCluster.start({ rights: 'none', services: true });
    helm = await Helm.make(cluster.plane.kubeconfigPath);
    release = new Release(cluster, helm, namespace, address);
    port = await freePort();
  }, 180_000);

  afterAll(async () => {
    await release?.stopPods();
    await helm?.remove();
    await cluster?.stop();
  });

  /** A Pod, and no one to answer is an error. */
  const values = (certManager: object) => ({
    replicas: 1,
    webhook: { port, failurePolicy: 'Fail', certManager },
  });

  /** Takes the directory off a network in use, which a guard refuses. */
  async function refusedWrite(): Promise<string> {
    const given = { input: JSON.stringify(network(scene.namespace, 'net', [])) };
    const { code, stderr } = await cluster.plane.kubectl(['apply', '-f', '-'], given);
    expect(code).toBe(1);
    return stderr;
  }

  test('is reached at the Pod that the Service selects, which is ready then', async () => {
    await release.install(values({ enabled: false }));
    pod = await release.startPod();
    const slices = ['get', 'endpointslices', `--namespace=${namespace}`, '--output=json'];
    const selector = '--selector=kubernetes.io/service-name=sharenet-webhook';
    const { items } = JSON.parse(await cluster.kubectl(...slices, selector));
    expect(items).toMatchObject([{ endpoints: [{ addresses: [address] }], ports: [{ name: 'webhook', port }] }]);
  });

  test('refuses through it what a guard refuses, and with no one behind it nothing is taken', async () => {
    scene = await Scene.make(cluster, { shares: 1 });
    const refusal =
      /^Error from server \(ShareNetworkInUse\): [\s\S]*admission webhook "validate.sharenet.io" denied the request: /;
    expect(await refusedWrite()).toMatch(refusal);
    await pod.stop();
    expect(await refusedWrite()).toMatch(/failed calling webhook "validate.sharenet.io": .*connection refused/);
    pod = await release.startPod();
    expect(await refusedWrite()).toMatch(refusal);
    const { spec } = await cluster.client.get(shareNetworks, { namespace: scene.namespace, name: 'net' });
    expect(spec.securityServices).toHaveLength(1);
  });

  /** Does what cert-manager does for the chart's Certificate: with the Secret, and with the authority in the registration. */
  async function issue(authority: CertificateAuthority): Promise<void> {
    const get = ['get', 'certificate', 'sharenet-webhook', `--namespace=${namespace}`, '--output=json'];
    const { secretName, dnsNames } = JSON.parse(await cluster.kubectl(...get)).spec;
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const made = await authority.issue({ ...validity, commonName: '', usage: 'server', dnsNames });
    const secret = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        namespace,
        name: secretName,
        annotations: { 'cert-manager.io/certificate-name': 'sharenet-webhook' },
      },
      type: 'kubernetes.io/tls',
      data: secretData({ 'ca.crt': authority.certificate, 'tls.crt': made.certificate, 'tls.key': made.key }),
    };
    await applyAs('cert-manager-certificates-issuing', secret);
    const caBundle = Buffer.from(authority.certificate).toString('base64');
    await applyAs('cert-manager-cainjector', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'sharenet-validating-webhook' },
      webhooks: ['validate', 'status', 'deletion'].map((name) => ({
        name: `${name}.sharenet.io`,
        clientConfig: { caBundle },
      })),
    });
    await eventually(
      'it is served',
      async () => (await served().catch(String)) === made.certificate.replaceAll(/-----.*|\s/g, ''),
    );
  }

  async function applyAs(manager: string, object: object): Promise<void> {
    const how = ['apply', '--server-side', '--force-conflicts', `--field-manager=${manager}`, '-f', '-'];
    await cluster.kubectlWithInput(JSON.stringify(object), ...how);
  }

  /** The certificate that is served to a client that trusts the authority of the webhook's registration, DER in base64. */
  async function served(): Promise<string> {
    const ca = await trustedBundle(cluster);
    return await new Promise((resolve, reject) => {
      const socket = connect({ host: address, port, servername: `sharenet-webhook.${namespace}.svc`, ca }, () => {
        resolve(socket.getPeerX509Certificate()?.raw.toString('base64') ?? '');
        socket.destroy();
      });
      socket.on('error', reject);
    });
  }

  test('is served with what cert-manager writes, and with what it writes next while questions are asked', async () => {
    await installKindsOf(cluster.plane, 'cert-manager');
    await release.upgrade(values({ enabled: true }));
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 };
    const authority = await CertificateAuthority.create('of-cert-manager', validity);
    await issue(authority);
    expect(await trustedBundle(cluster)).toBe(authority.certificate);
    await eventually('asked', async () => (await probe(cluster)) === undefined);
    const failures: string[] = [];
    let [asked, over] = [0, false];
    const asking = (async () => {
      while (!over) {
        const instead = await probe(cluster);
        asked += 1;
        if (instead !== undefined) failures.push(instead);
      }
    })();
    for (let renewal = 0; renewal < 3; renewal += 1) {
      await issue(authority);
    }
    over = true;
    await asking;
    expect([failures, asked > 10]).toEqual([[], true]);
    expect(await refusedWrite()).toMatch(/ShareNetworkInUse/);
    // No operator was started again.
    expect((await pod.log()).match(/"serving a new certificate"/g)).toHaveLength(5);
  });

  test("is the operator's own again when cert-manager is asked no more and its Secret is deleted", async () => {
    await release.upgrade(values({ enabled: false }));
    const left = await served();
    // What cert-manager made is served on: it is good, and trusted.
    expect(await probe(cluster)).toBeUndefined();
    await cluster.kubectl('delete', 'secret', certificateSecretName, `--namespace=${namespace}`);
    await eventually('another is served', async () => (await served().catch(() => left)) !== left);
    const secret = await findCertificateSecret(cluster);
    expect(secret?.metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'sharenet-operator' });
    const bundle = Buffer.from(secret?.data?.['ca.crt'] ?? '', 'base64').toString();
    await eventually('it is trusted', async () => (await trustedBundle(cluster)) === bundle);
    expect(await refusedWrite()).toMatch(/ShareNetworkInUse/);
  });

  test('a Secret that cert-manager left is reported as long as no one trusts it', async () => {
    await pod.stop();
    const authority = await CertificateAuthority.create('long-gone', {
      notBefore: Date.now() - 60_000,
      notAfter: Date.now() + 3_600_000,
    });
    const made = await authority.issue({
      ...{ notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 },
      ...{ commonName: 'left', usage: 'server', dnsNames: ['sharenet-webhook.sharenet-system.svc'] },
    });
    const annotations = { 'cert-manager.io/certificate-name': 'sharenet-webhook' };
    await applyAs('cert-manager-certificates-issuing', {
      ...{ apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls' },
      metadata: { namespace, name: certificateSecretName, annotations },
      data: secretData({ 'ca.crt': authority.certificate, 'tls.crt': made.certificate, 'tls.key': made.key }),
    });
    pod = await release.startPod({ waitReady: false });
    const readiness = async () => await (await fetch(`${pod.healthURL}/readyz`).catch(() => undefined))?.text();
    const line = 'admission Secret sharenet-system/sharenet-webhook-certificate belongs to cert-manager, but ';
    await eventually('the line', async () => (await readiness())?.includes(line));
    await cluster.kubectl('delete', 'secret', certificateSecretName, `--namespace=${namespace}`);
    await pod.ready();
  });
});
