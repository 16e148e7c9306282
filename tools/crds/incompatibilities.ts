import { z } from 'zod';
import { looserRules } from './looser-rules.ts';
import { patternRule } from './structural-schema.ts';

const alwaysTrue = 'true';

const rulesSchema = z.array(z.object({ rule: z.string() }));

const schemaNode = z.looseObject({
  get properties() {
    return z.record(z.string(), schemaNode).optional();
  },
  get items() {
    return schemaNode.optional();
  },
  get additionalProperties() {
    return schemaNode.optional();
  },
  required: z.array(z.string()).optional(),
  enum: z.array(z.unknown()).optional(),
  'x-kubernetes-validations': rulesSchema.optional(),
});

/** A node of an OpenAPI schema in a CustomResourceDefinition. */
type SchemaNode = z.infer<typeof schemaNode>;

/** As much of a CustomResourceDefinition as objects that are stored or sent depend on. */
export const definitionSchema = z.object({
  metadata: z.object({ name: z.string() }),
  spec: z.object({
    scope: z.string(),
    names: z.object({
      kind: z.string(),
      plural: z.string(),
      shortNames: z.array(z.string()).optional(),
      categories: z.array(z.string()).optional(),
    }),
    versions: z.array(
      z.object({
        name: z.string(),
        served: z.boolean(),
        schema: z.object({ openAPIV3Schema: schemaNode }),
        subresources: z.record(z.string(), z.unknown()).optional(),
        selectableFields: z.array(z.object({ jsonPath: z.string() })).optional(),
      }),
    ),
  }),
});

/** A parsed CustomResourceDefinition. */
export type Definition = z.infer<typeof definitionSchema>;

/** Values that may only be the same, or disappear where that allows more. */
const fixed = ['type', 'format', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys', 'x-kubernetes-map-type'];
/** What may disappear, but neither come nor change. */
const restrictions = 'pattern not allOf anyOf oneOf multipleOf exclusiveMinimum exclusiveMaximum uniqueItems'.split(
  ' ',
);
const lowerBounds = ['minimum', 'minLength', 'minItems', 'minProperties'];
const upperBounds = ['maximum', 'maxLength', 'maxItems', 'maxProperties'];
const permissions = ['nullable', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-int-or-string'];

/** What of `before`, the last release, `now` breaks for objects, manifests and clients; one sentence each. */
export function incompatibilities(before: readonly Definition[], now: readonly Definition[]): readonly string[] {
  return before.flatMap((old) => {
    const { name } = old.metadata;
    const present = now.find((candidate) => candidate.metadata.name === name);
    if (present === undefined) return [`${name}: the kind is gone`];
    return [...differencesOfKind(name, old, present), ...differencesOfVersions(name, old, present)];
  });
}

function differencesOfKind(name: string, { spec: old }: Definition, { spec: now }: Definition): readonly string[] {
  const lost = (old.names.shortNames ?? []).filter((short) => !now.names.shortNames?.includes(short));
  const left = (old.names.categories ?? []).filter((category) => !now.names.categories?.includes(category));
  return [
    ...(old.scope === now.scope ? [] : [`${name}: the scope was ${old.scope} and is ${now.scope}`]),
    ...(old.names.kind === now.names.kind ? [] : [`${name}: the kind was ${old.names.kind} and is ${now.names.kind}`]),
    ...lost.map((short) => `${name}: the short name ${short} is gone`),
    ...left.map((category) => `${name}: it is not of the category ${category} any more`),
  ];
}

function differencesOfVersions(name: string, old: Definition, now: Definition): readonly string[] {
  return old.spec.versions
    .filter(({ served }) => served)
    .flatMap((version) => {
      const path = `${name} ${version.name}`;
      const present = now.spec.versions.find((candidate) => candidate.name === version.name && candidate.served);
      if (present === undefined) return [`${path}: the version is not served any more`];
      const lost = Object.keys(version.subresources ?? {}).filter((each) => !(each in (present.subresources ?? {})));
      const selectable = new Set((present.selectableFields ?? []).map(({ jsonPath }) => jsonPath));
      const unselectable = (version.selectableFields ?? []).filter(({ jsonPath }) => !selectable.has(jsonPath));
      return [
        ...lost.map((each) => `${path}: the subresource ${each} is gone`),
        ...unselectable.map(({ jsonPath }) => `${path}: ${jsonPath} can not be selected by any more`),
        ...differences(path, version.schema.openAPIV3Schema, present.schema.openAPIV3Schema),
      ];
    });
}

/** @param wasRequired whether every object that is stored has the field */
function differences(path: string, old: SchemaNode, now: SchemaNode, wasRequired = false): readonly string[] {
  return [
    ...differencesOfValues(path, old, now, wasRequired),
    ...differencesOfRules(path, old, now),
    ...below(path, old, now),
  ];
}

function below(path: string, old: SchemaNode, now: SchemaNode): readonly string[] {
  const inProperties = Object.entries(old.properties ?? {}).flatMap(([field, schema]) => {
    const present = now.properties?.[field];
    return present === undefined
      ? [`${path}.${field}: the field is gone`]
      : differences(`${path}.${field}`, schema, present, old.required?.includes(field));
  });
  const inItems = old.items && now.items ? differences(`${path}[]`, old.items, now.items) : [];
  const inValues =
    old.additionalProperties === undefined
      ? []
      : now.additionalProperties === undefined
        ? [`${path}.*: the field is gone`]
        : differences(`${path}.*`, old.additionalProperties, now.additionalProperties);
  return [...inProperties, ...inItems, ...inValues];
}

function differencesOfValues(path: string, old: SchemaNode, now: SchemaNode, wasRequired: boolean): readonly string[] {
  const same = (key: string) => JSON.stringify(old[key]) === JSON.stringify(now[key]);
  const told = (key: string) => `${path}: ${key} was ${text(old[key])} and is ${text(now[key])}`;
  const changed = fixed.filter((key) => !same(key));
  // Also one that comes to a field that had none: objects that are stored have it from then on.
  // One that was required has a value there, which stays.
  const defaults = same('default') || (wasRequired && old.default === undefined) ? [] : ['default'];
  const restricted = restrictions.filter((key) => key in now && !same(key));
  const bounds = [
    ...lowerBounds.filter(
      (key) => bound(now, key, Number.NEGATIVE_INFINITY) > bound(old, key, Number.NEGATIVE_INFINITY),
    ),
    ...upperBounds.filter(
      (key) => bound(now, key, Number.POSITIVE_INFINITY) < bound(old, key, Number.POSITIVE_INFINITY),
    ),
  ];
  const taken = permissions.filter((key) => old[key] === true && now[key] !== true);
  return [...changed, ...defaults, ...restricted, ...bounds, ...taken].map(told);
}

function differencesOfRules(path: string, old: SchemaNode, now: SchemaNode): readonly string[] {
  const required = (now.required ?? []).filter((field) => !old.required?.includes(field));
  const allowed = now.enum?.map(text);
  const refused = old.enum?.map(text).filter((value) => allowed !== undefined && !allowed.includes(value)) ?? [];
  const before = new Set([alwaysTrue, ...(old['x-kubernetes-validations'] ?? []).map(({ rule }) => rule)]);
  // The same in another form: the message has words then.
  if (typeof old.pattern === 'string') before.add(patternRule(old.pattern, old['x-kubernetes-int-or-string'] === true));
  const rules = (now['x-kubernetes-validations'] ?? []).filter(
    ({ rule }) => !before.has(rule) && !before.has(withoutNewFields(rule, old)) && !isLooser(rule, old),
  );
  return [
    ...required.map((field) => `${path}: ${field} is required, which it was not`),
    ...(old.enum === undefined && allowed !== undefined ? [`${path}: only ${allowed.join(', ')} are allowed now`] : []),
    ...refused.map((value) => `${path}: the value ${value} is not allowed any more`),
    ...rules.map(({ rule }) => `${path}: a rule is new or another: ${rule}`),
  ];
}

/**
 * A rule as it was before it named fields that the release did not have: without them `unchanged(field)` is true, and so is what begins
 * with `!has(self.field) ||`.
 */
function withoutNewFields(rule: string, old: SchemaNode): string {
  const isNew = (path: string): boolean => {
    let node: SchemaNode | undefined = old;
    for (const field of path.split('.')) node = node?.properties?.[field];
    return node === undefined;
  };
  const [, guard] = /^!has\(self\.([\w.]+)\) \|\| /.exec(rule) ?? [];
  if (guard !== undefined && isNew(guard)) return alwaysTrue;
  return rule.replaceAll(
    / && \(has\(self\.([\w.]+)\) \? has\(oldSelf\.\1\) && self\.\1 == oldSelf\.\1 : !has\(oldSelf\.\1\)\)/g,
    (clause: string, path: string) => (isNew(path) ? '' : clause),
  );
}

/** Whether a rule takes the place of one that refused more. */
function isLooser(rule: string, old: SchemaNode): boolean {
  const { was } = looserRules.find(({ now }) => now === rule) ?? {};
  const before = old['x-kubernetes-validations']?.map((one) => one.rule) ?? [];
  if (was !== undefined && (old.pattern === was || before.includes(was))) return true;
  // The same, with an exception: nothing binds weaker than "||" but a choice by "?".
  return before.some((one) => !one.includes('?') && rule.endsWith(` || ${one}`));
}

function bound(node: SchemaNode, key: string, none: number): number {
  const value = node[key];
  return typeof value === 'number' ? value : none;
}

function text(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
