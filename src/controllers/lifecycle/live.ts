import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ListOptions } from '../../runtime/api-client.ts';
import { isNotFound } from '../../runtime/api-error.ts';
import type { Informer } from '../../runtime/informer.ts';
import type { KubeObject, ObjectName } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import type { PlacedShare } from '../status/findings.ts';

/**
 * A cache may lag behind the API server, each kind on its own and for minutes: after a failover it may lack the former leader's writes.
 * Before anything is removed, deleted or torn down, the objects that the decision depends on are read here.
 */

/** Pause of a decision that waits for a lagging cache. */
export const staleCache = { requeueAfterMs: 1000 } as const;

/** Reads an object from the API server and shows it to the cache; undefined where it does not exist. */
async function readLive<T extends KubeObject>(
  { client }: Pick<Operator, 'client'>,
  informer: Informer<T>,
  name: ObjectName,
): Promise<T | undefined> {
  try {
    // An operator with permissions for some namespaces may list and watch cluster-scoped objects, but not get them.
    const live = informer.type.namespaced
      ? await client.get(informer.type, name)
      : (await client.list(informer.type, { fieldSelector: `metadata.name=${name.name}` })).items[0];
    if (live !== undefined) informer.cache.observe(live);
    return live;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/**
 * Lists objects from the API server and shows them to the cache.
 * @param cached what the cache has of the same selection: those that no longer exist are removed from it
 */
export async function listLive<T extends KubeObject>(
  { client }: Pick<Operator, 'client'>,
  informer: Informer<T>,
  options: Pick<ListOptions, 'namespace' | 'fieldSelector'>,
  cached: readonly T[] = [],
): Promise<readonly T[]> {
  const { items, resourceVersion } = await client.list(informer.type, options);
  const listed = new Set(items.map(({ metadata }) => metadata.uid));
  for (const object of cached)
    if (!listed.has(object.metadata.uid)) informer.cache.observeAbsence(object, resourceVersion);
  for (const item of items) informer.cache.observe(item);
  return items;
}

/** Lists the access rules of a share in the same way. @param cached see {@link listLive} */
export async function listRulesLive(
  operator: Pick<Operator, 'client' | 'informers'>,
  { metadata: { namespace, name } }: Share,
  cached?: readonly ShareAccess[],
): Promise<readonly ShareAccess[]> {
  const selected = { namespace, fieldSelector: `spec.shareName=${name}` };
  return await listLive(operator, operator.informers.shareAccesses, selected, cached);
}

/**
 * Whether an object that a decision was made on, or its absence, is what the API server has.
 * @param decidedOn the version from the cache; undefined where the cache has none of that name
 */
export async function isCurrent<T extends KubeObject>(
  operator: Pick<Operator, 'client'>,
  informer: Informer<T>,
  name: ObjectName,
  decidedOn: T | undefined,
): Promise<boolean> {
  const live = await readLive(operator, informer, name);
  return (
    live?.metadata.uid === decidedOn?.metadata.uid &&
    live?.metadata.resourceVersion === decidedOn?.metadata.resourceVersion
  );
}

/** Whether a share, its network, server and backend are as the API server has them. */
export async function isPlacementCurrent(
  operator: Pick<Operator, 'client' | 'informers'>,
  { share, network, server, backend }: PlacedShare,
): Promise<boolean> {
  const { informers } = operator;
  const { namespace } = share.metadata;
  const { shareNetworkName } = share.spec;
  const { shareServerName, backendName } = share.status ?? {};
  const named = <T extends KubeObject>(informer: Informer<T>, name: string | undefined, decidedOn: T | undefined) =>
    name === undefined ||
    isCurrent(operator, informer, { ...(informer.type.namespaced && { namespace }), name }, decidedOn);
  const answers = await Promise.all([
    named(informers.shares, share.metadata.name, share),
    named(informers.shareNetworks, shareNetworkName, network),
    named(informers.shareServers, shareServerName, server),
    named(informers.storageBackends, backendName, backend),
  ]);
  return answers.every((answer) => answer);
}
