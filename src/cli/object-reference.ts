import { shareNetworks, shareServers } from '../api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { ResourceType } from '../runtime/kube-object.ts';
import { UsageError } from './command-failure.ts';

/** A kind whose status can be reset. */
type ResettableType = ResourceType<ShareNetwork | ShareServer>;

/** An object as the command line names it. */
export interface ObjectReference {
  readonly type: ResettableType;
  readonly name: string;
}

/** Names of the kinds, as kubectl takes them and as people say. */
const kinds: Readonly<Record<string, ResettableType>> = {
  sharenetwork: shareNetworks,
  sharenetworks: shareNetworks,
  shnet: shareNetworks,
  network: shareNetworks,
  net: shareNetworks,
  shareserver: shareServers,
  shareservers: shareServers,
  shsrv: shareServers,
  server: shareServers,
};

/**
 * Reads `KIND NAME...` or `KIND/NAME...`, each object once.
 * @throws UsageError
 */
export function objectReferences(words: readonly string[]): readonly ObjectReference[] {
  const [first = '', ...rest] = words;
  const references = first.includes('/')
    ? words.map(slashed)
    : rest.map((name) => ({ type: kindOf(first), name: objectName(withoutKind(name)) }));
  if (references.length === 0) {
    throw new UsageError(`${quoted(first)} alone names no object: write KIND NAME... or KIND/NAME...`);
  }
  return [...new Map(references.map((found) => [`${found.type.plural}/${found.name}`, found])).values()];
}

/** Reads the names of share servers, each also as `shareserver/NAME`. @throws UsageError */
export function serverNames(words: readonly string[]): readonly string[] {
  const names = words.map((word) => {
    if (!word.includes('/')) return objectName(word);
    const { type, name } = slashed(word);
    if (type !== shareServers) throw new UsageError(`${quoted(word)} is not a share server`);
    return name;
  });
  return [...new Set(names)];
}

/** How a reference is printed, as kubectl does: `sharenetwork/net-1`. */
export function referenceText(type: Pick<ResourceType, 'kind'>, name: string): string {
  return `${type.kind.toLowerCase()}/${name}`;
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

function slashed(word: string): ObjectReference {
  const [kind = '', name, ...more] = word.split('/');
  if (name === undefined || more.length > 0) throw new UsageError(`${quoted(word)} is not of the form KIND/NAME`);
  return { type: kindOf(kind), name: objectName(name) };
}

function withoutKind(name: string): string {
  if (name.includes('/')) throw new UsageError(`${quoted(name)}: write either KIND NAME... or KIND/NAME...`);
  return name;
}

function kindOf(word: string): ResettableType {
  // `sharenetworks.sharenet.io` and `sharenetworks.v1alpha1.sharenet.io` are kubectl's long forms.
  const short = word.toLowerCase().replace(/(?:\.v1alpha1)?\.sharenet\.io$/, '');
  const type = Object.hasOwn(kinds, short) ? kinds[short] : undefined;
  if (type !== undefined) return type;
  throw new UsageError(
    `${quoted(word)} is not a kind whose status can be reset: sharenetwork (shnet), shareserver (shsrv)`,
  );
}
