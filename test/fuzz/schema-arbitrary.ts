import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse } from 'yaml';

/** The parts of a CRD's OpenAPI schema that values are generated from. CEL rules are left to the API server, but for those that stand for a pattern. */
export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string }[];
}

/** Arbitraries that take the place of what the schema says, by path: `subnets[].cidr`. `undefined` leaves an optional field out. */
export type Overrides = Readonly<Record<string, fc.Arbitrary<unknown> | undefined>>;

/** Longer texts and lists find nothing more and cost time. */
const longestText = 40;
const longestList = 4;

/** The schema of `spec` in crds/. */
export function specSchema(plural: string): Schema {
  return partSchema(plural, 'spec');
}

/** The schema of `status` in crds/. */
export function statusSchema(plural: string): Schema {
  return partSchema(plural, 'status');
}

function partSchema(plural: string, part: 'spec' | 'status'): Schema {
  const path = new URL(`../../crds/sharenet.io_${plural}.yaml`, import.meta.url).pathname;
  return parse(readFileSync(path, 'utf8')).spec.versions[0].schema.openAPIV3Schema.properties[part];
}

/** Values that a schema allows. */
export function valuesOf(schema: Schema, overrides: Overrides = {}, path = ''): fc.Arbitrary<unknown> {
  const override = overrides[path];
  if (override !== undefined) return override;
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema['x-kubernetes-int-or-string'] === true) return texts(schema);
  switch (schema.type) {
    case 'object':
      return objects(schema, overrides, path);
    case 'array':
      return arrays(schema, overrides, path);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -(2 ** 31), max: Math.min(schema.maximum ?? 2 ** 31, 2 ** 40) });
    case 'boolean':
      return fc.boolean();
    default:
      return texts(schema);
  }
}

function objects(schema: Schema, overrides: Overrides, path: string): fc.Arbitrary<unknown> {
  const { properties, additionalProperties, required = [] } = schema;
  if (properties === undefined) {
    return additionalProperties === undefined
      ? fc.constant({})
      : fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), valuesOf(additionalProperties, overrides, `${path}{}`), {
          maxKeys: 2,
        });
  }
  const fields = Object.entries(properties).flatMap(([name, property]) => {
    const inner = path === '' ? name : `${path}.${name}`;
    return inner in overrides && overrides[inner] === undefined
      ? []
      : [[name, valuesOf(property, overrides, inner)] as const];
  });
  return fc.record(Object.fromEntries(fields), {
    requiredKeys: required.filter((name) => fields.some(([field]) => field === name)),
  });
}

function arrays(schema: Schema, overrides: Overrides, path: string): fc.Arbitrary<unknown> {
  if (schema.items === undefined) return fc.constant([]);
  const keys = schema['x-kubernetes-list-map-keys'];
  const bounds = { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? longestList, longestList) };
  const item = valuesOf(schema.items, overrides, `${path}[]`);
  if (keys === undefined && schema['x-kubernetes-list-type'] !== 'set') return fc.array(item, bounds);
  const identity = (value: unknown): string =>
    JSON.stringify(keys?.map((key) => Reflect.get(Object(value), key)) ?? value);
  return fc.uniqueArray(item, { ...bounds, selector: identity });
}

/** The pattern of which a rule says in words what it means. */
function patternIn({ 'x-kubernetes-validations': rules = [] }: Schema): string | undefined {
  return rules.flatMap(
    ({ rule }) => /^(?:type\(self\) == int \|\| )?self\.matches\(r'''(.*)'''\)$/s.exec(rule)?.[1] ?? [],
  )[0];
}

function texts(schema: Schema): fc.Arbitrary<string> {
  const { minLength = 0, maxLength = longestText } = schema;
  const pattern = schema.pattern ?? patternIn(schema);
  const bounds = { minLength, maxLength: Math.min(maxLength, longestText) };
  if (pattern === undefined) return fc.string({ ...bounds, unit: 'grapheme' });
  const allowed = new RegExp(pattern, 'u');
  const fits = (text: string): boolean =>
    allowed.test(text) && [...text].length >= minLength && [...text].length <= maxLength;
  // fast-check does not generate from classes of Unicode properties.
  if (pattern.includes('\\p{')) return fc.string({ ...bounds, unit: 'grapheme' }).filter(fits);
  return fc.stringMatching(allowed, { size: '-1' }).filter(fits);
}
