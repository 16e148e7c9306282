import { createHash } from 'node:crypto';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { NetworkChangeRecord } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { findPassword } from '../../cluster-state/credentials.ts';
import { guardInput } from '../../cluster-state/guard-input.ts';
import { requestToken } from '../../cluster-state/requests.ts';
import type { ChangePlan } from '../../network-change/change-plan.ts';
import { judgeChange } from '../../network-change/judge-change.ts';
import { lagOf } from '../../network-change/up-to-date.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import type { Readiness } from '../status/status-draft.ts';
import { comparisonWith, type NetworkScope } from './network-scope.ts';

/** What the user of a network wishes, held against what is recorded. */
export type Wish =
  /** Nothing is to be done. */
  | { readonly kind: 'none'; readonly plan: ChangePlan }
  /** The association is recorded without any driver: nothing is in use, or only UIDs are new. */
  | { readonly kind: 'record'; readonly plan: ChangePlan; readonly token: string | undefined }
  /** It can't be done now. */
  | { readonly kind: 'refused'; readonly readiness: Readiness }
  /** Share servers are to be changed. */
  | { readonly kind: 'change'; readonly change: WantedChange };

/** A change that the guard lets pass, bound to the content that it was judged on. */
export interface WantedChange {
  readonly plan: ChangePlan;
  readonly scope: NetworkChangeRecord['scope'];
  readonly requestedBy: string;
  readonly token: string | undefined;
  /** Share servers that take part. */
  readonly participants: readonly ShareServer[];
  /** Another digest is another change: to be checked anew. */
  readonly digest: string;
}

/** An unhandled token that asks for the change flow with present data. */
function reapplyToken(scope: NetworkScope): string | undefined {
  const token = requestToken(scope.network, labels.reapplyRequestedAt);
  return token === scope.network.status?.lastHandledReapplyAt ? undefined : token;
}

/**
 * Works out what is wished, on the given servers.
 * @param quiet whether the caller keeps driver calls of the network from running
 */
export function wishOf(scope: NetworkScope, servers: readonly ShareServer[], quiet: boolean): Wish {
  const { operator, network, namespace } = scope;
  const token = reapplyToken(scope);
  const judgement = judgeChange(guardInput(operator, network, servers, { reapply: token !== undefined, quiet }));
  const { plan } = judgement;
  if (judgement.kind === 'nothing') {
    return plan.silent === undefined ? { kind: 'none', plan } : { kind: 'record', plan, token };
  }
  if (judgement.kind === 'refused') {
    const { effect, reason, message } = judgement.finding;
    return refused(effect === 'wait' ? 'working' : 'stalled', reason, message);
  }
  const counted = judgement.servers;
  if (counted.length === 0) {
    if (plan.unresolved.length > 0 && plan.wanted) {
      const names = nameList(plan.unresolved);
      return refused('working', 'SecurityServiceNotFound', `waiting for security services that do not exist: ${names}`);
    }
    return plan.wanted || plan.silent !== undefined || token !== undefined
      ? { kind: 'record', plan, token }
      : { kind: 'none', plan };
  }
  // Nothing to apply again.
  if (plan.changes.length === 0) return { kind: 'record', plan, token };
  const comparison = comparisonWith(operator, namespace);
  const lagging = counted.filter((server) => lagOf(server, plan.association, comparison) !== undefined);
  const specChanged = plan.changes.some(({ operation }) => operation !== 'reapply');
  const onlyLagging = !specChanged && lagging.length > 0;
  const participants = onlyLagging ? lagging : counted;
  return {
    kind: 'change',
    change: {
      plan,
      scope: onlyLagging ? 'outdated' : 'all',
      requestedBy: specChanged || token === undefined ? 'spec' : `reapply/${token}`,
      token,
      participants,
      digest: digestOf(scope, plan, participants, token),
    },
  };
}

/** What the network waits for while driver calls of it run: the guard's words, which name the shares, rules or servers. */
export function readinessWhileBusy(scope: NetworkScope, servers: readonly ShareServer[]): Readiness {
  const { operator, network } = scope;
  const { calls } = operator;
  const judgement = judgeChange(
    guardInput(operator, network, servers, {
      reapply: reapplyToken(scope) !== undefined,
      quiet: false,
      shareIsBusy: (uid) => calls.shareIsBusy(uid),
    }),
  );
  if (judgement.kind === 'refused' && judgement.finding.effect === 'wait') {
    const { reason, message } = judgement.finding;
    return { state: 'working', reason, message: `${message}; the change goes on when they have ended` };
  }
  const busy = servers.filter((server) => calls.serverIsBusy(uidOf(server))).map(({ metadata }) => metadata.name);
  const what = busy.length === 0 ? 'objects of the network' : `share servers ${nameList(busy)}`;
  return {
    state: 'working',
    reason: busy.length === 0 ? 'ShareBusy' : 'ShareServerNotActive',
    message: `driver calls are running for ${what}; the change goes on when they have ended`,
  };
}

function refused(state: 'working' | 'stalled', reason: Reason, message: string): Wish {
  return { kind: 'refused', readiness: { state, reason, message } };
}

/** What a verdict of the drivers is bound to: services with their passwords, and servers. */
function digestOf(
  { operator, namespace }: NetworkScope,
  plan: ChangePlan,
  participants: readonly ShareServer[],
  token: string | undefined,
): string {
  const services = plan.association.map(({ type, name, uid }) => {
    const service = operator.informers.securityServices.cache.get({ namespace, name });
    const password = service === undefined ? undefined : findPassword(operator, service);
    return [
      type,
      name,
      uid,
      service?.metadata.generation,
      password?.state === 'usable' ? password.version : password?.state,
    ];
  });
  const servers = participants.map((server) => uidOf(server)).sort();
  return createHash('sha256')
    .update(JSON.stringify([services, servers, plan.changes.map(({ type, operation }) => [type, operation]), token]))
    .digest('hex')
    .slice(0, 32);
}
