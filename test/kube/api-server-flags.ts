import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CertificateAuthority } from './certificates.ts';

/**
 * Metadata of every finished request: who, what, which object, the answer's code, annotations. Never bodies, and nothing of what the
 * control plane asks of itself.
 */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived', 'ResponseStarted'],
  rules: [
    { level: 'None', users: ['system:apiserver', 'system:kube-controller-manager', 'system:anonymous'] },
    { level: 'Metadata' },
  ],
};

/** The files that the API server and the controller manager read, absolute paths. */
export interface ServerFiles {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly tokens: string;
  readonly auditPolicy: string;
}

/** Makes certificate, keys, token file and audit policy of an API server in a folder. */
export async function writeServerFiles(
  directory: string,
  authority: CertificateAuthority,
  adminToken: string,
): Promise<ServerFiles> {
  const serving = await authority.issueServer('kube-apiserver');
  const serviceAccount = generateKeyPairSync('ec', {
    namedCurve: 'prime256v1',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const write = async (name: string, content: string) => {
    const file = join(directory, name);
    await writeFile(file, content, { mode: 0o600 });
    return file;
  };
  return {
    ca: await write('ca.crt', authority.certificate),
    certificate: await write('kube-apiserver.crt', serving.certificate),
    key: await write('kube-apiserver.key', serving.key),
    serviceAccountKey: await write('service-account.key', serviceAccount.privateKey),
    serviceAccountPublicKey: await write('service-account.pub', serviceAccount.publicKey),
    tokens: await write('tokens.csv', `${adminToken},admin,admin,"system:masters"\n`),
    auditPolicy: await write('audit-policy.json', JSON.stringify(auditPolicy)),
  };
}

/** The arguments of kube-apiserver. */
export function apiServerFlags(
  files: ServerFiles,
  ports: { readonly etcd: number; readonly apiServer: number },
  auditLog: string | undefined,
): string[] {
  const flags = [
    `--etcd-servers=http://127.0.0.1:${ports.etcd}`,
    `--secure-port=${ports.apiServer}`,
    '--bind-address=127.0.0.1',
    // The default is looked up from the machine's network, of which there may be none.
    '--advertise-address=127.0.0.1',
    // Endpoints of the service "kubernetes" must not be loopback addresses; no one here uses them.
    '--endpoint-reconciler-type=none',
    `--tls-cert-file=${files.certificate}`,
    `--tls-private-key-file=${files.key}`,
    `--client-ca-file=${files.ca}`,
    `--token-auth-file=${files.tokens}`,
    '--authorization-mode=RBAC',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${files.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${files.serviceAccountKey}`,
    '--service-cluster-ip-range=10.0.0.0/24',
    '--disable-admission-plugins=ServiceAccount',
    // Off by default, but on in some distributions: owner references need rights of their own.
    '--enable-admission-plugins=OwnerReferencesPermissionEnforcement',
  ];
  return auditLog === undefined
    ? flags
    : [...flags, `--audit-log-path=${auditLog}`, `--audit-policy-file=${files.auditPolicy}`];
}

/**
 * The arguments of kube-controller-manager: only what acts on the API alone. Without these controllers a namespace
 * never finishes deleting, nothing is garbage-collected and aggregated roles stay empty.
 */
export function controllerManagerFlags(files: ServerFiles, kubeconfig: string, more: readonly string[]): string[] {
  const controllers = [
    'namespace',
    'garbage-collector',
    'serviceaccount',
    'serviceaccount-token',
    'clusterrole-aggregation',
    ...more,
  ];
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.map((name) => `${name}-controller`).join(',')}`,
    '--leader-elect=false',
    '--secure-port=0',
    `--root-ca-file=${files.ca}`,
    `--service-account-private-key-file=${files.serviceAccountKey}`,
  ];
}
