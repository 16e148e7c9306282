/** Annotation of the CRDs: which version of the schemas in this folder they were generated from. */
export const schemaVersionAnnotation = 'sharenet.io/schema-version';

/**
 * Version of the schemas, to be raised with every added field that the operator needs to store. An operator that finds CRDs
 * with a lower one would lose data in pruned fields, so it refuses to start.
 */
export const schemaVersion = 2;
