import { describe, expect, test } from 'vitest';
import { type Definition, definitionSchema, incompatibilities } from './incompatibilities.ts';

type Version = Definition['spec']['versions'][number];
type Schema = Version['schema']['openAPIV3Schema'];

function definition(spec: Schema, version: Partial<Version> = {}, scope = 'Namespaced'): Definition {
  return definitionSchema.parse({
    metadata: { name: 'things.example.com' },
    spec: {
      scope,
      names: { kind: 'Thing', plural: 'things', shortNames: ['th'], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          subresources: { status: {} },
          selectableFields: [{ jsonPath: '.spec.name' }],
          schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
          ...version,
        },
      ],
    },
  });
}

const before: Schema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', maxLength: 63, pattern: '^[a-z]+$' },
    size: { type: 'integer', minimum: 1, default: 5 },
    mode: { type: 'string', enum: ['one', 'two'], nullable: true },
    tags: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string', maxLength: 10 } },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
  },
  'x-kubernetes-validations': [{ rule: 'self.size < 10' }],
};

function changed(field: string, schema: Schema): Schema {
  return { ...before, properties: { ...before.properties, [field]: { ...before.properties?.[field], ...schema } } };
}

function without(field: string): Schema {
  const { [field]: _gone, ...properties } = before.properties ?? {};
  return { ...before, properties };
}

describe('compatibility with the last release', () => {
  test.each<[string, Schema]>([
    ['nothing', before],
    ['a field is added', changed('colour', { type: 'string', default: 'red' })],
    ['a bound is wider', changed('name', { maxLength: 100 })],
    ['a value is added', changed('mode', { enum: ['one', 'two', 'three'] })],
    ['a rule is taken away', { ...before, 'x-kubernetes-validations': [] }],
    ['a field that had to be given has a default', { ...changed('name', { default: 'a' }), required: [] }],
    ['a field need not be given any more', { ...before, required: [] }],
    ['the pattern is dropped', changed('name', { pattern: undefined })],
    [
      'the pattern is said in words',
      changed('name', {
        pattern: undefined,
        'x-kubernetes-validations': [{ rule: "self.matches(r'''^[a-z]+$''')" }],
      }),
    ],
    [
      'a rule for a field that is new',
      {
        ...changed('fresh', { type: 'string' }),
        'x-kubernetes-validations': [{ rule: '!has(self.fresh) || self.size < 3' }],
      },
    ],
    ['a description is another', changed('name', { description: 'of the thing' })],
  ])('%s: nothing is broken', (_what, now) => {
    const text = JSON.stringify(now);
    expect(incompatibilities([definition(before)], [definition(JSON.parse(text))])).toEqual([]);
  });

  test.each<[string, Schema]>([
    ['.size: the field is gone', without('size')],
    ['.size: type was "integer" and is "string"', changed('size', { type: 'string' })],
    ['.size: default was 5 and is 6', changed('size', { default: 6 })],
    ['.mode: default was nothing and is "one"', changed('mode', { default: 'one' })],
    ['.size: multipleOf was nothing and is 2', changed('size', { multipleOf: 2 })],
    ['.name: anyOf was nothing and is [{"maxLength":3}]', changed('name', { anyOf: [{ maxLength: 3 }] })],
    ['.labels.*: the field is gone', changed('labels', { additionalProperties: undefined })],
    ['.mode: nullable was true and is nothing', changed('mode', { nullable: undefined })],
    ['.tags: maxItems was nothing and is 3', changed('tags', { maxItems: 3 })],
    ['.name: minLength was nothing and is 1', changed('name', { minLength: 1 })],
    ['.size: minimum was 1 and is 2', changed('size', { minimum: 2 })],
    ['.size: maximum was nothing and is 9', changed('size', { maximum: 9 })],
    ['.name: maxLength was 63 and is 10', changed('name', { maxLength: 10 })],
    ['.name: pattern was "^[a-z]+$" and is "^[a-y]+$"', changed('name', { pattern: '^[a-y]+$' })],
    ['.mode: the value "two" is not allowed any more', changed('mode', { enum: ['one'] })],
    ['.name: only "a" are allowed now', changed('name', { enum: ['a'] })],
    ['.tags[]: maxLength was 10 and is 5', changed('tags', { items: { type: 'string', maxLength: 5 } })],
    [
      '.tags: x-kubernetes-list-type was "set" and is "atomic"',
      changed('tags', { 'x-kubernetes-list-type': 'atomic' }),
    ],
    ['.labels.*: type was "string" and is "integer"', changed('labels', { additionalProperties: { type: 'integer' } })],
    [
      ".name: a rule is new or another: self.matches(r'''^[a-y]+$''')",
      changed('name', {
        'x-kubernetes-validations': [{ rule: "self.matches(r'''^[a-y]+$''')" }],
      }),
    ],
    [': size is required, which it was not', { ...before, required: ['name', 'size'] }],
    [
      ': a rule is new or another: !has(self.mode) || self.size < 3',
      { ...before, 'x-kubernetes-validations': [{ rule: '!has(self.mode) || self.size < 3' }] },
    ],
    [
      ': a rule is new or another: self.size < 9',
      { ...before, 'x-kubernetes-validations': [{ rule: 'self.size < 9' }] },
    ],
  ])('%s', (message, now) => {
    const found = incompatibilities([definition(before)], [definition(now)]);
    expect(found).toEqual([`things.example.com v1.spec${message}`]);
  });

  test('a kind, a version, a scope and a subresource stay', () => {
    const old = [definition(before)];
    expect(incompatibilities(old, [])).toEqual(['things.example.com: the kind is gone']);
    expect(incompatibilities(old, [definition(before, { served: false })])).toEqual([
      'things.example.com v1: the version is not served any more',
    ]);
    expect(incompatibilities(old, [definition(before, {}, 'Cluster')])).toEqual([
      'things.example.com: the scope was Namespaced and is Cluster',
    ]);
    expect(incompatibilities(old, [definition(before, { subresources: {} })])).toEqual([
      'things.example.com v1: the subresource status is gone',
    ]);
    expect(incompatibilities(old, [definition(before, { selectableFields: [] })])).toEqual([
      'things.example.com v1: .spec.name can not be selected by any more',
    ]);
    const { metadata, spec } = definition(before);
    const names = { ...spec.names, kind: 'Other', shortNames: [], categories: [] };
    expect(incompatibilities(old, [{ metadata, spec: { ...spec, names } }])).toEqual([
      'things.example.com: the kind was Thing and is Other',
      'things.example.com: the short name th is gone',
      'things.example.com: it is not of the category all any more',
    ]);
  });
});
