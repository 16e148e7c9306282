import { schemaVersion, schemaVersionAnnotation } from '../../src/api/v1alpha1/schema-version.ts';
import type { KindDefinition } from './kinds.ts';
import { SchemaError, type StructuralSchema, structuralSchema } from './structural-schema.ts';

/** The fields that every object has; the API server itself describes what is in `metadata`. */
const objectFields = {
  apiVersion: {
    type: 'string',
    description:
      'Version of the schema of this object, `sharenet.io/v1alpha1`. More: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
  },
  kind: {
    type: 'string',
    description:
      'Kind of this object. More: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
  },
  metadata: { type: 'object' },
};

/** The parts of an object's JSON Schema that are looked at here; {@link structuralSchema} checks the rest. */
interface ObjectSchema {
  readonly $schema?: unknown;
  readonly definitions?: Readonly<Record<string, unknown>> | undefined;
  readonly required?: unknown;
  readonly properties?: Readonly<Record<string, unknown>> | undefined;
}

/** The name under which the CustomResourceDefinition is installed. */
function definitionName({ type }: KindDefinition): string {
  return `${type.plural}.${type.group}`;
}

/**
 * Puts the CustomResourceDefinition of a kind together.
 *
 * @param jsonSchema the schema of the kind's interface as ts-json-schema-generator makes it
 * @throws SchemaError when the interface can't be said in a CustomResourceDefinition
 */
export function customResourceDefinition(kind: KindDefinition, jsonSchema: ObjectSchema): object {
  const { type } = kind;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: definitionName(kind),
      annotations: { [schemaVersionAnnotation]: String(schemaVersion) },
    },
    spec: {
      group: type.group,
      names: {
        kind: type.kind,
        listKind: `${type.kind}List`,
        plural: type.plural,
        singular: type.kind.toLowerCase(),
        shortNames: [kind.shortName],
        categories: ['sharenet'],
      },
      scope: type.namespaced ? 'Namespaced' : 'Cluster',
      versions: [
        {
          name: type.version,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: kind.columns,
          ...(kind.selectableFields.length > 0 && {
            selectableFields: kind.selectableFields.map((jsonPath) => ({ jsonPath })),
          }),
          schema: { openAPIV3Schema: rootSchema(type.kind, jsonSchema) },
        },
      ],
    },
  };
}

function rootSchema(kind: string, jsonSchema: ObjectSchema): StructuralSchema {
  // `metadata` is known to the API server, and `definitions` is empty unless a type refers to itself.
  const { $schema: _, definitions = {}, required: __, properties = {}, ...root } = jsonSchema;
  if (Object.keys(definitions).length > 0) {
    throw new SchemaError(`${kind}: the generator left references: ${Object.keys(definitions).join(', ')}`);
  }
  const { spec, status } = properties;
  const schema = structuralSchema({ ...root, properties: { spec, status } }, kind);
  return {
    ...schema,
    required: ['spec'],
    properties: { ...objectFields, ...(schema as ObjectSchema).properties },
  };
}
