/** The parts of ObjectMeta that a controller needs (Kubernetes API conventions, "Metadata"). */
export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
  readonly managedFields?: readonly ManagedFieldsEntry[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface ManagedFieldsEntry {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly time?: string;
  readonly fieldsV1?: unknown;
}

/** Any object of the Kubernetes API as a controller sees it. */
export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: ObjectMeta;
}

/** Where the API server serves a kind, and what its objects look like in TypeScript (`T` is carried for inference only). */
export interface ResourceType<T extends KubeObject = KubeObject> {
  /** API group; empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The last segment of the URL, for example `sharenetworks`. */
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: it only ties the kind to its TypeScript type. */
  readonly _object?: T;
}

/** Name of one object; `namespace` is absent for cluster-scoped kinds. */
export interface ObjectName {
  readonly namespace?: string;
  readonly name: string;
}

/** Name of an object. */
export function nameOf(object: KubeObject): ObjectName {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}

/** UID of an object that was read from the API server. */
export function uidOf(object: { readonly metadata: { readonly uid?: string } }): string {
  return object.metadata.uid ?? '';
}
