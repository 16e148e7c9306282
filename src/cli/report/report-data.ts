import { apiGroup } from '../../api/v1alpha1/resource-types.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import type { Redaction } from './redaction.ts';

/** What a report hides besides people, clients and free text. */
export interface HidingOptions {
  /** Addresses, names of hosts and domains. */
  readonly addresses: boolean;
}

/** Fields of our kinds that name people or clients, or are free text: what they are. */
const personal: Readonly<Record<string, string>> = {
  accessTo: 'client',
  user: 'user',
  ou: 'unit',
  description: 'text',
};

/** Fields of our kinds that say where something is. */
const places: Readonly<Record<string, string>> = {
  address: 'address',
  allocationRanges: 'address',
  cidr: 'address',
  cidrs: 'address',
  deniedRanges: 'address',
  dnsIPs: 'address',
  domain: 'domain',
  gateway: 'address',
  ipAddress: 'address',
  monitors: 'address',
  path: 'path',
  servers: 'address',
};

/** Notes what of an object is to be hidden, here and wherever else it occurs. */
export function hideIn(redaction: Redaction, object: KubeObject, options: HidingOptions): void {
  const fields = options.addresses ? { ...places, ...personal } : personal;
  walk({ ...object, metadata: undefined }, (key, value) => {
    const what = Object.hasOwn(fields, key) ? fields[key] : undefined;
    if (what !== undefined) redaction.hide(what, value);
  });
}

/** An object for a report: without what the API server keeps about fields, and without what others wrote beside ours. */
export function reportable(object: KubeObject): object {
  const { metadata, ...rest } = object;
  const { managedFields: _, annotations = {}, ...kept } = metadata;
  const shown = Object.entries(annotations).map(([key, value]) => [key, isOurs(key) ? value : '<hidden>']);
  return withoutParameters({
    ...rest,
    metadata: { ...kept, ...(shown.length > 0 && { annotations: Object.fromEntries(shown) }) },
  });
}

/** The configuration of a driver of someone else: what in it is secret only that driver knows. */
function withoutParameters(object: object): object {
  const spec = 'spec' in object ? object.spec : undefined;
  if (typeof spec !== 'object' || spec === null || !('parameters' in spec)) return object;
  return { ...object, spec: { ...spec, parameters: '<hidden>' } };
}

function isOurs(annotation: string): boolean {
  return annotation.startsWith(`${apiGroup}/`);
}

/** Calls for every text below a field, with the field's name; those of a list have the name of the list. */
function walk(value: unknown, visit: (key: string, text: string) => void, key = ''): void {
  if (typeof value === 'string') visit(key, value);
  else if (Array.isArray(value)) for (const item of value) walk(item, visit, key);
  else if (typeof value === 'object' && value !== null) {
    for (const [name, field] of Object.entries(value)) walk(field, visit, name);
  }
}
