import { createHash } from 'node:crypto';
import { nameList } from '../../api/name-list.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import { shareServers } from '../../api/v1alpha1/resource-types.ts';
import type { SecurityService, SecurityServiceStatus } from '../../api/v1alpha1/security-service.ts';
import type {
  LastNetworkChange,
  NetworkChangeRecord,
  SecurityServiceChange,
  ShareNetwork,
} from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerStatus } from '../../api/v1alpha1/share-server.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { lagOf, serverChanges } from '../../network-change/up-to-date.ts';
import { appliedService, serviceDetails, uidOf } from '../driver-requests.ts';
import { related, timestamp } from '../operator.ts';
import { usageOf } from '../securityservice/reconciler.ts';
import { StatusDraft } from '../status-draft.ts';
import { type WantedChange, wishOf } from './association.ts';
import { comparisonWith, type NetworkScope, networkScope } from './scope.ts';

/** Share servers of the network as the API server has them now. */
async function liveServers({ operator, network, namespace }: NetworkScope): Promise<readonly ShareServer[]> {
  const { items } = await operator.client.list(shareServers, {
    namespace,
    fieldSelector: `spec.shareNetworkName=${network.metadata.name}`,
  });
  for (const server of items) operator.informers.shareServers.cache.observe(server);
  return items;
}

/**
 * Commits a checked change: with no driver call of the network running, judged again on live servers, then one write.
 * @returns the network as committed, or undefined when something changed since the check: the next pass decides anew
 * @throws DriverError `Unavailable` when running calls did not end in time
 */
export async function commit(
  scope: NetworkScope,
  checked: WantedChange,
  waitMs: number,
): Promise<ShareNetwork | undefined> {
  const { operator, network, context } = scope;
  return await operator.calls.whileQuiet(uidOf(network), context.signal, waitMs, async () => {
    const present = operator.informers.shareNetworks.cache.get(context.key);
    if (present === undefined || uidOf(present) !== uidOf(network)) return undefined;
    const fresh = networkScope(operator, context, present);
    const wish = wishOf(fresh, await liveServers(fresh), true);
    if (wish.kind !== 'change' || wish.change.digest !== checked.digest) return undefined;
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
      phase: 'network_change',
      recordedPhase: 'network_change',
      securityServices: plan.association,
      networkChange: record,
      ...(token === undefined ? {} : { lastHandledReapplyAt: token }),
    });
    fresh.draft.stand(changeStanding(record));
    const written = await whileJoining(fresh, plan.changes, () =>
      fresh.draft.write(operator.client, operator.informers.shareNetworks),
    );
    const names = plan.changes.map(({ type, operation, to }) => `${operation} ${type} ${to.name}`).join(', ');
    operator.recorder.event(written, {
      type: 'Normal',
      reason: 'NetworkChangeStarted',
      action: 'ChangeSecurityServices',
      note: `change ${record.id} started: ${names}`,
    });
    return written;
  });
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
  const { service } = related(operator, namespace);
  const writeUsage = async (name: string): Promise<void> => {
    const present = service(name);
    if (present === undefined) return;
    const draft = new StatusDraft<SecurityServiceStatus, SecurityService>(present, new Date(operator.clock.now()));
    await draft.set(usageOf(operator, present)).write(operator.client, operator.informers.securityServices);
  };
  const end = (): void => {
    for (const { to } of changes) operator.joining.end(to.uid, network.metadata.name);
  };
  try {
    for (const { to } of changes) {
      operator.joining.begin(to.uid, network.metadata.name);
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

function changeStanding(record: NetworkChangeRecord) {
  const names = record.changes.map(({ type, to }) => `${type} ${to.name}`);
  return {
    state: 'working',
    reason: 'NetworkChangeInProgress',
    message: `share servers are being given ${nameList(names)} (change ${record.id})`,
  } as const;
}

/** Takes a committed change one step further: marks servers, lets drivers begin, finishes. */
export async function advance(scope: NetworkScope, record: NetworkChangeRecord): Promise<void> {
  const { operator, draft, network } = scope;
  if (network.metadata.annotations?.[labels.abortChange] === record.id && record.aborted !== true) {
    draft.set({ networkChange: { ...record, aborted: true } });
    operator.recorder.event(network, {
      type: 'Normal',
      reason: 'NetworkChangeAborted',
      action: 'ChangeSecurityServices',
      note: `change ${record.id}: share servers not yet begun keep their old services`,
    });
  }
  const present = draft.status.networkChange ?? record;
  draft.stand(changeStanding(present));
  if (present.stage === 'marking') {
    await markServers(scope, present);
    draft.set({ networkChange: { ...present, stage: 'applying' } });
    return;
  }
  const changing = scope.servers.filter(({ status }) => status?.phase === 'network_change');
  if (changing.length === 0) finish(scope, present);
}

/** Marks every server that takes part. Only when all are marked may a driver be called. */
async function markServers(scope: NetworkScope, record: NetworkChangeRecord): Promise<void> {
  const { operator, network, namespace } = scope;
  const association = network.status?.securityServices ?? [];
  const comparison = comparisonWith(operator, namespace);
  const marks = (await liveServers(scope)).map(async (server) => {
    const { status } = server;
    if (status?.networkChange?.id === record.id || status?.lastNetworkChange?.id === record.id) return;
    if (neverSetUp(server) || (status?.phase !== 'active' && status?.phase !== 'error')) return;
    if (record.scope === 'outdated' && lagOf(server, association, comparison) === undefined) return;
    const changes = serverChanges(server, record.changes, association, comparison);
    if (changes.length === 0) return;
    const draft = new StatusDraft<ShareServerStatus, ShareServer>(server, new Date(operator.clock.now()));
    draft.set({
      phase: 'network_change',
      recordedPhase: 'network_change',
      networkChange: { id: record.id, changes },
      ...(isPaced(network)
        ? {}
        : beginning(server, record.id, timestamp(operator.clock), related(operator, namespace).service, changes)),
    });
    draft.stand({
      state: 'working',
      reason: 'NetworkChangeInProgress',
      message: `takes part in change ${record.id} of share network ${network.metadata.name}`,
    });
    await draft.write(operator.client, operator.informers.shareServers);
  });
  const outcomes = await Promise.allSettled(marks);
  const failed = outcomes.find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

/** Whether servers of the network begin one after another, so that each beginning has to be stored. */
export function isPaced(network: ShareNetwork | undefined): boolean {
  const policy = network?.spec.securityServiceChange;
  return policy?.maxConcurrentServers !== undefined || policy?.maxFailures !== undefined;
}

/** What is stored of a server whose call may begin: the operation, and the backend details with the new services. */
export function beginning(
  server: ShareServer,
  id: string,
  startedTime: string,
  serviceOf: (name: string) => SecurityService | undefined,
  changes: readonly { readonly to: { readonly name: string } }[],
): Partial<ShareServerStatus> {
  const services = changes.flatMap(({ to }) => {
    const service = serviceOf(to.name);
    return service === undefined ? [] : [appliedService(service, undefined)];
  });
  return {
    operation: { id, name: 'updateShareServerSecurityService', startedTime },
    backendDetails: { ...server.status?.backendDetails, ...serviceDetails(services) },
  };
}

function finish({ operator, draft, network, servers }: NetworkScope, record: NetworkChangeRecord): void {
  const outcomes = servers.filter(({ status }) => status?.lastNetworkChange?.id === record.id);
  const named = (result: string): readonly string[] =>
    outcomes
      .filter(({ status }) => status?.lastNetworkChange?.result === result)
      .map(({ metadata }) => metadata.name)
      .sort();
  const failed = named('Failed');
  const notAttempted = named('NotAttempted');
  const result: LastNetworkChange['result'] =
    failed.length > 0 ? 'Failed' : notAttempted.length > 0 ? 'Stopped' : 'Succeeded';
  const { id, changes, requestedBy, startedTime } = record;
  draft.set({
    phase: 'active',
    recordedPhase: 'active',
    networkChange: undefined,
    lastNetworkChange: {
      id,
      changes,
      requestedBy,
      startedTime,
      finishedTime: timestamp(operator.clock),
      result,
      ...(failed.length === 0 ? {} : { failedServers: failed.slice(0, 5), failed: failed.length }),
      ...(notAttempted.length === 0 ? {} : { notAttempted: notAttempted.length }),
    },
  });
  const details = [
    ...(failed.length === 0 ? [] : [`failed on ${nameList(failed)}`]),
    ...(notAttempted.length === 0 ? [] : [`not attempted on ${nameList(notAttempted)}`]),
  ];
  operator.recorder.event(network, {
    type: result === 'Succeeded' ? 'Normal' : 'Warning',
    reason: `NetworkChange${result}`,
    action: 'ChangeSecurityServices',
    note: `change ${id} ended: ${details.length === 0 ? 'every share server has the new services' : details.join('; ')}`,
  });
}
