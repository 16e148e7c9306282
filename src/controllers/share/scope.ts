import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Share, ShareError } from '../../api/v1alpha1/share.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import type { DriverError } from '../../drivers/errors.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeReason, safeText } from '../../values/safe-text.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import { namespaceTerminating, whyNoChange } from '../status/findings.ts';
import { draftOf, type StatusDraft } from '../status/status-draft.ts';

export type ShareDraft = StatusDraft<Share>;

/** What one pass over a Share works with. */
export interface ShareScope {
  readonly operator: Operator;
  readonly context: ReconcileContext;
  readonly namespace: string;
  readonly share: Share;
  readonly draft: ShareDraft;
  readonly network: ShareNetwork | undefined;
  readonly server: ShareServer | undefined;
  readonly backend: StorageBackend | undefined;
  readonly timeoutMs: number;
}

/** Begins a pass. */
export function shareScope(operator: Operator, context: ReconcileContext, share: Share): ShareScope {
  const namespace = share.metadata.namespace ?? '';
  const { network, server, backend } = namespaceView(operator, namespace);
  const { shareNetworkName } = share.spec;
  const { shareServerName, backendName } = share.status ?? {};
  const placedOn = backendName === undefined ? undefined : backend(backendName);
  return {
    operator,
    context,
    namespace,
    share,
    draft: draftOf(operator, share),
    network: shareNetworkName === undefined ? undefined : network(shareNetworkName),
    server: shareServerName === undefined ? undefined : server(shareServerName),
    backend: placedOn,
    timeoutMs: timeoutsOf(placedOn).operation,
  };
}

/** A driver's failure as it is stored. @param share the version that the driver was called for */
export function shareError({ metadata, status }: Share, error: DriverError): ShareError {
  return {
    operation: status?.operation?.name ?? '',
    reason: safeReason(error.reason, 'DriverError'),
    message: safeText(error.message),
    generation: metadata.generation ?? 0,
  };
}

/** The scope of driver calls for the share. */
export function shareCallScope({ operator, share, network, server }: ShareScope): CallScope {
  return {
    backendName: share.status?.backendName ?? '',
    tenant: requiredTenant(operator, share),
    ...(network === undefined ? {} : { networkUID: uidOf(network) }),
    ...(server === undefined
      ? {}
      : { server: { uid: uidOf(server), mode: 'shared', secrets: secretTexts(operator, server) } }),
    shareUID: uidOf(share),
  };
}

/** Why the share can't be made or resized now. */
export function whyWait(scope: ShareScope): Finding | undefined {
  const { operator, namespace, share, network } = scope;
  if (namespaceIsTerminating(operator, namespace)) return namespaceTerminating;
  const { shareNetworkName } = share.spec;
  if (shareNetworkName !== undefined && network === undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${shareNetworkName} does not exist` };
  }
  return whyNoChange(scope);
}
