import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Share, ShareError } from '../../api/v1alpha1/share.ts';
import { namespaceIsTerminating } from '../../cluster-state/namespace-view.ts';
import { placementOf, type SharePlacement } from '../../cluster-state/share-placement.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { safeReason, safeText } from '../../values/safe-text.ts';
import type { CredentialMemory } from '../credentials/credential-memory.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import type { DriverAccess } from '../driver-calls/driver-access.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import type { Pass } from '../reconcile/pass.ts';
import { namespaceTerminating, whyNoChange } from '../status/findings.ts';
import type { StatusDraft } from '../status/status-draft.ts';
import type { ShareMemory } from './share-memory.ts';

export type ShareDraft = StatusDraft<Share>;

/** What the controller of Shares works with. */
export type ShareOperator = Operator & DriverAccess & Pick<CredentialMemory, 'refusals'>;

/** What one pass over a Share works with. */
export interface ShareScope extends Pass<Share, ShareOperator>, SharePlacement {
  readonly memory: ShareMemory;
  readonly namespace: string;
  readonly share: Share;
  readonly timeoutMs: number;
}

export function shareScope(pass: Pass<Share, ShareOperator>, memory: ShareMemory): ShareScope {
  const share = pass.draft.object;
  const placement = placementOf(pass.operator, share);
  return {
    ...pass,
    ...placement,
    memory,
    namespace: share.metadata.namespace ?? '',
    share,
    timeoutMs: timeoutsOf(placement.backend).operation,
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

/** Why the share can't be created or resized now. */
export function whyNoCall(scope: ShareScope): Finding | undefined {
  const { operator, namespace, share, network } = scope;
  if (namespaceIsTerminating(operator, namespace)) return namespaceTerminating;
  const { shareNetworkName } = share.spec;
  if (shareNetworkName !== undefined && network === undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${shareNetworkName} does not exist` };
  }
  return whyNoChange(scope);
}
