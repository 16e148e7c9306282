import { expect, test } from 'vitest';
import { type RefusalAnswer, refusalAdvice } from './refusal-advice.ts';

const forbidden = { status: 403, reason: 'Forbidden' };
const invalid = { status: 422, reason: 'Invalid' };

// As kube-apiserver 1.36 and policy engines answer.
const answers: readonly (readonly [sentence: string, answer: Partial<RefusalAnswer>, who: string])[] = [
  ['secrets "a" is forbidden: exceeded quota: q, requested: count/secrets=1', forbidden, 'ResourceQuota'],
  ['secrets "a" is forbidden: status unknown for quota: q, resources: count/secrets', forbidden, 'ResourceQuota'],
  [
    "secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'p' denied request: no label",
    invalid,
    'owner of the admission policy',
  ],
  [
    'admission webhook "validate.kyverno.svc-fail" denied the request: no label',
    { status: 400, reason: 'BadRequest' },
    'owner of the admission policy',
  ],
  [
    'Internal error occurred: failed calling webhook "v.example.com": connection refused',
    { status: 500, reason: 'InternalError' },
    'it does not answer',
  ],
  ['secrets is forbidden: User "u" cannot create resource "secrets" in API group ""', forbidden, 'grants the operator'],
  [
    'shareservers "a" is forbidden: cannot set blockOwnerDeletion if an ownerReference refers to',
    forbidden,
    'this right',
  ],
  ['b is going away', { ...forbidden, causes: [{ reason: 'NamespaceTerminating' }] }, 'Nothing'],
  ['Secret "a" is invalid: data: Forbidden: field is immutable when `immutable` is set', invalid, 'Delete the object'],
  ['limit is 3145728', { status: 413, reason: 'RequestEntityTooLarge' }, 'smaller'],
  ['etcdserver: request is too large', { status: 500, reason: 'InternalError' }, 'smaller'],
  ['ShareServer "a" is invalid: spec.x: Required value', invalid, 'CustomResourceDefinitions'],
  ['strict decoding error: unknown field', { status: 400, reason: 'BadRequest' }, 'CustomResourceDefinitions'],
  ['something new', forbidden, 'finds out who refuses it'],
];

test.each(answers)('"%s" is for who can help', (explanation, answer, who) => {
  expect(refusalAdvice({ status: 403, reason: '', causes: [], explanation, ...answer })).toContain(who);
});
