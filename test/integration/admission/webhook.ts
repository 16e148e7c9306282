import { connect } from 'node:tls';
import { probeAdmission } from '../../../src/admission/admission-probe.ts';
import { certificateSecretName } from '../../../src/admission/serving-certificate.ts';
import {
  type ValidatingWebhookConfiguration,
  validatingWebhookConfigurations,
  webhookConfigurationName,
} from '../../../src/admission/webhook-configuration.ts';
import { type Secret, secrets } from '../../../src/runtime/core-types.ts';
import { freePort } from '../../kube/free-port.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { operatorUser } from '../operator-user.ts';
import { TestCluster } from '../test-cluster.ts';

export const operatorNamespace = 'sharenet-system';

/** An operator whose webhook the API server reaches on this machine. */
export interface WebhookOperator {
  readonly operator: OperatorProcess;
  readonly port: number;
}

/** A cluster in which the operator may register its webhook. */
export async function webhookCluster(): Promise<TestCluster> {
  const cluster = await TestCluster.start();
  await cluster.untilMay(operatorUser, {
    verb: 'create',
    group: validatingWebhookConfigurations.group,
    resource: validatingWebhookConfigurations.plural,
    name: webhookConfigurationName,
  });
  return cluster;
}

/** Starts an operator in url mode on a free port; it is ready. */
export async function startWithWebhook(cluster: TestCluster, ...args: readonly string[]): Promise<WebhookOperator> {
  const port = await freePort();
  const operator = await cluster.startOperator('--webhook-mode=url', `--webhook-port=${port}`, ...args);
  return { operator, port };
}

export async function findRegistration(cluster: TestCluster): Promise<ValidatingWebhookConfiguration | undefined> {
  return await cluster.find(validatingWebhookConfigurations, { name: webhookConfigurationName });
}

export async function findCertificateSecret(cluster: TestCluster): Promise<Secret | undefined> {
  return await cluster.find(secrets, { namespace: operatorNamespace, name: certificateSecretName });
}

/** What the registration tells the API server to trust, PEM; the same for all its webhooks. */
export async function trustedBundle(cluster: TestCluster): Promise<string> {
  const webhooks = (await findRegistration(cluster))?.webhooks ?? [];
  const bundles = new Set(webhooks.map(({ clientConfig }) => clientConfig.caBundle ?? ''));
  const [bundle = ''] = bundles;
  if (bundles.size !== 1) throw new Error(`the webhooks have ${bundles.size} different bundles`);
  return Buffer.from(bundle, 'base64').toString('utf8');
}

/**
 * SHA-256 of the certificate that is served on a port.
 * @param ca PEM that must lead to it; any certificate will do without
 * @throws when the handshake fails
 */
export async function servedFingerprint(port: number, ca?: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port, ...(ca === undefined ? { rejectUnauthorized: false } : { ca }) },
      () => {
        resolve(socket.getPeerX509Certificate()?.fingerprint256 ?? '');
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

/** Asks the API server for what the webhook refuses; undefined when the webhook was asked, else what came instead. */
export async function probe(cluster: TestCluster): Promise<string | undefined> {
  return await probeAdmission(cluster.client, operatorNamespace, crypto.randomUUID());
}
