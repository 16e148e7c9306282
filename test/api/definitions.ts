import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';

/** Folder of the generated CustomResourceDefinitions. */
export const crdsDirectory = join(import.meta.dirname, '../../crds');

const definitionSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    names: z.looseObject({ kind: z.string(), plural: z.string() }),
    scope: z.enum(['Namespaced', 'Cluster']),
    versions: z.array(z.looseObject({ schema: z.looseObject({ openAPIV3Schema: z.unknown() }) })),
  }),
});

/** The part of a CustomResourceDefinition that tests look at. */
export type Definition = z.infer<typeof definitionSchema>;

/** Reads the generated CustomResourceDefinitions. */
export async function readDefinitions(): Promise<readonly Definition[]> {
  const names = (await readdir(crdsDirectory)).filter((name) => name.endsWith('.yaml'));
  return Promise.all(
    names.map(async (name) => definitionSchema.parse(parse(await readFile(join(crdsDirectory, name), 'utf8')))),
  );
}

/** Where the API server serves the objects of a kind; namespace default where there are namespaces. */
export function collectionPath({ spec: { names, scope } }: Definition): string {
  return `/apis/sharenet.io/v1alpha1/${scope === 'Namespaced' ? 'namespaces/default/' : ''}${names.plural}`;
}

/** The messages of all validation rules below a node of a schema. */
export function ruleMessages(node: unknown): readonly string[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([key, value]) =>
    key === 'x-kubernetes-validations'
      ? z
          .array(z.looseObject({ message: z.string() }))
          .parse(value)
          .map(({ message }) => message)
      : ruleMessages(value),
  );
}

const constraints: ReadonlySet<string> = new Set([
  'x-kubernetes-validations',
  'pattern',
  'maxLength',
  'minLength',
  'maxItems',
  'minItems',
  'maximum',
  'minimum',
]);

/** The same without rules, patterns and bounds: the definition of a time before they were thought of. */
export function withoutConstraints<T>(node: T): T {
  return JSON.parse(JSON.stringify(node), (key, value: unknown) => (constraints.has(key) ? undefined : value));
}
