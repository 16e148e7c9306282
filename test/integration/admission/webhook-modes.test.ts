import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { apiVersion, securityServices, shareNetworks } from '../../../src/api/v1alpha1/resource-types.ts';
import { atRest, eventually } from '../../faults/eventually.ts';
import { freePort } from '../../kube/free-port.ts';
import { readAuditLog } from '../audit-log.ts';
import { backend, network, share } from '../manifests.ts';
import { Scene } from '../network-change/scene.ts';
import { OperatorProcess } from '../operator-process.ts';
import { RawRequests } from '../rbac/raw-request.ts';
import type { TestCluster } from '../test-cluster.ts';
import {
  findCertificateSecret,
  findRegistration,
  probe,
  startWithWebhook,
  trustedBundle,
  type WebhookOperator,
  webhookCluster,
} from './webhook.ts';

const manifests = join(import.meta.dirname, '../../../config/webhook');
const registration = 'validatingwebhookconfiguration/sharenet-validating-webhook';

/** What /readyz says. */
async function readiness({ healthURL }: OperatorProcess): Promise<string> {
  const answer = await fetch(`${healthURL}/readyz`).catch(() => undefined);
  return (await answer?.text()) ?? '';
}

describe('the webhook of an operator on this machine (url mode)', () => {
  let cluster: TestCluster;
  let webhook: WebhookOperator;
  let namespace: string;

  beforeAll(async () => {
    cluster = await webhookCluster();
    namespace = await cluster.namespace();
    webhook = await startWithWebhook(cluster);
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const metric = async (name: string): Promise<number> => {
    const lines = (await webhook.operator.metrics()).split('\n').filter((line) => line.startsWith(name));
    return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  };

  test('is registered by the operator itself and asked by the API server once it is ready', async () => {
    const { webhooks = [] } = (await findRegistration(cluster)) ?? {};
    expect(webhooks).toMatchObject([
      { name: 'validate.sharenet.io', failurePolicy: 'Ignore', timeoutSeconds: 5, sideEffects: 'None' },
      { name: 'status.sharenet.io', failurePolicy: 'Ignore' },
      { name: 'deletion.sharenet.io', failurePolicy: 'Ignore', timeoutSeconds: 2 },
    ]);
    expect(webhooks.map(({ clientConfig }) => clientConfig.url)).toEqual(
      Array.from({ length: 3 }, () => `https://127.0.0.1:${webhook.port}/validate`),
    );
    expect(await trustedBundle(cluster)).toMatch(/^-----BEGIN CERTIFICATE-----/);
    expect(await probe(cluster)).toBeUndefined();
    expect(await webhook.operator.metrics()).toMatch(/^sharenet_admission_reachable 1$/m);
    const probes = (await readAuditLog(cluster.plane)).filter(({ requestURI }) => requestURI.includes('dryRun=All'));
    expect(probes.at(-1)).toMatchObject({ verb: 'create', responseStatus: { code: 403 } });
  });

  test('warns whoever deletes what is in use, but not who clears up after others', async () => {
    const scene = await Scene.make(cluster, { shares: 1 });
    const { namespace, backendName } = scene;
    const server = (await scene.servers())[0]?.metadata.name;
    const remove = async (type: string, name: string, ...flags: readonly string[]): Promise<string> => {
      const scope = type === 'storagebackend' ? [] : [`--namespace=${namespace}`];
      const args = ['delete', type, name, ...scope, '--wait=false', ...flags];
      const { code, stderr } = await cluster.plane.kubectl(args);
      expect(code, stderr).toBe(0);
      return stderr.trim();
    };
    const used = `not used any more by ShareNetwork net, ShareServer ${server}; keep the Secret of its password until then`;
    const warning = `Warning: SecurityService ad-a stays until it is ${used}`;
    expect(await remove('securityservice', 'ad-b')).toBe('');
    expect(await remove('securityservice', 'ad-a', '--dry-run=server')).toBe(warning);
    const controller = ['--as=system:serviceaccount:kube-system:namespace-controller', '--as-group=system:masters'];
    expect(await remove('securityservice', 'ad-a', ...controller)).toBe('');
    const raw = await RawRequests.of(cluster.plane, { user: 'somebody', groups: ['system:masters'] });
    const collection = `/apis/${apiVersion}/namespaces/${namespace}/securityservices?dryRun=All`;
    expect(await raw.send('DELETE', collection)).toMatchObject({ code: 200, warning: expect.stringContaining(used) });
    await raw.close();
    // Asked once more it still stays.
    expect(await remove('securityservice', 'ad-a')).toBe(warning);
    expect(await remove('sharenetwork', 'net')).toBe(
      'Warning: ShareNetwork net stays until the shares on it are deleted: share-0',
    );
    expect(await remove('storagebackend', backendName, '--dry-run=server')).toMatch(
      new RegExp(
        `^Warning: StorageBackend ${backendName} stays until what is on it is deleted: Share ${namespace}/share-0, `,
      ),
    );
    await scene.kubectl('delete', 'share', 'share-0');
    await cluster.untilGone(shareNetworks, { namespace, name: 'net' });
    await cluster.untilGone(securityServices, { namespace, name: 'ad-a' });
  });

  test('asks nothing of the API server while nothing changes', async () => {
    // Events and counts of the start may still come.
    const requests = () => metric('rest_client_requests_total');
    const before = await atRest('quiet', requests, 1000);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await requests()).toBe(before);
  });

  test('judges new objects and changed specs; labels and what is being deleted do not come to it', async () => {
    const judged = () => metric('sharenet_admission_requests_total{resource="sharenetworks"');
    const before = await judged();
    await cluster.apply(network(namespace, 'asked', []));
    expect(await judged()).toBe(before + 1);
    const kubectl = (...args: string[]) => cluster.kubectl(...args, '-n', namespace);
    await kubectl('label', 'sharenetwork', 'asked', 'a=b');
    await kubectl('annotate', 'sharenetwork', 'asked', 'sharenet.io/reconcile-requested-at=1');
    expect(await judged()).toBe(before + 1);
    await kubectl('annotate', 'sharenetwork', 'asked', 'sharenet.io/reapply-requested-at=1');
    expect(await judged()).toBe(before + 2);
    await kubectl('patch', 'sharenetwork', 'asked', '--type=merge', '-p', '{"spec":{"description":"other"}}');
    expect(await judged()).toBe(before + 3);
    await kubectl('patch', 'sharenetwork', 'asked', '--type=merge', '-p', '{"metadata":{"finalizers":["x.io/y"]}}');
    await kubectl('delete', 'sharenetwork', 'asked', '--wait=false');
    // Only whether there is something to warn of.
    expect(await judged()).toBe(before + 4);
    await kubectl('patch', 'sharenetwork', 'asked', '--type=merge', '-p', '{"spec":{"description":"third"}}');
    await kubectl('patch', 'sharenetwork', 'asked', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await cluster.untilGone(shareNetworks, { namespace, name: 'asked' });
    expect(await judged()).toBe(before + 4);
  });

  test('leaves a note in the audit log of who reset a status, and of nothing else', async () => {
    await cluster.apply(network(namespace, 'net', []));
    const name = { namespace, name: 'net' };
    await cluster.until(shareNetworks, name, 'active', ({ status }) => status?.phase === 'active');
    const alice = await cluster.plane.kubeconfigFor({ user: 'alice', groups: ['system:masters'] });
    const patch = (status: object, as: string) =>
      cluster.kubectl(
        `--kubeconfig=${as}`,
        'patch',
        'sharenetwork',
        'net',
        `--namespace=${namespace}`,
        '--subresource=status',
        '--type=merge',
        `--patch=${JSON.stringify({ status })}`,
      );
    await patch({ observedGeneration: 0 }, alice);
    await patch({ phase: 'network_change' }, alice);
    await patch({ phase: 'active' }, alice);
    const annotation = 'status.sharenet.io/status-reset';
    const notes = await eventually('both notes', async () => {
      const events = await readAuditLog(cluster.plane);
      const found = events.filter(({ annotations }) => annotations?.[annotation] !== undefined);
      return found.length >= 2 && found;
    });
    expect(notes.map(({ user, annotations }) => [user.username, annotations?.[annotation]])).toEqual([
      ['alice', `ShareNetwork ${namespace}/net: active -> network_change by alice`],
      ['alice', `ShareNetwork ${namespace}/net: network_change -> active by alice`],
    ]);
  });

  test('goes on judging while its operator waits for a driver call before it ends', async () => {
    const { stateDirectory } = cluster;
    await cluster.apply(backend('slow', { stateDirectory, latency: '6s' }));
    await cluster.apply(share(namespace, 'slow', { backendName: 'slow', shareNetworkName: 'net' }));
    await eventually('a call', async () =>
      (await cluster.calls()).some((call) => call.backend === 'slow' && call.shareServer),
    );
    const end = webhook.operator.stop();
    await eventually('it stops', async () => (await webhook.operator.log()).includes('"msg":"stopping"'));
    expect(await probe(cluster)).toBeUndefined();
    expect(await end).toBe(0);
    expect(await probe(cluster)).toBeDefined();
    webhook = await startWithWebhook(cluster);
  });

  test('keeps the failurePolicy of an administrator, and tells of other changes instead of undoing them', async () => {
    const patch = (operations: readonly object[]) =>
      cluster.kubectl('patch', registration, '--type=json', `--patch=${JSON.stringify(operations)}`);
    await patch([{ op: 'replace', path: '/webhooks/0/failurePolicy', value: 'Fail' }]);
    await webhook.operator.stop();
    // With Fail and no one there the API server refuses.
    expect(await probe(cluster)).toMatch(/failed calling webhook "validate.sharenet.io"/);
    // On another port, so that there is something to write.
    webhook = await startWithWebhook(cluster);
    const webhooks = (await findRegistration(cluster))?.webhooks ?? [];
    expect(webhooks.map(({ failurePolicy, clientConfig }) => [failurePolicy, clientConfig.url])).toEqual([
      ['Fail', `https://127.0.0.1:${webhook.port}/validate`],
      ['Ignore', `https://127.0.0.1:${webhook.port}/validate`],
      ['Ignore', `https://127.0.0.1:${webhook.port}/validate`],
    ]);
    expect(await probe(cluster)).toBeUndefined();

    await patch([{ op: 'replace', path: '/webhooks/1/rules/0/resources', value: ['sharenetworks/status'] }]);
    await eventually('a word about it', async () =>
      (await webhook.operator.log()).includes('others set fields that the operator needs to set: .webhooks'),
    );
    const [, status] = (await findRegistration(cluster))?.webhooks ?? [];
    expect(status?.rules?.[0]?.resources).toEqual(['sharenetworks/status']);
    expect(await probe(cluster)).toBeUndefined();
    await patch([
      { op: 'replace', path: '/webhooks/1/rules/0/resources', value: ['sharenetworks/status', 'shareservers/status'] },
    ]);
  });

  test('comes back when its registration is deleted', async () => {
    await cluster.kubectl('delete', registration);
    await eventually(
      'asked again',
      async () => (await findRegistration(cluster)) && (await probe(cluster)) === undefined,
    );
  });

  test('is not trusted by force: a caBundle of someone else stays, and what is wrong is reported', async () => {
    const before = Buffer.from(await trustedBundle(cluster)).toString('base64');
    const caBundle = Buffer.from(cluster.plane.ca).toString('base64');
    const value = (bundle: string) =>
      [0, 1, 2].map((index) => ({ op: 'replace', path: `/webhooks/${index}/clientConfig/caBundle`, value: bundle }));
    await cluster.kubectl('patch', registration, '--type=json', `--patch=${JSON.stringify(value(caBundle))}`);
    await eventually('a word about it', async () =>
      (await webhook.operator.log()).includes('.clientConfig.caBundle (conflict with'),
    );
    expect(await trustedBundle(cluster)).toBe(cluster.plane.ca);
    await webhook.operator.stop();
    // Where cert-manager is to say what is trusted, the operator has no conflict to tell of, only that it is not trusted.
    await cluster.kubectl('annotate', registration, 'cert-manager.io/inject-ca-from=a/b');
    const args = ['--webhook-mode=url', `--webhook-port=${webhook.port}`];
    const untrusted = await OperatorProcess.start(cluster.operatorKubeconfig, args, { waitReady: false });
    await eventually('the line', async () =>
      /^\[-\]admission the API server does not reach .*; the last TLS handshake failed: .*bad certificate/m.test(
        await readiness(untrusted),
      ),
    );
    await cluster.kubectl('annotate', registration, 'cert-manager.io/inject-ca-from-');
    await untrusted.stop();
    await cluster.kubectl('patch', registration, '--type=json', `--patch=${JSON.stringify(value(before))}`);
    webhook = await startWithWebhook(cluster);
  });

  test('is registered no more once an operator runs with the webhook off', async () => {
    await webhook.operator.stop();
    expect(await findRegistration(cluster)).toBeDefined();
    const off = await cluster.startOperator('--webhook-mode=off');
    await eventually('gone', async () => (await findRegistration(cluster)) === undefined);
    await eventually('a line about it', async () =>
      (await off.log()).includes('the webhook is off: its registration was removed'),
    );
    await off.stop();
  });
});

describe('the webhook behind a Service (service mode)', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess | undefined;

  beforeAll(async () => {
    cluster = await webhookCluster();
  }, 180_000);

  afterEach(async () => {
    await operator?.stop();
  });

  afterAll(async () => {
    await cluster?.stop();
  });

  async function start(): Promise<OperatorProcess> {
    const args = ['--webhook-mode=service', `--webhook-port=${await freePort()}`];
    // No Service leads anywhere here, so the operator is never ready.
    operator = await OperatorProcess.start(cluster.operatorKubeconfig, args, { waitReady: false });
    return operator;
  }

  test('is not ready, and says what is missing, while nothing is installed', async () => {
    const started = await start();
    await eventually('the line', async () =>
      (await readiness(started)).includes(
        '[-]admission ValidatingWebhookConfiguration sharenet-validating-webhook does not exist: apply config/webhook\n',
      ),
    );
    expect(await findRegistration(cluster)).toBeUndefined();
  });

  test('gets nothing but caBundle from the operator, which survives an apply and leaves alone what others set', async () => {
    const apply = async () => {
      const { code, stderr } = await cluster.plane.kubectl(['apply', '-k', manifests]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    };
    await apply();
    const before = await findRegistration(cluster);
    await cluster.kubectl(
      'patch',
      registration,
      '--type=json',
      '--patch=[{"op":"replace","path":"/webhooks/0/failurePolicy","value":"Fail"}]',
    );
    const started = await start();
    const bundle = await eventually('a bundle', async () => (await trustedBundle(cluster)) || undefined);
    const secret = await findCertificateSecret(cluster);
    expect(Buffer.from(secret?.data?.['ca.crt'] ?? '', 'base64').toString()).toBe(bundle);
    const after = await findRegistration(cluster);
    expect(
      after?.webhooks?.map(({ clientConfig: { caBundle, ...rest }, ...webhook }) => ({ ...webhook, rest })),
    ).toEqual(
      before?.webhooks?.map(({ clientConfig, ...webhook }, index) => ({
        ...webhook,
        ...(index === 0 && { failurePolicy: 'Fail' }),
        rest: clientConfig,
      })),
    );
    const owners = after?.metadata.managedFields?.filter(({ manager }) => manager === 'sharenet-webhook-ca');
    expect(JSON.stringify(owners?.[0]?.fieldsV1)).toMatch(/f:caBundle/);
    expect(JSON.stringify(owners?.[0]?.fieldsV1)).not.toMatch(/f:failurePolicy|f:rules|f:service/);

    await eventually('the line', async () =>
      /^\[-\]admission the API server does not reach the webhook yet: .*failed calling webhook/m.test(
        await readiness(started),
      ),
    );
    await apply();
    expect(await trustedBundle(cluster)).toBe(bundle);
    await cluster.kubectl('replace', '-f', join(manifests, 'validating-webhook-configuration.yaml'));
    await eventually('the bundle is put back', async () => (await trustedBundle(cluster)) === bundle);
  });

  test('leaves caBundle to cert-manager where the registration asks it', async () => {
    await cluster.kubectl('replace', '-f', join(manifests, 'validating-webhook-configuration.yaml'));
    await cluster.kubectl('annotate', registration, 'cert-manager.io/inject-ca-from=sharenet-system/sharenet-webhook');
    const secret = ['-n', 'sharenet-system', 'secret', 'sharenet-webhook-certificate'];
    await cluster.kubectl('delete', ...secret);
    const started = await start();
    await eventually('the line', async () =>
      (await readiness(started)).includes('does not exist: cert-manager has not made the certificate yet'),
    );
    expect(await findCertificateSecret(cluster)).toBeUndefined();
    expect(await trustedBundle(cluster)).toBe('');
  });
});
