import { createHash } from 'node:crypto';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
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
import { type BlockedStep, stalled, wait } from '../reconcile/step.ts';
import type { NetworkScope } from './network-scope.ts';
import { comparisonOf } from './service-comparison.ts';

/** What is to be done about the security services of a network: its spec, or a token, compared with what is recorded. */
export type ChangeDecision =
  | { readonly kind: 'none'; readonly plan: ChangePlan }
  /** The association is recorded without any driver: nothing is in use, or only UIDs are new. */
  | { readonly kind: 'record'; readonly plan: ChangePlan; readonly token: string | undefined }
  /** It cannot be done now. */
  | { readonly kind: 'refused'; readonly step: BlockedStep }
  /** Share servers are to be changed. */
  | { readonly kind: 'change'; readonly change: PlannedChange };

/** A change that the guard allows, bound to the content that it was judged on. */
export interface PlannedChange {
  readonly plan: ChangePlan;
  readonly scope: NetworkChangeRecord['scope'];
  readonly requestedBy: string;
  readonly token: string | undefined;
  /** Share servers that take part. */
  readonly participants: readonly ShareServer[];
  /** A change with another digest is another one: the drivers have to check it again. */
  readonly digest: string;
}

/** An unhandled token that asks for the present data to be applied again. */
function reapplyToken({ network }: NetworkScope): string | undefined {
  const token = requestToken(network, labels.reapplyRequestedAt);
  return token === network.status?.lastHandledReapplyAt ? undefined : token;
}

/**
 * Decides what is to be done, with the given servers.
 * @param quiet whether the caller keeps driver calls of the network from running
 */
export function decideChange(scope: NetworkScope, servers: readonly ShareServer[], quiet: boolean): ChangeDecision {
  const token = reapplyToken(scope);
  const input = guardInput(scope.operator, scope.network, servers, { reapply: token !== undefined, quiet });
  const judgement = judgeChange(input);
  const { plan } = judgement;
  if (judgement.kind === 'nothing') {
    return plan.silent === undefined ? { kind: 'none', plan } : { kind: 'record', plan, token };
  }
  if (judgement.kind === 'refused') {
    const { finding } = judgement;
    return { kind: 'refused', step: finding.effect === 'wait' ? wait(finding) : stalled(finding) };
  }
  const counted = judgement.servers;
  if (counted.length === 0) {
    if (plan.unresolved.length > 0 && plan.wanted) {
      const message = `waiting for security services that do not exist: ${nameList(plan.unresolved)}`;
      return { kind: 'refused', step: wait({ reason: 'SecurityServiceNotFound', message }) };
    }
    return plan.wanted || plan.silent !== undefined || token !== undefined
      ? { kind: 'record', plan, token }
      : { kind: 'none', plan };
  }
  // Nothing to apply again.
  if (plan.changes.length === 0) return { kind: 'record', plan, token };
  return { kind: 'change', change: plannedChange(scope, plan, counted, token) };
}

function plannedChange(
  scope: NetworkScope,
  plan: ChangePlan,
  servers: readonly ShareServer[],
  token: string | undefined,
): PlannedChange {
  const comparison = comparisonOf(scope);
  const lagging = servers.filter((server) => lagOf(server, plan.association, comparison) !== undefined);
  const isSpecChanged = plan.changes.some(({ operation }) => operation !== 'reapply');
  const isForLagging = !isSpecChanged && lagging.length > 0;
  const participants = isForLagging ? lagging : servers;
  return {
    plan,
    scope: isForLagging ? 'outdated' : 'all',
    requestedBy: isSpecChanged || token === undefined ? 'spec' : `reapply/${token}`,
    token,
    participants,
    digest: digestOf(scope, plan, participants, token),
  };
}

/** What the network waits for while driver calls run: the finding of the guard, which names the shares, rules or servers. */
export function runningCalls(scope: NetworkScope, servers: readonly ShareServer[]): Finding {
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
    return { reason, message: `${message}; the change continues when they have ended` };
  }
  const busy = servers.filter((server) => calls.serverIsBusy(uidOf(server))).map(({ metadata }) => metadata.name);
  const what = busy.length === 0 ? 'objects of the network' : `share servers ${nameList(busy)}`;
  return {
    reason: busy.length === 0 ? 'ShareBusy' : 'ShareServerNotActive',
    message: `driver calls are running for ${what}; the change continues when they have ended`,
  };
}

/** What a verdict of the drivers is bound to: services with their passwords, and servers. */
function digestOf(
  { operator, view }: NetworkScope,
  plan: ChangePlan,
  participants: readonly ShareServer[],
  token: string | undefined,
): string {
  const services = plan.association.map(({ type, name, uid }) => {
    const service = view.service(name);
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
