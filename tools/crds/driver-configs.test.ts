import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { cephfsConfigSchema } from '../../src/drivers/cephfs/config.ts';
import { dummyConfigSchema } from '../../src/drivers/dummy/config.ts';
import { sambaConfigSchema } from '../../src/drivers/samba/config.ts';

const nodeSchema = z.looseObject({
  properties: z.record(z.string(), z.unknown()).default({}),
  items: z.unknown().optional(),
  required: z.array(z.string()).default([]),
  default: z.unknown().optional(),
  pattern: z.string().optional(),
  'x-kubernetes-validations': z.array(z.object({ rule: z.string() })).default([]),
});

/** Limits of which the driver's must be those of the definition, where the driver has one. */
const limits = ['minimum', 'maximum', 'minItems', 'maxItems', 'maxLength'] as const;

/** In what the driver's schema differs from the definition of the kind; a definition may be stricter where the driver has no limit. */
function differences(path: string, driver: unknown, definition: unknown): readonly string[] {
  const [ours, theirs] = [nodeSchema.parse(driver), nodeSchema.parse(definition ?? {})];
  const found: string[] = [];
  const compare = (what: string, left: unknown, right: unknown): void => {
    const [own, other] = [left, right].map((value) => JSON.stringify(value));
    if (own !== other) found.push(`${path}: ${what} ${own}, in the definition ${other}`);
  };
  compare('fields', Object.keys(ours.properties).sort(), Object.keys(theirs.properties).sort());
  compare('required', ours.required.toSorted(), theirs.required.toSorted());
  // An empty list or object means the same as an absent one.
  if (!['[]', '{}'].includes(JSON.stringify(ours.default))) compare('default', ours.default, theirs.default);
  for (const limit of limits) {
    const own = ours[limit];
    // zod gives whole numbers the limits of JavaScript.
    if (own !== undefined && Math.abs(Number(own)) !== Number.MAX_SAFE_INTEGER) compare(limit, own, theirs[limit]);
  }
  if (ours.pattern !== undefined) {
    const rules = theirs['x-kubernetes-validations'].map(({ rule }) => /matches\(r'''(.*)'''\)/.exec(rule)?.[1]);
    if (![theirs.pattern, ...rules].includes(ours.pattern.replaceAll('\\/', '/'))) {
      found.push(`${path}: pattern ${ours.pattern}, in the definition ${[theirs.pattern, ...rules].join(', ')}`);
    }
  }
  const below = Object.entries(ours.properties).flatMap(([name, property]) =>
    differences(`${path}.${name}`, property, theirs.properties[name]),
  );
  return [...found, ...below, ...(ours.items === undefined ? [] : differences(`${path}[]`, ours.items, theirs.items))];
}

test.each([
  ['dummy', dummyConfigSchema],
  ['cephfs', cephfsConfigSchema],
  ['samba', sambaConfigSchema],
])('the definition of StorageBackend has the fields, defaults and limits of the driver %s', async (name, schema) => {
  const definition = parse(await readFile('crds/sharenet.io_storagebackends.yaml', 'utf8'));
  const { spec } = definition.spec.versions[0].schema.openAPIV3Schema.properties;
  const driver = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' });
  // The operator ensures reservedIDs; the driver ignores them.
  const { reservedIDs: _, ...properties } = spec.properties[name].properties;
  const { reservedIDs: __, ...fields } = nodeSchema.parse(driver).properties;
  const member = { ...spec.properties[name], properties };
  expect(differences(`spec.${name}`, { ...driver, properties: fields }, member)).toEqual([]);
});
