import { z } from 'zod';
import * as labels from '../../../src/api/v1alpha1/labels.ts';
import { type Definition, readDefinitions } from '../../api/definitions.ts';

/** A place of an object where a person can put a text. */
export interface TextField {
  readonly kind: string;
  /** Names of fields, keys of maps, and 0 for an item of a list. */
  readonly path: readonly (string | 0)[];
}

const schemaNode = z.looseObject({
  type: z.string().optional(),
  enum: z.array(z.unknown()).optional(),
  properties: z.record(z.string(), z.unknown()).optional(),
  items: z.unknown().optional(),
  additionalProperties: z.unknown().optional(),
  'x-kubernetes-int-or-string': z.boolean().optional(),
  'x-kubernetes-preserve-unknown-fields': z.boolean().optional(),
});

function textsOf(node: unknown, path: readonly (string | 0)[]): readonly (readonly (string | 0)[])[] {
  const schema = schemaNode.parse(node);
  if (schema.type === 'string' || schema['x-kubernetes-int-or-string'] === true) return [path];
  const inner = Object.entries(schema.properties ?? {}).flatMap(([name, property]) =>
    textsOf(property, [...path, name]),
  );
  if (schema.items !== undefined) inner.push(...textsOf(schema.items, [...path, 0]));
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) inner.push([...path, 'anything']);
  if (typeof schema.additionalProperties === 'object')
    inner.push(...textsOf(schema.additionalProperties, [...path, 'key']));
  return inner;
}

function fieldsOf({ spec: { names, versions } }: Definition): readonly TextField[] {
  const root = schemaNode.parse(versions[0]?.schema.openAPIV3Schema);
  const specTexts = textsOf(root.properties?.spec, ['spec']);
  const paths = [...specTexts, ['metadata', 'annotations'], ['metadata', 'labels', 'example.com/team']];
  return paths.map((path) => ({ kind: names.kind, path }));
}

/** Every such place of every kind, read from the CustomResourceDefinitions: a new field is tried without a new test. */
export async function textFields(): Promise<readonly TextField[]> {
  return (await readDefinitions()).flatMap(fieldsOf);
}

/** Keys of annotations: ours, and one that means nothing to the operator. */
const annotationKeys: readonly string[] = [...Object.values(labels), 'example.com/note'];

/** A copy of an object with a text put there, or in all annotations at once; what is missing on the way is made. */
export function withText<T extends object>(object: T, path: TextField['path'], text: string): T {
  const copy = structuredClone(object);
  if (path.at(-1) === 'annotations') {
    const annotations = Object.fromEntries(annotationKeys.map((key) => [key, text]));
    return Object.assign(copy, { metadata: { ...Reflect.get(copy, 'metadata'), annotations } });
  }
  let container: unknown = copy;
  path.forEach((step, index) => {
    if (typeof container !== 'object' || container === null) throw new TypeError(`no place for ${path.join('.')}`);
    const next: unknown = index === path.length - 1 ? text : typeof path[index + 1] === 'number' ? [] : {};
    const present: unknown = Reflect.get(container, step);
    if (index === path.length - 1 || present === undefined) Reflect.set(container, step, next);
    container = Reflect.get(container, step);
  });
  return copy;
}
