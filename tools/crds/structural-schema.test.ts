import { expect, test } from 'vitest';
import { structuralSchema } from './structural-schema.ts';

const described = { description: 'A field.' };

test('closed objects, constants and numbers become what a CustomResourceDefinition says', () => {
  const schema = structuralSchema(
    {
      type: 'object',
      additionalProperties: false,
      properties: {
        count: { ...described, type: 'number' },
        kind: { ...described, type: 'string', const: 'only' },
        size: { ...described, type: ['string', 'number'], 'x-kubernetes-int-or-string': true, maxLength: 8 },
        names: { ...described, type: 'array', maxItems: 2, items: { type: 'string', maxLength: 8 } },
      },
    },
    'Root',
  );
  expect(schema).toEqual({
    type: 'object',
    properties: {
      count: { ...described, type: 'integer', format: 'int64' },
      kind: { ...described, type: 'string', enum: ['only'] },
      size: { ...described, 'x-kubernetes-int-or-string': true, maxLength: 8 },
      names: {
        ...described,
        type: 'array',
        maxItems: 2,
        items: { type: 'string', maxLength: 8 },
        'x-kubernetes-list-type': 'atomic',
      },
    },
  });
});

test('a rule is one line, and unchanged() compares presence too', () => {
  const rules = (rule: string) => ({
    type: 'object',
    properties: {},
    'x-kubernetes-validations': [{ rule, message: 'no' }],
  });
  expect(structuralSchema(rules('unchanged(spec.a)\n    && true'), 'Root')).toMatchObject({
    'x-kubernetes-validations': [
      {
        rule: '(has(self.spec.a) ? has(oldSelf.spec.a) && self.spec.a == oldSelf.spec.a : !has(oldSelf.spec.a)) && true',
      },
    ],
  });
});

test('a pattern with words becomes a rule, but in a status', () => {
  const text = { type: 'string', maxLength: 8, pattern: '^[a-z]+$', patternMessage: 'must be letters' };
  expect(structuralSchema(text, 'Tree.spec.name')).toEqual({
    type: 'string',
    maxLength: 8,
    'x-kubernetes-validations': [{ rule: "self.matches(r'''^[a-z]+$''')", message: 'must be letters' }],
  });
  expect(structuralSchema(text, 'Tree.status.name')).toEqual({ type: 'string', maxLength: 8, pattern: '^[a-z]+$' });
});

test.each([
  ['words without a pattern', { type: 'string', maxLength: 8, patternMessage: 'no' }, 'without a pattern'],
  ['a union', { anyOf: [{ type: 'string' }, { type: 'array' }] }, 'anyOf'],
  ['a reference', { $ref: '#/definitions/Tree' }, '$ref'],
  ['two types', { type: ['string', 'null'] }, 'type ["string","null"]'],
  ['a string without a maximum', { type: 'string' }, 'maxLength'],
  ['a list without a maximum', { type: 'array', items: { type: 'boolean' } }, 'maxItems'],
  ['a map without a maximum', { type: 'object', additionalProperties: { type: 'boolean' } }, 'maxProperties'],
  [
    'a field without a description',
    { type: 'object', properties: { a: { type: 'boolean' } } },
    'Root.a: has no description',
  ],
  ['a rule that is no JSON', { type: 'boolean', 'x-kubernetes-validations': "[{rule: 'self]" }, 'no list of rules'],
  [
    'a rule without a message',
    { type: 'boolean', 'x-kubernetes-validations': [{ rule: 'self' }] },
    'lacks rule or message',
  ],
])('%s is refused', (_, schema, message) => {
  expect(() => structuralSchema(schema, 'Root')).toThrow(message);
});
