import type { ObjectName, ResourceType } from './kube-object.ts';

/** `apiVersion` of the objects of a kind. */
export function apiVersionOf(type: ResourceType): string {
  return type.group === '' ? type.version : `${type.group}/${type.version}`;
}

/**
 * URL path of a collection: all namespaces when `namespace` is absent.
 *
 * @throws TypeError when the namespace is not a valid path segment.
 */
export function collectionPath(type: ResourceType, namespace?: string): string {
  const root = type.group === '' ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
  const scope = type.namespaced && namespace !== undefined ? `/namespaces/${segment(namespace, 'namespace')}` : '';
  return `${root}${scope}/${type.plural}`;
}

/** URL path of one object, or of one of its subresources. */
export function objectPath(type: ResourceType, name: ObjectName, subresource?: string): string {
  if (type.namespaced && name.namespace === undefined) {
    throw new TypeError(`${type.kind} "${name.name}": a namespace is needed`);
  }
  const path = `${collectionPath(type, name.namespace)}/${segment(name.name, 'name')}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Names can come from a user's spec: one with a slash would reach another resource or namespace, so it is refused as client-go does. */
function segment(value: string, what: string): string {
  if (value === '' || value === '.' || value === '..' || /[/%]/.test(value)) {
    throw new TypeError(`${JSON.stringify(value)} can not be the ${what} of an object`);
  }
  return encodeURIComponent(value);
}
