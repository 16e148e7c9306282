import { planRules, type RulePlan, type RuleSurroundings } from '../../access-rules/plan.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { reservedIDsOf } from '../../cluster-state/reserved-ids.ts';
import { placementOf } from '../../cluster-state/share-placement.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import type { DriverAccess } from '../driver-calls/driver-access.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import type { Measured } from '../metrics/measured.ts';
import { type Operator, requiredTenant } from '../operator.ts';
import { namespaceTerminating, type PlacedShare, whyNoChange } from '../status/findings.ts';
import { isIntact } from './key-secret.ts';
import type { ShareMemory } from './memory.ts';

/** What the controller of access rules works with. */
export type AccessOperator = Operator & DriverAccess & Measured;

/** A share with its rules and what it is on, as the caches show them. */
export class AccessScope implements PlacedShare {
  readonly operator: AccessOperator;
  readonly context: ReconcileContext;
  readonly memory: ShareMemory;
  readonly namespace: string;
  readonly share: Share;
  readonly rules: readonly ShareAccess[];
  readonly network: ShareNetwork | undefined;
  readonly server: ShareServer | undefined;
  readonly backend: StorageBackend | undefined;
  #plan: RulePlan | undefined;
  #rulesWithoutKey: readonly ShareAccess[] | undefined;

  constructor(operator: AccessOperator, context: ReconcileContext, memory: ShareMemory, share: Share) {
    this.operator = operator;
    this.context = context;
    this.memory = memory;
    this.namespace = share.metadata.namespace ?? '';
    this.share = share;
    this.rules = namespaceView(operator, this.namespace).rulesOf(share.metadata.name);
    const { network, server, backend } = placementOf(operator, share);
    this.network = network;
    this.server = server;
    this.backend = backend;
  }

  /** What the rules need; planned once. */
  get plan(): RulePlan {
    this.#plan ??= planRules({
      rules: this.rules,
      ...surroundingsOf(this),
      shareIsLeaving: this.share.metadata.deletionTimestamp !== undefined,
      serverFailed: this.server?.status?.phase === 'error',
      isPaused,
      isAskedFor: (rule) => unhandledReconcileToken(rule) !== undefined,
    });
    return this.#plan;
  }

  /** Rules that the backend grants but clients cannot use, because their Secret is missing or was changed. */
  get rulesWithoutKey(): readonly ShareAccess[] {
    this.#rulesWithoutKey ??= namespaceIsTerminating(this.operator, this.namespace)
      ? []
      : this.rules.filter(
          (rule) =>
            rule.status?.phase === 'active' &&
            rule.metadata.deletionTimestamp === undefined &&
            !isPaused(rule) &&
            !isIntact(this.operator, rule),
        );
    return this.#rulesWithoutKey;
  }

  /** The scope as the caches show it now; undefined where the share is gone. */
  refresh(): AccessScope | undefined {
    const { operator, context, memory } = this;
    const share = operator.informers.shares.cache.get(context.key);
    if (share === undefined || uidOf(share) !== memory.shareUID) return undefined;
    return new AccessScope(operator, context, memory, share);
  }
}

/** What a single rule of the scope's share depends on. */
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
  const { name } = scope.share.metadata;
  const { phase = 'creating', identifier } = scope.share.status ?? {};
  if (identifier === undefined || !['available', 'extending', 'shrinking'].includes(phase)) {
    const message = `waits until share ${name} is available`;
    return { reason: 'ShareNotAvailable', message, subject: { kind: 'Share', name } };
  }
  return whyNoCall(scope);
}

/** Why the driver can't be called for the share now, except to deny. */
export function whyNoCall(scope: AccessScope): Finding | undefined {
  const { operator, namespace, share } = scope;
  if (namespaceIsTerminating(operator, namespace)) {
    return { ...namespaceTerminating, message: 'no access is granted in a namespace that is being deleted' };
  }
  const { name } = share.metadata;
  if (isPaused(share)) {
    return { reason: 'SharePaused', message: `share ${name} is paused`, subject: { kind: 'Share', name } };
  }
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

/** Timeout of a driver call, in milliseconds. */
export function timeoutOf({ backend }: AccessScope): number {
  return timeoutsOf(backend).operation;
}
