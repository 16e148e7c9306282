import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer, ShareServerPhase } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { type NamespaceView, namespaceView } from '../../cluster-state/namespace-view.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeReason } from '../../values/safe-text.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import type { LockMode } from '../driver-calls/lock-table.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import type { Pass } from '../reconcile/pass.ts';
import type { Readiness } from '../status/readiness.ts';
import { ownPhase, type StatusDraft } from '../status/status-draft.ts';
import type { ServerMemory } from './server-memory.ts';
import type { ServerOperator } from './server-operator.ts';

export type ServerDraft = StatusDraft<ShareServer>;

/** What one pass over a ShareServer works with. */
export interface ServerScope extends Pass<ShareServer, ServerOperator> {
  readonly memory: ServerMemory;
  readonly server: ShareServer;
  readonly namespace: string;
  readonly view: NamespaceView;
  readonly network: ShareNetwork | undefined;
  readonly backend: StorageBackend | undefined;
  /** Shares that are placed on the server, from the cache. */
  readonly shares: readonly Share[];
  readonly timeouts: { readonly operation: number; readonly change: number };
}

export function serverScope(pass: Pass<ShareServer, ServerOperator>, memory: ServerMemory): ServerScope {
  const server = pass.draft.object;
  const namespace = server.metadata.namespace ?? '';
  const view = namespaceView(pass.operator, namespace);
  const { network, backend, sharesOn } = view;
  const ownBackend = backend(server.spec.backendName);
  return {
    ...pass,
    memory,
    server,
    namespace,
    view,
    network: network(server.spec.shareNetworkName),
    backend: ownBackend,
    shares: sharesOn(server.metadata.name),
    timeouts: timeoutsOf(ownBackend),
  };
}

/** Leaves the phase of a call that has ended. If an administrator reset it meanwhile, the outcome is recorded and their phase is kept. */
export function leavePhase(
  draft: ServerDraft,
  left: ShareServerPhase,
  next: ShareServerPhase,
  readiness: Readiness,
): void {
  if (draft.object.status?.phase === left) {
    draft.set({ ...ownPhase(next), unhealthy: undefined }).setReadiness(readiness);
  }
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
