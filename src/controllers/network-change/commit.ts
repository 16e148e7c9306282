import { createHash } from 'node:crypto';
import type {
  NetworkChangeRecord,
  SecurityServiceChange,
  ShareNetwork,
  ShareNetworkStatus,
} from '../../api/v1alpha1/share-network.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { usageOf } from '../securityservice/service-usage.ts';
import { draftOf, ownPhase, type Readiness } from '../status/status-draft.ts';
import { type WantedChange, type Wish, wishOf } from './guard.ts';
import { liveServers, standInChange } from './mark.ts';
import { type NetworkScope, networkScope, store } from './network-scope.ts';
import { standAsRecorded } from './recorded-services.ts';

/** What became of a commit. */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** Something changed since the check: the next pass decides anew. */
  | { readonly kind: 'overtaken' }
  /** The guard says no. */
  | { readonly kind: 'refused'; readonly readiness: Readiness };

/**
 * Commits a checked change: with no driver call of the network running, judged again on live servers, then one write.
 * @throws DriverError `Unavailable` when running calls did not end in time
 */
export async function commit(scope: NetworkScope, checked: WantedChange, waitMs: number): Promise<CommitOutcome> {
  const { operator, network, context } = scope;
  return await operator.calls.whileQuiet(uidOf(network), context.signal, waitMs, async (): Promise<CommitOutcome> => {
    const present = operator.informers.shareNetworks.cache.get(context.key);
    if (present === undefined || uidOf(present) !== uidOf(network) || isPaused(present)) return { kind: 'overtaken' };
    const fresh = networkScope(operator, context, present);
    const wish = wishOf(fresh, await liveServers(fresh), true);
    if (wish.kind === 'refused') return wish;
    if (wish.kind !== 'change' || wish.change.digest !== checked.digest) return { kind: 'overtaken' };
    const { plan, token, requestedBy, scope: servers } = wish.change;
    const record: NetworkChangeRecord = {
      id: changeID(present, token),
      stage: 'marking',
      scope: servers,
      changes: plan.changes,
      requestedBy,
      startedTime: timestamp(operator.clock),
    };
    fresh.draft.set({
      ...ownPhase('network_change'),
      securityServices: plan.association,
      networkChange: record,
      ...(token === undefined ? {} : { lastHandledReapplyAt: token }),
    });
    standInChange(fresh, record);
    const names = plan.changes.map(({ type, operation, to }) => `${operation} ${type} ${to.name}`).join(', ');
    fresh.announcements.push({
      type: 'Normal',
      reason: 'NetworkChangeStarted',
      action: 'ChangeSecurityServices',
      note: `change ${record.id} started: ${names}`,
    });
    await whileJoining(fresh, plan.changes, () => store(fresh));
    return { kind: 'committed' };
  });
}

/**
 * Records an association that no share server has to be given: with no set-up running, which would still take the former one.
 * @returns false when something changed meanwhile: the next pass decides anew
 * @throws DriverError `Unavailable` when a set-up did not end in time
 */
export async function recordAssociation(scope: NetworkScope, waitMs: number): Promise<boolean> {
  const { operator, network, context } = scope;
  return await operator.calls.whileQuiet(uidOf(network), context.signal, waitMs, async () => {
    const present = operator.informers.shareNetworks.cache.get(context.key);
    if (present === undefined || uidOf(present) !== uidOf(network)) return false;
    const fresh = networkScope(operator, context, present);
    const wish = wishOf(fresh, await liveServers(fresh), true);
    if (wish.kind !== 'record') return false;
    fresh.draft.set(recordedBy(wish));
    standAsRecorded(fresh);
    await store(fresh);
    return true;
  });
}

/** What a wish to record changes in the network's status. */
export function recordedBy({ plan, token }: Wish & { kind: 'record' }): Partial<ShareNetworkStatus> {
  return {
    securityServices: plan.silent ?? plan.association,
    ...(token === undefined ? {} : { lastHandledReapplyAt: token }),
  };
}

/** Short, unique within the network, and the same when the same commit is tried again. */
function changeID(network: ShareNetwork, token: string | undefined): string {
  const { uid, resourceVersion } = network.metadata;
  return createHash('sha256')
    .update(JSON.stringify([uid, resourceVersion, token]))
    .digest('hex')
    .slice(0, 12);
}

/**
 * Makes the new services immutable, then has the network record them. Each write is guarded by the version that was judged.
 * Where the network does not get to record them, they are let go again.
 */
async function whileJoining(
  { operator, namespace, network }: NetworkScope,
  changes: readonly SecurityServiceChange[],
  record: () => Promise<ShareNetwork>,
): Promise<ShareNetwork> {
  const { service } = namespaceView(operator, namespace);
  const writeUsage = async (name: string): Promise<void> => {
    const present = service(name);
    if (present === undefined) return;
    const draft = draftOf(operator, present);
    await draft.set(usageOf(operator, present)).write(operator.client, operator.informers.securityServices);
  };
  const end = (): void => {
    for (const { to } of changes) operator.pendingAssociations.end(to.uid, network.metadata.name);
  };
  try {
    for (const { to } of changes) {
      operator.pendingAssociations.begin(to.uid, network.metadata.name);
      await writeUsage(to.name);
    }
    const written = await record();
    end();
    return written;
  } catch (error) {
    end();
    // Best effort: the service's own reconciler says the same when it looks next.
    await Promise.allSettled(changes.map(({ to }) => writeUsage(to.name)));
    throw error;
  }
}
