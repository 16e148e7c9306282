import type { ApiClient } from '../../runtime/api-client.ts';
import { isForbidden, isNotFound } from '../../runtime/api-error.ts';
import type { KubeObject, ResourceType } from '../../runtime/kube-object.ts';
import type { CauseReader } from './known-object.ts';

/** Reads from the API server, each kind listed once. */
export function causeReader(client: ApiClient, namespace: string): CauseReader {
  const lists = new Map<string, Promise<readonly unknown[]>>();
  return {
    async find(type, name) {
      try {
        return await client.get(type, type.namespaced ? { namespace, name } : { name });
      } catch (error) {
        if (isNotFound(error)) return undefined;
        // A tenant may not see backends.
        if (isForbidden(error)) return 'hidden';
        throw error;
      }
    },
    async list<T extends KubeObject>(type: ResourceType<T>) {
      const known = lists.get(type.plural) ?? client.list(type, { namespace }).then(({ items }) => items);
      lists.set(type.plural, known);
      // The list was stored under the name of this type.
      return (await known) as readonly T[];
    },
  };
}
