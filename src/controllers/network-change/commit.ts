import { createHash } from 'node:crypto';
import type {
  NetworkChangeRecord,
  SecurityServiceChange,
  ShareNetwork,
  ShareNetworkStatus,
} from '../../api/v1alpha1/share-network.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { passOf, showStep, store } from '../reconcile/pass.ts';
import type { BlockedStep } from '../reconcile/step.ts';
import { usageOf } from '../securityservice/service-usage.ts';
import { networkAvailable } from '../status/readiness.ts';
import { draftOf, ownPhase } from '../status/status-draft.ts';
import { type ChangeDecision, decideChange, type PlannedChange } from './guard.ts';
import { liveServers } from './live-servers.ts';
import { type NetworkScope, networkScope } from './network-scope.ts';
import { showChange, showRecordedServices } from './recorded-services.ts';

/** What became of a commit. */
export type CommitOutcome =
  | { readonly kind: 'committed' }
  /** Something changed since the check: the next pass decides again. */
  | { readonly kind: 'overtaken' }
  /** The guard refuses the change. */
  | { readonly kind: 'refused'; readonly step: BlockedStep };

/**
 * Commits a checked change: while no driver call of the network runs it is judged again on live servers, then stored in one write.
 * @throws DriverError `Unavailable` when running calls did not end in time
 */
export async function commit(scope: NetworkScope, checked: PlannedChange, waitMs: number): Promise<CommitOutcome> {
  return await whileQuiet(scope, waitMs, async (fresh): Promise<CommitOutcome> => {
    if (fresh === undefined || isPaused(fresh.network)) return { kind: 'overtaken' };
    const decision = decideChange(fresh, await liveServers(fresh), true);
    if (decision.kind === 'refused') return decision;
    if (decision.kind !== 'change' || decision.change.digest !== checked.digest) return { kind: 'overtaken' };
    await storeChange(fresh, decision.change);
    return { kind: 'committed' };
  });
}

/**
 * Records an association that no share server has to be given, while no setup runs, which would still use the former one.
 * @returns false when something changed meanwhile: the next pass decides again
 * @throws DriverError `Unavailable` when a setup did not end in time
 */
export async function recordAssociation(scope: NetworkScope, waitMs: number): Promise<boolean> {
  return await whileQuiet(scope, waitMs, async (fresh) => {
    if (fresh === undefined) return false;
    const decision = decideChange(fresh, await liveServers(fresh), true);
    if (decision.kind !== 'record') return false;
    fresh.draft.set(recordedBy(decision));
    showStep(fresh.draft, showRecordedServices(fresh), networkAvailable);
    await store(fresh);
    return true;
  });
}

/** What a decision to record changes in the network's status. */
export function recordedBy({ plan, token }: ChangeDecision & { kind: 'record' }): Partial<ShareNetworkStatus> {
  return {
    securityServices: plan.silent ?? plan.association,
    ...(token === undefined ? {} : { lastHandledReapplyAt: token }),
  };
}

/** Works on the network as it is when none of its driver calls runs; undefined when it is gone. */
async function whileQuiet<R>(
  { operator, network, context, records }: NetworkScope,
  waitMs: number,
  work: (fresh: NetworkScope | undefined) => Promise<R>,
): Promise<R> {
  return await operator.calls.whileQuiet(uidOf(network), context.signal, waitMs, async () => {
    const present = operator.informers.shareNetworks.cache.get(context.key);
    if (present === undefined || uidOf(present) !== uidOf(network)) return await work(undefined);
    return await work(networkScope(passOf(operator, context, present, records)));
  });
}

async function storeChange(scope: NetworkScope, change: PlannedChange): Promise<void> {
  const { operator, network, draft, events } = scope;
  const { plan, token, requestedBy } = change;
  const record: NetworkChangeRecord = {
    id: changeID(network, token),
    stage: 'marking',
    scope: change.scope,
    changes: plan.changes,
    requestedBy,
    startedTime: timestamp(operator.clock),
  };
  draft.set({
    ...ownPhase('network_change'),
    securityServices: plan.association,
    networkChange: record,
    ...(token === undefined ? {} : { lastHandledReapplyAt: token }),
  });
  showStep(draft, showChange(scope, record), networkAvailable);
  const names = plan.changes.map(({ type, operation, to }) => `${operation} ${type} ${to.name}`).join(', ');
  events.push({
    type: 'Normal',
    reason: 'NetworkChangeStarted',
    action: 'ChangeSecurityServices',
    note: `change ${record.id} started: ${names}`,
  });
  await withPendingAssociations(scope, plan.changes, () => store(scope));
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
 * If the network does not get to record them, they become editable again.
 */
async function withPendingAssociations(
  { operator, view, network }: NetworkScope,
  changes: readonly SecurityServiceChange[],
  record: () => Promise<unknown>,
): Promise<void> {
  const writeUsage = async (name: string): Promise<void> => {
    const service = view.service(name);
    if (service === undefined) return;
    const draft = draftOf(operator, service);
    await draft.set(usageOf(operator, service)).write(operator.client, operator.informers.securityServices);
  };
  const end = (): void => {
    for (const { to } of changes) operator.pendingAssociations.end(to.uid, network.metadata.name);
  };
  try {
    for (const { to } of changes) {
      operator.pendingAssociations.begin(to.uid, network.metadata.name);
      await writeUsage(to.name);
    }
    await record();
    end();
  } catch (error) {
    end();
    // Best effort: the service's own reconciler writes the same in its next pass.
    await Promise.allSettled(changes.map(({ to }) => writeUsage(to.name)));
    throw error;
  }
}
