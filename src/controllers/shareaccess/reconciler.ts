import { mayBeGranted, type RulePlan, readyReason } from '../../access-rules/plan.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { CallsSuspended, suspendedPauseMs } from '../driver-calls/backend-circuits.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { isCurrent, staleCache } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { earliestRequeueMs } from '../reconcile/earliest-requeue.ts';
import { whyNoRemoval } from '../status/findings.ts';
import { reportingWhile } from '../status/long-waits.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import { applyBatch, type PreparedAhead, prepareAhead } from './apply.ts';
import { ComparedRules } from './compared-rules.ts';
import { abandon, release, standWithoutShare } from './deny.ts';
import { ruleNameOf } from './key-secret.ts';
import { AccessProgress, shortWaitMs } from './progress.ts';
import { Recovery } from './recovery.ts';
import { workOn } from './rule-status.ts';
import { type AccessScope, accessCallScope, accessScope, planOf, timeoutOf, whyNoGrant } from './scope.ts';

const foreignSecretLookMs = 300_000;

interface Todo {
  readonly deny: boolean;
  readonly grant: boolean;
  readonly recovery: boolean;
  readonly plan: RulePlan;
  /** Rules that are waited for. */
  readonly waiting: readonly ShareAccess[];
  /** Granted rules without their key, which a recovery restores. */
  readonly withoutKey: readonly ShareAccess[];
}

/** Keeps the access rules of shares: all rules of one share are one key, one batch and one call at a time. */
export class ShareAccessReconciler {
  readonly #operator: Operator;
  readonly #progress: AccessProgress;
  readonly #recovery: Recovery;
  readonly #compared = new ComparedRules();

  constructor(operator: Operator) {
    this.#operator = operator;
    this.#progress = new AccessProgress(operator);
    this.#recovery = new Recovery(operator);
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'shareaccess',
      workers,
      reconcile: reportingRefusals(this.#operator, 'shareaccess', informers.shares, (context) =>
        this.reconcile(context),
      ),
    });
    const ofShare = (namespace: string | undefined, name: string) => ({ namespace: namespace ?? '', name });
    controller.watch(informers.shareAccesses, ({ object }) =>
      ofShare(object.metadata.namespace, object.spec.shareName),
    );
    controller.watch(informers.shares, (event) => {
      if (event.type === 'deleted') this.#compared.forget(uidOf(event.object));
      const facts = ({ status, metadata }: Share) => [
        status?.phase,
        status?.identifier,
        metadata.deletionTimestamp,
        metadata.annotations,
      ];
      return changed(event, facts) ? nameOf(event.object) : undefined;
    });
    controller.watch(informers.shareServers, (event) => {
      if (!changed(event, ({ status }) => status?.phase)) return undefined;
      const { namespace = '', name } = event.object.metadata;
      return namespaceView(this.#operator, namespace).sharesOn(name).map(nameOf);
    });
    controller.watch(informers.shareNetworks, (event) => {
      if (!changed(event, ({ metadata, status }) => [status?.phase, metadata.deletionTimestamp])) return undefined;
      const { namespace = '', name } = event.object.metadata;
      return namespaceView(this.#operator, namespace).sharesOfNetwork(name).map(nameOf);
    });
    // Its labels decide which ids its rules may use: another look is worth it only for rules that were refused one.
    controller.watch(informers.namespaces, (event) => {
      if (!changed(event, labelsOf)) return undefined;
      return informers.shareAccesses.cache
        .list(event.object.metadata.name)
        .filter((rule) => readyReason(rule) === 'AccessIDReserved')
        .map(({ metadata, spec }) => ofShare(metadata.namespace, spec.shareName));
    });
    controller.watch(informers.storageBackends, (event) => {
      const { object, previous } = event;
      const known = previous?.status?.capabilities?.backendInfo;
      if (known !== undefined && known !== object.status?.capabilities?.backendInfo) {
        const shares = informers.shares.cache.byIndex('byBackend', object.metadata.name);
        this.#recovery.examineLater(shares.filter(({ status }) => status?.backendName === object.metadata.name));
      }
      const facts = ({ spec, status, metadata }: StorageBackend) => [
        spec.enabled,
        spec.allowAbandon,
        spec.cephfs?.reservedIDs,
        status?.capabilities,
        status?.conditions,
        metadata.deletionTimestamp,
      ];
      if (!changed(event, facts)) return undefined;
      // Access that is to be taken away goes first.
      const shares = informers.shares.cache.byIndex('byBackend', object.metadata.name);
      const denying = shares.filter(({ metadata: { namespace = '', name } }) =>
        namespaceView(this.#operator, namespace)
          .rulesOf(name)
          .some(({ metadata }) => metadata.deletionTimestamp !== undefined),
      );
      return [...denying, ...shares].map(nameOf);
    });
    controller.watch(informers.accessKeys, ({ object }) => {
      // By its name: the owner reference may be what somebody removed.
      const name = ruleNameOf(object);
      const { namespace = '' } = object.metadata;
      const rule = name === undefined ? undefined : informers.shareAccesses.cache.get({ namespace, name });
      return rule === undefined ? undefined : ofShare(namespace, rule.spec.shareName);
    });
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const share = this.#operator.informers.shares.cache.get(context.key);
    if (share === undefined) return await this.#withoutShare(context);
    const scope = accessScope(this.#operator, context, share);
    const abandoned = await abandon(scope);
    if (abandoned !== undefined) return abandoned;
    await this.#progress.standPaused(scope);
    const plan = planOf(scope);
    const problemsLeft = await this.#progress.writeProblems(plan);
    await this.#progress.standApplied(scope, plan);
    const released = await this.#releaseUnknown(scope, plan);
    if (released !== undefined) return released;

    const { wake: told, deny, grant } = await this.#queue(scope, plan);
    const recovery = this.#recovery.isDue(scope, plan);
    const withoutKey = this.#recovery.withoutKey(scope);
    if (!recovery && withoutKey.length > 0) {
      await this.#progress.standWithoutKey(withoutKey, whyNoGrant(scope)?.message ?? 'it waits for its turn');
    }
    let wake = told;
    if (deny || grant || recovery) {
      const waiting = [...(deny ? plan.deny : []), ...(grant ? [...plan.add, ...plan.update] : [])];
      try {
        wake = earliestRequeueMs(wake, await this.#work(scope, { deny, grant, recovery, plan, waiting, withoutKey }));
      } catch (error) {
        if (error instanceof RefusedWrite) await this.#progress.writeShareSummary(scope);
        throw error;
      }
    }
    await this.#progress.writeShareSummary(scope);
    const { rulesOf } = namespaceView(this.#operator, scope.namespace);
    if (rulesOf(share.metadata.name).some((rule) => readyReason(rule) === 'AccessKeySecretConflict')) {
      wake = earliestRequeueMs(wake, foreignSecretLookMs);
    }
    if (problemsLeft) wake = 1;
    return { requeueAfterMs: earliestRequeueMs(wake, this.#recovery.nextMs(share)) };
  }

  /** Tells what can go ahead; rules that can't say why once they have waited for a moment. */
  async #queue(scope: AccessScope, plan: RulePlan) {
    const shareKey = keyOf(scope);
    const denialWait = whyNoRemoval(scope);
    const grantWait = whyNoGrant(scope);
    let wake: number | undefined;
    this.#progress.keepWaiting(shareKey, [...plan.deny, ...plan.add, ...plan.update]);
    if (denialWait !== undefined) {
      wake = await this.#progress.wait(shareKey, plan.deny, 'queued_to_deny', denialWait);
    }
    if (grantWait !== undefined) {
      wake = earliestRequeueMs(wake, await this.#progress.wait(shareKey, plan.add, 'queued_to_apply', grantWait));
      wake = earliestRequeueMs(wake, await this.#progress.wait(shareKey, plan.update, 'queued_to_update', grantWait));
    }
    return {
      wake,
      deny: plan.deny.length > 0 && denialWait === undefined,
      grant: plan.add.length + plan.update.length > 0 && grantWait === undefined,
    };
  }

  /**
   * One batch, and a recovery where one is due, under one lease.
   * @returns milliseconds after which work that goes on on the storage system is to be asked for
   */
  async #work(scope: AccessScope, todo: Todo): Promise<number | undefined> {
    try {
      await this.#call(scope, todo);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof InProgress) return thrown.pollAfter * 1000;
      if (thrown instanceof CallsSuspended) return suspendedPauseMs;
      if (thrown instanceof DriverError) {
        await this.#progress.standFailed(keyOf(scope), todo.waiting, thrown);
        await this.#progress.standWithoutKey(todo.withoutKey, thrown.message);
      }
      throw thrown;
    }
  }

  /** Waits for the backend without holding a worker; when that takes long, the rules say so. */
  async #waitOutside<R>(
    scope: AccessScope,
    todo: Todo,
    work: (waiting: (wait: Finding | undefined) => void) => Promise<R>,
  ): Promise<R> {
    const over = new AbortController();
    let wait: Finding | undefined;
    let shown: Finding | 'none' | undefined;
    const tell = (): void => {
      if (shown === (wait ?? 'none')) return;
      shown = wait ?? 'none';
      void this.#progress.markSlow(scope, todo.waiting, over.signal, wait);
      const why = wait?.message ?? 'the backend is being asked';
      this.#progress.standWithoutKey(todo.withoutKey, why).catch(() => undefined);
    };
    const outside = () => scope.context.outsideWorker(() => work((next) => (wait = next)));
    try {
      return await reportingWhile(scope.operator.clock, tell, outside, shortWaitMs);
    } finally {
      over.abort();
    }
  }

  async #call(scope: AccessScope, todo: Todo): Promise<void> {
    const { operator, context } = scope;
    const callScope = accessCallScope(scope, todo.deny ? 'denial' : 'normal');
    // A recovery reads the rules itself.
    if (todo.grant || todo.deny) await this.#compared.compare(scope);
    const prepared: PreparedAhead = todo.grant ? await prepareAhead(scope, todo.plan) : new Map();
    const granting = [...prepared.values()].some((state) => state !== 'refused');
    if (!granting && !todo.deny && !todo.recovery) return;
    const lease = await this.#waitOutside(scope, todo, (waiting) =>
      operator.calls.acquire(callScope, context.signal, timeoutOf(scope), waiting),
    );
    const caller: DriverCaller = {
      call: (options, invoke) => this.#waitOutside(scope, todo, () => lease.call(options, invoke)),
    };
    try {
      // Rules that came while the lease was waited for are part of the batch.
      const fresh = this.#refresh(scope);
      if (fresh === undefined) return;
      const mayGrant = whyNoGrant(fresh) === undefined;
      const mayDeny = whyNoRemoval(fresh) === undefined;
      if ((todo.grant && mayGrant) || (todo.deny && mayDeny)) {
        await applyBatch(fresh, caller, { grants: mayGrant, prepared });
      }
      if (todo.recovery) await this.#recovery.run(() => this.#refresh(scope), caller);
    } finally {
      lease.release();
    }
  }

  #refresh({ operator, context, share }: AccessScope): AccessScope | undefined {
    const fresh = operator.informers.shares.cache.get(context.key);
    return fresh === undefined || uidOf(fresh) !== uidOf(share) ? undefined : accessScope(operator, context, fresh);
  }

  async #withoutShare(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { namespace = '', name } = context.key;
    const rules = namespaceView(this.#operator, namespace)
      .rulesOf(name)
      .filter((rule) => !isPaused(rule));
    // The event of what the cache is shown brings the key back.
    const { shares } = this.#operator.informers;
    const isGone = (): Promise<boolean> => isCurrent(this.#operator, shares, context.key, undefined);
    if (rules.some(mayBeGranted) && !(await isGone())) return staleCache;
    await oneByOne(rules, async (rule) => {
      if (mayBeGranted(rule)) {
        if (rule.status?.accessLevel !== undefined) this.#warnOfAccess(rule);
        await release(this.#operator, rule);
      } else if (rule.metadata.deletionTimestamp === undefined && !saysThatShareIsMissing(rule)) {
        await standWithoutShare(this.#operator, rule);
      }
    });
    return undefined;
  }

  /** The Share was removed by force, or abandoned: where it was is not known any more, and no driver can be asked. */
  #warnOfAccess(rule: ShareAccess): void {
    const { shareName, accessType, accessTo } = rule.spec;
    const note = `share ${shareName} was removed before the access of ${accessType} ${accessTo} was taken away; it may remain on the storage system`;
    this.#operator.recorder.event(rule, { type: 'Warning', reason: 'AccessMayRemain', action: 'DenyAccess', note });
  }

  /** Lets rules go that wait for nothing but a driver that never heard of the share. */
  async #releaseUnknown({ share }: AccessScope, plan: RulePlan): Promise<ReconcileResult | undefined> {
    const { identifier, operation, backendName } = share.status ?? {};
    if (identifier !== undefined || (operation !== undefined && backendName !== undefined)) return undefined;
    const { refusedWrites, informers } = this.#operator;
    const unknown = plan.deny.filter((rule) => !refusedWrites.rests(uidOf(rule), workOn(rule)));
    if (unknown.length === 0) return undefined;
    if (!(await isCurrent(this.#operator, informers.shares, nameOf(share), share))) return staleCache;
    let released = false;
    await oneByOne(unknown, async (rule) => {
      released = (await release(this.#operator, rule)) || released;
    });
    return released ? { requeueAfterMs: 1 } : undefined;
  }
}

/** Whether the rule says of its present spec that there is no share. */
function saysThatShareIsMissing(rule: ShareAccess): boolean {
  return readyReason(rule) === 'ShareNotFound' && rule.status?.observedGeneration === rule.metadata.generation;
}

function keyOf({ namespace, share }: AccessScope): string {
  return `${namespace}/${share.metadata.name}`;
}
