import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { KubeObject, ObjectName, ResourceType } from '../runtime/kube-object.ts';
import { UsageError } from './command-failure.ts';
import type { ManagedObject } from './managed-object.ts';

/** Kinds that a command takes, by the names that kubectl takes and that people say. */
export interface KindNames<T extends KubeObject> {
  /** What is said about other kinds: `KIND is not ...`. */
  readonly refusal: string;
  readonly types: Readonly<Record<string, ResourceType<T>>>;
}

const networkNames = {
  sharenetwork: shareNetworks,
  sharenetworks: shareNetworks,
  shnet: shareNetworks,
  network: shareNetworks,
  net: shareNetworks,
} as const;

const serverNamesOfKind = {
  shareserver: shareServers,
  shareservers: shareServers,
  shsrv: shareServers,
  server: shareServers,
} as const;

/** Kinds whose status can be reset. */
export const resettableKinds: KindNames<ShareNetwork | ShareServer> = {
  refusal: 'a kind whose status can be reset: sharenetwork (shnet), shareserver (shsrv)',
  types: { ...networkNames, ...serverNamesOfKind },
};

/** Every kind of ours. */
export const everyKind: KindNames<ManagedObject> = {
  refusal:
    'a kind of Sharenet: sharenetwork (shnet), shareserver (shsrv), share (shr), shareaccess (sha), securityservice (secsvc), storagebackend (sbe)',
  types: {
    ...networkNames,
    ...serverNamesOfKind,
    share: shares,
    shares: shares,
    shr: shares,
    shareaccess: shareAccesses,
    shareaccesses: shareAccesses,
    sha: shareAccesses,
    access: shareAccesses,
    rule: shareAccesses,
    securityservice: securityServices,
    securityservices: securityServices,
    secsvc: securityServices,
    service: securityServices,
    storagebackend: storageBackends,
    storagebackends: storageBackends,
    sbe: storageBackends,
    backend: storageBackends,
  },
};

/** An object as the command line names it. */
export interface ObjectReference<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>;
  readonly name: string;
}

/** An object whose status can be reset. */
export type ResettableReference = ObjectReference<ShareNetwork | ShareServer>;

/**
 * Reads `KIND NAME...` or `KIND/NAME...`, each object once.
 * @throws UsageError
 */
export function objectReferences<T extends KubeObject>(
  words: readonly string[],
  kinds: KindNames<T>,
): readonly ObjectReference<T>[] {
  const [first = '', ...rest] = words;
  const references = first.includes('/')
    ? words.map((word) => slashed(word, kinds))
    : rest.map((name) => ({ type: kindOf(first, kinds), name: objectName(withoutKind(name)) }));
  if (references.length === 0) {
    throw new UsageError(`${quoted(first)} alone names no object: write KIND NAME... or KIND/NAME...`);
  }
  return [...new Map(references.map((found) => [`${found.type.plural}/${found.name}`, found])).values()];
}

/** Reads the names of share servers, each also as `shareserver/NAME`. @throws UsageError */
export function serverNames(words: readonly string[]): readonly string[] {
  return namesOfKind(words, shareServers, 'a share server');
}

/** Reads the names of share networks, each also as `sharenetwork/NAME`. @throws UsageError */
export function networkNamesIn(words: readonly string[]): readonly string[] {
  return namesOfKind(words, shareNetworks, 'a share network');
}

/** Reads the name of one share network, also as `sharenetwork/NAME`. @throws UsageError */
export function networkName(word: string): string {
  const [name = word] = networkNamesIn([word]);
  return name;
}

/** How a reference is printed, as kubectl does: `sharenetwork/net-1`. */
export function referenceText(type: Pick<ResourceType, 'kind'>, name: string): string {
  return `${type.kind.toLowerCase()}/${name}`;
}

/** Where the API server has the object of a reference. */
export function placeOf({ type, name }: ObjectReference, namespace: string): ObjectName {
  return type.namespaced ? { namespace, name } : { name };
}

/** @throws UsageError where the text can't be the name of an object */
export function objectName(text: string): string {
  if (text.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text)) return text;
  throw new UsageError(`${quoted(text)} can not be the name of an object`);
}

/** A word as it was given, not longer than a line. */
export function quoted(word: string): string {
  return JSON.stringify(word.length > 80 ? `${word.slice(0, 80)}…` : word);
}

function namesOfKind(words: readonly string[], wanted: ResourceType, what: string): readonly string[] {
  const names = words.map((word) => {
    if (!word.includes('/')) return objectName(word);
    const { type, name } = slashed(word, everyKind);
    if (type.plural !== wanted.plural) throw new UsageError(`${quoted(word)} is not ${what}`);
    return name;
  });
  return [...new Set(names)];
}

function slashed<T extends KubeObject>(word: string, kinds: KindNames<T>): ObjectReference<T> {
  const [kind = '', name, ...more] = word.split('/');
  if (name === undefined || more.length > 0) throw new UsageError(`${quoted(word)} is not of the form KIND/NAME`);
  return { type: kindOf(kind, kinds), name: objectName(name) };
}

function withoutKind(name: string): string {
  if (name.includes('/')) throw new UsageError(`${quoted(name)}: write either KIND NAME... or KIND/NAME...`);
  return name;
}

function kindOf<T extends KubeObject>(word: string, { types, refusal }: KindNames<T>): ResourceType<T> {
  // `sharenetworks.sharenet.io` and `sharenetworks.v1alpha1.sharenet.io` are kubectl's long forms.
  const short = word.toLowerCase().replace(/(?:\.v1alpha1)?\.sharenet\.io$/, '');
  const type = Object.hasOwn(types, short) ? types[short] : undefined;
  if (type !== undefined) return type;
  throw new UsageError(`${quoted(word)} is not ${refusal}`);
}
