import { shareNetworks, shareServers } from '../api/v1alpha1/resource-types.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import { safeText } from '../values/safe-text.ts';
import type { AdmissionRequest } from './admission-review.ts';

/** Name of the note in the audit log; the API server puts the webhook's name before it. */
export const statusResetAnnotation = 'status-reset';

/**
 * The note about a write of a status that changes the phase: what, from which phase to which, by whom. Undefined for any other.
 * @param operatorUser the name that the API server knows the operator by: what it writes is no reset
 */
export function statusResetNote(request: AdmissionRequest, operatorUser: string): string | undefined {
  if (request.operation !== 'UPDATE' || request.subResource !== 'status') return undefined;
  const type = [shareNetworks, shareServers].find(({ plural }) => plural === request.resource.resource);
  const user = request.userInfo?.username ?? '';
  const from = phaseOf(request.oldObject);
  const to = phaseOf(request.object);
  if (type === undefined || user === operatorUser || from === to) return undefined;
  const name = `${request.namespace ?? ''}/${request.name ?? ''}`;
  return safeText(`${type.kind} ${name}: ${from} -> ${to} by ${user === '' ? 'an unknown user' : user}`);
}

function phaseOf(object: KubeObject): string {
  const status = 'status' in object ? object.status : undefined;
  const phase = typeof status === 'object' && status !== null && 'phase' in status ? status.phase : undefined;
  return typeof phase === 'string' ? phase : 'none';
}
