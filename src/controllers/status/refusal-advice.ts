import type { ApiError } from '../../runtime/api-error.ts';

/** The answer of the API server to a write, as far as it says who can lift the refusal. */
export type RefusalAnswer = Pick<ApiError, 'status' | 'reason' | 'explanation' | 'causes'>;

/**
 * Quotas, RBAC, admission policies and webhooks have only their sentence to tell them apart: the API server gives all of them status
 * 403 or a status that a webhook chose, the reason Forbidden or none, and no causes.
 */
const bySentence: readonly (readonly [says: RegExp, whatToDo: string])[] = [
  [
    /failed (?:calling|to call) webhook/,
    'An administrator of the cluster restores the admission webhook that the message names; it does not answer.',
  ],
  [
    /denied (?:the )?request/,
    'The owner of the admission policy or webhook that the message names allows what the message describes, for example by an exception for the service account of the operator.',
  ],
  [
    /exceeded quota|status unknown for quota|failed quota/,
    'The administrator of the namespace raises the ResourceQuota that the message names, or deletes objects that it counts.',
  ],
  [
    /\bcannot \S+ (?:sub)?resource|cannot set (?:blockOwnerDeletion|an ownerRef)/,
    'An administrator of the cluster grants the operator this right: apply its roles (config/rbac, or the chart) again.',
  ],
  [/field is immutable/, 'Delete the object that the message names: the operator creates it again.'],
  // etcd, whose answer reaches the client as an internal error.
  [/request is too large/, smaller()],
];

const otherwise = 'An administrator of the cluster finds out who refuses it: an admission policy, a quota or a role.';

/** What to do, and who does it, about a write that the API server refused. */
export function refusalAdvice({ status, reason, explanation = '', causes }: RefusalAnswer): string {
  if (causes.some((cause) => cause.reason === 'NamespaceTerminating')) {
    return 'Nothing: the namespace is being deleted. To keep the object, create it in another namespace.';
  }
  if (status === 413) return smaller();
  const found = bySentence.find(([says]) => says.test(explanation))?.[1];
  if (found !== undefined) return found;
  if (reason === 'Invalid' || reason === 'BadRequest') {
    return 'An administrator applies the CustomResourceDefinitions of the version of the operator (config/crd, or the chart).';
  }
  return otherwise;
}

function smaller(): string {
  return 'An administrator makes the object that the message names smaller: annotations or data that others wrote count.';
}
