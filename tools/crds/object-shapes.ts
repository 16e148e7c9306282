import { z } from 'zod';

/** What of a CustomResourceDefinition says how its objects are nested. */
const definitionSchema = z.object({
  spec: z.object({
    names: z.object({ plural: z.string() }),
    versions: z.tuple([z.object({ schema: z.object({ openAPIV3Schema: z.unknown() }) })]),
  }),
});
const schemaSchema = z.looseObject({
  type: z.string().optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  required: z.array(z.string()).optional(),
  items: z.unknown().optional(),
  maxItems: z.number().optional(),
  additionalProperties: z.unknown().optional(),
  'x-kubernetes-int-or-string': z.boolean().optional(),
});

/**
 * The JSON Schemas of specs and statuses by resource: types, required fields and lengths of lists. What else the definitions ask for
 * may become stricter, and an object that is stored already may break it.
 */
export function objectShapes(definitions: readonly object[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    definitions.map((definition) => {
      const { names, versions } = definitionSchema.parse(definition).spec;
      const { properties = {} } = schemaSchema.parse(versions[0].schema.openAPIV3Schema);
      const { spec, status } = properties;
      return [names.plural, shapeOf({ type: 'object', properties: { spec, status }, required: ['spec'] })];
    }),
  );
}

function shapeOf(schema: unknown): object {
  const { type, properties, required, items, maxItems, additionalProperties, ...rest } = schemaSchema.parse(schema);
  if (rest['x-kubernetes-int-or-string'] === true) return { type: ['integer', 'string'] };
  return {
    ...(type !== undefined && { type }),
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, shapeOf(value)])),
    }),
    ...(required !== undefined && { required }),
    ...(items !== undefined && { items: shapeOf(items) }),
    ...(maxItems !== undefined && { maxItems }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: shapeOf(additionalProperties) }),
  };
}
