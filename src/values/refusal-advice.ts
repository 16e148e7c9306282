/** Who can lift a refusal of the API server, by words of its sentence. The first that fits. */
const advice: readonly (readonly [says: RegExp, whatToDo: string])[] = [
  [
    /being terminated|being deleted/,
    'Nothing: the namespace is being deleted. To keep the object, create it in another namespace.',
  ],
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
  [/immutable/, 'Delete the object that the message names: the operator creates it again.'],
  [
    /too large/,
    'An administrator makes the object that the message names smaller: annotations or data that others wrote count.',
  ],
  [
    /is invalid|strict decoding error|unknown field/,
    'An administrator applies the CustomResourceDefinitions of the version of the operator (config/crd, or the chart).',
  ],
];

const otherwise = 'An administrator of the cluster finds out who refuses it: an admission policy, a quota or a role.';

/** What to do, and who does it, about a write that the API server refused with this sentence. */
export function refusalAdvice(sentence: string): string {
  return advice.find(([says]) => says.test(sentence))?.[1] ?? otherwise;
}
