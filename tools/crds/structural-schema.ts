/** A node of the schema of a CustomResourceDefinition (apiextensions.k8s.io/v1 JSONSchemaProps, the part that is used here). */
export type StructuralSchema = Readonly<Record<string, unknown>>;

/** Keywords that a structural schema may have and that need no translation. */
const keptKeywords: ReadonlySet<string> = new Set([
  'default',
  'description',
  'enum',
  'format',
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minProperties',
  'minimum',
  'pattern',
  'required',
  'type',
  'x-kubernetes-int-or-string',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-validations',
]);

/** Tag with what a pattern means, in words that follow the path of the field: the API server shows nothing but the pattern. */
const patternMessage = 'patternMessage';

/** Tags that carry the Kubernetes extensions and ours, to be declared to the schema generator. */
export const kubernetesTags: readonly string[] = [
  ...[...keptKeywords].filter((keyword) => keyword.startsWith('x-')),
  patternMessage,
];

/** The rule of CEL that refuses what a pattern refuses. */
export function patternRule(pattern: string, isIntOrString: boolean): string {
  return `${isIntOrString ? 'type(self) == int || ' : ''}self.matches(r'''${pattern}''')`;
}

/** A type that can't be said in a CustomResourceDefinition, or lacks what this project asks of every field. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Translates JSON Schema, as ts-json-schema-generator makes it, to the structural schema of a CustomResourceDefinition.
 *
 * @param path where the node is, for errors, for example `ShareNetwork.spec.subnets[]`
 * @throws SchemaError for unions, references, tuples and unknown keywords; for a field without a description; for a string, list or
 *   map without a maximum; for a tag whose value could not be parsed
 */
export function structuralSchema(node: unknown, path: string): StructuralSchema {
  if (!isRecord(node)) throw new SchemaError(`${path}: no schema can be made of this type`);
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(node)) {
    if (keyword === 'properties') {
      result[keyword] = properties(value, path);
    } else if (keyword === 'items') {
      result[keyword] = structuralSchema(value, `${path}[]`);
    } else if (keyword === 'additionalProperties') {
      // Structural schemas prune unknown fields by themselves; only maps have a schema here.
      if (isRecord(value) && Object.keys(value).length > 0) result[keyword] = structuralSchema(value, `${path}{}`);
    } else if (keyword === 'const') {
      result.enum = [value];
    } else if (keyword === 'x-kubernetes-validations') {
      result[keyword] = validations(value, path);
    } else if (keyword === patternMessage) {
      if (typeof node.pattern !== 'string') throw new SchemaError(`${path}: ${patternMessage} without a pattern`);
    } else if (keptKeywords.has(keyword)) {
      result[keyword] = value;
    } else {
      throw new SchemaError(`${path}: keyword ${keyword} has no place in a structural schema`);
    }
  }
  // A status is written by the operator: it needs no words, and the rules would cost time.
  if (typeof node[patternMessage] === 'string' && typeof node.pattern === 'string' && !/^\w+\.status\b/.test(path)) {
    delete result.pattern;
    const isIntOrString = node['x-kubernetes-int-or-string'] === true;
    const rule = { rule: patternRule(node.pattern, isIntOrString), message: node[patternMessage] };
    result['x-kubernetes-validations'] = [rule, ...validations(node['x-kubernetes-validations'] ?? [], path)];
  }
  if (result['x-kubernetes-int-or-string'] === true) {
    delete result.type;
  } else if (result.type === 'number') {
    // Every number of the API is a count, a generation or an identifier.
    result.type = 'integer';
    result.format = 'int64';
  }
  if (result.type === 'array') result['x-kubernetes-list-type'] ??= 'atomic';
  checkType(result, path);
  checkMaximum(result, path);
  return result;
}

function properties(value: unknown, path: string): StructuralSchema {
  if (!isRecord(value)) throw new SchemaError(`${path}: properties are no object`);
  const entries = Object.entries(value).map(([name, property]): [string, StructuralSchema] => {
    const schema = structuralSchema(property, `${path}.${name}`);
    if (typeof schema.description !== 'string') {
      throw new SchemaError(`${path}.${name}: has no description; a comment on the line of a brace does not count`);
    }
    return [name, schema];
  });
  return Object.fromEntries(entries);
}

/** A tag with invalid JSON silently becomes a string. */
function validations(value: unknown, path: string): readonly object[] {
  if (!Array.isArray(value)) throw new SchemaError(`${path}: x-kubernetes-validations is no list of rules`);
  return value.map((rule: unknown) => {
    if (!isRecord(rule) || typeof rule.rule !== 'string' || typeof rule.message !== 'string') {
      throw new SchemaError(`${path}: a rule of x-kubernetes-validations lacks rule or message`);
    }
    return { ...rule, rule: celExpression(rule.rule) };
  });
}

/**
 * Joins the lines of a rule and expands `unchanged(<field>)`, our word for an optional field that may be neither changed nor
 * added nor removed. (CEL's own `self.?field == oldSelf.?field` is refused: its cost is not bounded.)
 */
function celExpression(rule: string): string {
  return rule
    .replace(/\s+/g, ' ')
    .trim()
    .replace(
      /\bunchanged\(([\w.]+)\)/g,
      '(has(self.$1) ? has(oldSelf.$1) && self.$1 == oldSelf.$1 : !has(oldSelf.$1))',
    );
}

function checkType(schema: StructuralSchema, path: string): void {
  const type = schema.type;
  const known = ['string', 'integer', 'boolean', 'array', 'object'].some((candidate) => candidate === type);
  if (!known && schema['x-kubernetes-int-or-string'] !== true) {
    throw new SchemaError(`${path}: type ${JSON.stringify(type)} can't be said in a structural schema`);
  }
}

function checkMaximum(schema: StructuralSchema, path: string): void {
  const type = schema.type;
  const keyword =
    type === 'array'
      ? 'maxItems'
      : type === 'object' && schema.properties === undefined
        ? 'maxProperties'
        : (type === 'string' && schema.enum === undefined) || schema['x-kubernetes-int-or-string'] === true
          ? 'maxLength'
          : undefined;
  if (keyword !== undefined && typeof schema[keyword] !== 'number') {
    throw new SchemaError(`${path}: has no ${keyword}`);
  }
}
