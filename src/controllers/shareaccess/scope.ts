import { planRules, type RulePlan, type RuleSurroundings } from '../../access-rules/plan.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { reservedIDsOf } from '../../cluster-state/reserved-ids.ts';
import { placementOf, type SharePlacement } from '../../cluster-state/share-placement.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import { namespaceTerminating, whyNoChange } from '../status/findings.ts';

/** What one pass over the rules of a share works with. */
export interface AccessScope extends SharePlacement {
  readonly operator: Operator;
  readonly context: ReconcileContext;
  readonly namespace: string;
  readonly share: Share;
  readonly rules: readonly ShareAccess[];
}

/** Reads everything about a share's rules from the caches. */
export function accessScope(operator: Operator, context: ReconcileContext, share: Share): AccessScope {
  const namespace = share.metadata.namespace ?? '';
  const { rulesOf } = namespaceView(operator, namespace);
  return {
    ...placementOf(operator, share),
    operator,
    context,
    namespace,
    share,
    rules: rulesOf(share.metadata.name),
  };
}

/** The plan for the scope's rules. */
export function planOf(scope: AccessScope): RulePlan {
  const { rules, share, server } = scope;
  return planRules({
    rules,
    ...surroundingsOf(scope),
    shareIsLeaving: share.metadata.deletionTimestamp !== undefined,
    serverFailed: server?.status?.phase === 'error',
    isPaused,
    isAskedFor: (rule) => unhandledReconcileToken(rule) !== undefined,
  });
}

/** What the rules of the scope's share are judged on. */
export function surroundingsOf({ operator, namespace, share, server, backend }: AccessScope): RuleSurroundings {
  return {
    protocol: share.spec.protocol,
    capabilities: backend?.status?.capabilities,
    isReservedID: reservedIDsOf(operator, backend, namespace),
    server,
  };
}

/** Why no rule can be granted, changed or recovered now. */
export function whyNoGrant(scope: AccessScope): Finding | undefined {
  const { share } = scope;
  const { phase = 'creating', identifier } = share.status ?? {};
  if (identifier === undefined || !['available', 'extending', 'shrinking'].includes(phase)) {
    return { reason: 'ShareNotAvailable', message: `waits until share ${share.metadata.name} is available` };
  }
  return whyNoCall(scope);
}

/** Why the driver can't be asked about the share now, unless it is to take something away. */
export function whyNoCall(scope: AccessScope): Finding | undefined {
  const { operator, namespace, share } = scope;
  if (namespaceIsTerminating(operator, namespace)) {
    return { ...namespaceTerminating, message: 'nothing is granted in a namespace that is being deleted' };
  }
  if (isPaused(share)) return { reason: 'SharePaused', message: `share ${share.metadata.name} is paused` };
  return whyNoChange(scope);
}

/** The scope of driver calls for the share's rules. */
export function accessCallScope(scope: AccessScope, priority: 'denial' | 'normal'): CallScope {
  const { operator, share, network, server } = scope;
  return {
    backendName: share.status?.backendName ?? '',
    tenant: requiredTenant(operator, share),
    ...(network === undefined ? {} : { networkUID: uidOf(network) }),
    ...(server === undefined
      ? {}
      : { server: { uid: uidOf(server), mode: 'shared', secrets: secretTexts(operator, server) } }),
    shareUID: uidOf(share),
    priority,
  };
}

/** Bounds of driver calls, in milliseconds. */
export function timeoutOf(scope: AccessScope): number {
  return timeoutsOf(scope.backend).operation;
}
