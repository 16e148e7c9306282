import type { Informer } from '../../runtime/informer.ts';
import { type KubeObject, nameOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import type { Operator } from '../operator.ts';

/** The field manager that last wrote the phase of an object, read live: the cache keeps no managedFields. */
export async function resetBy<T extends KubeObject>(
  operator: Operator,
  informer: Informer<T>,
  object: T,
): Promise<string> {
  const live = await operator.client.get(informer.type, nameOf(object));
  const owners = (live.metadata.managedFields ?? []).filter(({ fieldsV1 }) => ownsPhase(fieldsV1));
  const names = owners.map(({ manager }) => manager ?? 'unknown');
  return names.length === 0 ? 'an unknown field manager' : `field manager ${safeText(names.join(', '), 128)}`;
}

function ownsPhase(fields: unknown): boolean {
  if (typeof fields !== 'object' || fields === null) return false;
  const status: unknown = Object.entries(fields).find(([key]) => key === 'f:status')?.[1];
  return typeof status === 'object' && status !== null && 'f:phase' in status;
}
