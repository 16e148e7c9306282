import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ApiClient } from '../runtime/api-client.ts';
import { isAlreadyExists, isNotFound } from '../runtime/api-error.ts';
import { namespaces, type Secret, secrets } from '../runtime/core-types.ts';

/** Name of the Secret in the operator's namespace that keeps the installation key. */
export const installationSecretName = 'sharenet-installation';

/** Identity of this installation, and the key under which digests of secrets are made. */
export class Installation {
  /** Distinguishes this cluster from others that share a storage system. */
  readonly id: string;
  readonly #key: Buffer;
  readonly #keyID: string;

  constructor(id: string, key: Buffer) {
    this.id = id;
    this.#key = key;
    this.#keyID = createHash('sha256').update(key).digest('hex').slice(0, 8);
  }

  /** Keyed digest of some contents, prefixed with the key's id. It changes when one of them does and tells nothing about them. */
  digest(...contents: readonly (string | Uint8Array)[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const content of contents) hmac.update(`${Buffer.byteLength(content)}:`).update(content);
    return `${this.#keyID}.${hmac.digest('hex').slice(0, 40)}`;
  }

  /**
   * Whether two digests speak of different content. Digests under a lost key can't be compared and count as equal, so that a
   * new installation key changes nothing by itself.
   */
  differs(recorded: string | undefined, present: string | undefined): boolean {
    if (recorded === undefined || present === undefined) return recorded !== present;
    if (!recorded.startsWith(`${this.#keyID}.`)) return false;
    const a = Buffer.from(recorded);
    const b = Buffer.from(present);
    return a.length !== b.length || !timingSafeEqual(a, b);
  }
}

/**
 * Reads the identity of this installation; makes the installation key on the first start.
 * @param configuredID identity chosen by the administrator; absent: the UID of namespace kube-system
 * @throws ApiError where the operator may not read or write it
 */
export async function loadInstallation(
  client: ApiClient,
  operatorNamespace: string,
  configuredID: string | undefined,
): Promise<Installation> {
  const id = configuredID ?? (await client.get(namespaces, { name: 'kube-system' })).metadata.uid ?? '';
  return new Installation(id, await installationKey(client, operatorNamespace));
}

async function installationKey(client: ApiClient, namespace: string): Promise<Buffer> {
  const name = { namespace, name: installationSecretName };
  for (;;) {
    let secret: Secret;
    try {
      secret = await client.get(secrets, name);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      try {
        secret = await client.create(secrets, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: name,
          type: 'Opaque',
          data: { key: randomBytes(32).toString('base64') },
        });
      } catch (raced) {
        if (isAlreadyExists(raced)) continue;
        throw raced;
      }
    }
    const key = Buffer.from(secret.data?.key ?? '', 'base64');
    if (key.length < 32) {
      throw new Error(
        `Secret ${namespace}/${installationSecretName}: key is missing or shorter than 32 bytes; delete the Secret to have a new one made`,
      );
    }
    return key;
  }
}
