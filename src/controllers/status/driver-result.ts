import { isConflict } from '../../runtime/api-error.ts';
import type { Informer } from '../../runtime/informer.ts';
import { type KubeObject, nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';

const attempts = 8;

/**
 * Writes what a driver answered. A conflict with an unrelated edit must not lose a finished call: it is worked out again on
 * the fresh object, as long as that is the same object and `write` still finds the state that the call belongs to.
 * @param write works on the given version; answers undefined when the object has moved on and the result is void
 * @throws ApiError with the last conflict, or any other failure of the API server
 */
export async function writeDriverResult<T extends KubeObject>(
  operator: Operator,
  informer: Informer<T>,
  object: T,
  write: (fresh: T) => Promise<T> | undefined,
): Promise<T | undefined> {
  let fresh = object;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await write(fresh);
    } catch (error) {
      if (!isConflict(error) || attempt === attempts) throw error;
      fresh = await operator.client.get(informer.type, nameOf(object));
      if (uidOf(fresh) !== uidOf(object)) return undefined;
    }
  }
}
