import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { storageID } from '../../cluster-state/storage-id.ts';
import { isAlreadyExists, isNotFound } from '../../runtime/api-error.ts';
import { type Secret, secretData, secrets } from '../../runtime/core-types.ts';
import type { Operator } from '../operator.ts';

function nameFor(operator: Operator, server: ShareServer) {
  return { namespace: operator.namespace, name: `share-server-${storageID(server)}` };
}

/** The driver's secret data of a server; empty where it has none. */
export function readBackendSecrets(operator: Operator, server: ShareServer): Readonly<Record<string, string>> {
  const secret = operator.informers.credentials.cache.get(nameFor(operator, server));
  return Object.fromEntries(
    Object.entries(secret?.data ?? {}).map(([key, encoded]) => [key, Buffer.from(encoded, 'base64').toString('utf8')]),
  );
}

/** The secret texts of a server, which must not appear in errors. */
export function secretTexts(operator: Operator, server: ShareServer): readonly string[] {
  return Object.values(readBackendSecrets(operator, server));
}

/** Stores what the driver returned as backendSecrets in a Secret of the operator's namespace. */
export async function storeBackendSecrets(
  operator: Operator,
  server: ShareServer,
  texts: Readonly<Record<string, string>> | undefined,
): Promise<void> {
  if (texts === undefined || Object.keys(texts).length === 0) return;
  const { cache } = operator.informers.credentials;
  const name = nameFor(operator, server);
  const present = cache.get(name);
  const wanted: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { ...name, labels: { [labels.credentialsLabel]: 'true' } },
    type: 'Opaque',
    data: secretData(texts),
  };
  if (present === undefined) {
    try {
      cache.observe(await operator.client.create(secrets, wanted));
      return;
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
  const live = present ?? (await operator.client.get(secrets, name));
  cache.observe(await operator.client.replace(secrets, { ...live, data: { ...live.data, ...wanted.data } }));
}

/** Deletes the server's backend secrets after its teardown. */
export async function deleteBackendSecrets(operator: Operator, server: ShareServer): Promise<void> {
  const name = nameFor(operator, server);
  try {
    await operator.client.delete(secrets, name);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
