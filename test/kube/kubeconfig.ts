import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { KeyAndCertificate } from './certificates.ts';

/** How a kubeconfig's user proves who it is. */
type Credentials = { readonly token: string } | KeyAndCertificate;

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Writes a kubeconfig with one cluster, one user and one context; only its owner can read it. */
export async function writeKubeconfig(
  file: string,
  cluster: { readonly server: string; readonly ca: string },
  user: string,
  credentials: Credentials,
): Promise<void> {
  const name = 'sharenet-local';
  const authentication =
    'token' in credentials
      ? { token: credentials.token }
      : {
          'client-certificate-data': base64(credentials.certificate),
          'client-key-data': base64(credentials.key),
        };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: cluster.server, 'certificate-authority-data': base64(cluster.ca) } }],
    users: [{ name: user, user: authentication }],
    contexts: [{ name, context: { cluster: name, user, namespace: 'default' } }],
    'current-context': name,
  };
  await writeFile(file, stringify(kubeconfig), { mode: 0o600 });
}
