import { expect, test } from 'vitest';
import { refusalAdvice } from './refusal-advice.ts';

// As kube-apiserver 1.36 and policy engines say it.
const sentences: readonly (readonly [sentence: string, who: string])[] = [
  ['secrets "a" is forbidden: exceeded quota: q, requested: count/secrets=1, used: count/secrets=1', 'ResourceQuota'],
  ['secrets "a" is forbidden: status unknown for quota: q, resources: count/secrets', 'ResourceQuota'],
  [
    "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no label",
    'owner of the admission policy',
  ],
  ['admission webhook "validate.kyverno.svc-fail" denied the request: no label', 'owner of the admission policy'],
  ['Internal error occurred: failed calling webhook "v.example.com": connection refused', 'it does not answer'],
  ['secrets is forbidden: User "u" cannot create resource "secrets" in API group ""', 'grants the operator this right'],
  ['shareservers "a" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to', 'this right'],
  ['secrets "a" is forbidden: unable to create new content in namespace b because it is being terminated', 'Nothing'],
  ['Secret "a" is invalid: data: Forbidden: field is immutable when `immutable` is set', 'Delete the object'],
  ['Request entity too large: limit is 3145728', 'smaller'],
  ['ShareServer "a" is invalid: spec.x: Required value', 'CustomResourceDefinitions'],
  ['something new', 'finds out who refuses it'],
];

test.each(sentences)('"%s" is for who can help', (sentence, who) => {
  const advice = refusalAdvice(sentence);
  expect(advice).toContain(who);
  // A condition has the sentence with the advice: why reads both.
  expect(
    refusalAdvice(`the API server refuses to create Secret a: ${sentence}. ${advice} The operator tries again.`),
  ).toBe(advice);
});
