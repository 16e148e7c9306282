import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerPhase } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeReason } from '../../values/safe-text.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import type { LockMode } from '../driver-calls/lock-table.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import { draftOf, ownPhase, type Readiness, type StatusDraft } from '../status/status-draft.ts';

export type ServerDraft = StatusDraft<ShareServer>;

/** What one pass over a ShareServer works with. */
export interface ServerScope {
  readonly operator: Operator;
  readonly context: ReconcileContext;
  readonly server: ShareServer;
  readonly namespace: string;
  readonly draft: ServerDraft;
  readonly network: ShareNetwork | undefined;
  readonly backend: StorageBackend | undefined;
  /** Shares that are placed on the server, from the cache. */
  readonly shares: readonly Share[];
  readonly timeouts: { readonly operation: number; readonly change: number };
}

/** Begins a pass. */
export function serverScope(operator: Operator, context: ReconcileContext, server: ShareServer): ServerScope {
  const namespace = server.metadata.namespace ?? '';
  const { network, backend, sharesOn } = namespaceView(operator, namespace);
  const ownBackend = backend(server.spec.backendName);
  return {
    operator,
    context,
    server,
    namespace,
    draft: draftOf(operator, server),
    network: network(server.spec.shareNetworkName),
    backend: ownBackend,
    shares: sharesOn(server.metadata.name),
    timeouts: timeoutsOf(ownBackend),
  };
}

/** Leaves the phase of a call that has ended. Where somebody reset it meanwhile what happened is kept, and the phase is his. */
export function leavePhase(
  draft: ServerDraft,
  left: ShareServerPhase,
  next: ShareServerPhase,
  readiness: Readiness,
): void {
  if (draft.object.status?.phase === left)
    draft.set({ ...ownPhase(next), unhealthy: undefined }).setReadiness(readiness);
}

/**
 * The scope of driver calls for the server itself.
 * @throws DriverError `Unavailable` until its namespace is known
 */
export function serverCallScope(
  { operator, server, network }: ServerScope,
  mode: LockMode,
  options: { readonly holdNetwork: boolean; readonly priority?: CallScope['priority'] },
): CallScope {
  const tenant = requiredTenant(operator, server);
  return {
    backendName: server.spec.backendName,
    tenant,
    server: { uid: uidOf(server), mode, secrets: secretTexts(operator, server) },
    ...(options.holdNetwork && network !== undefined ? { networkUID: uidOf(network) } : {}),
    ...(options.priority === undefined ? {} : { priority: options.priority }),
  };
}

/** A driver's failure as it is stored. */
export function storedError(operator: Operator, operation: string, error: DriverError) {
  return {
    operation,
    reason: safeReason(error.reason, 'DriverError'),
    message: error.message,
    time: timestamp(operator.clock),
  };
}
