import { mayBeGranted, type RulePlan, readyReason } from '../../access-rules/plan.ts';
import type { Share, ShareStatus } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { asDriverError, DriverError, InProgress } from '../../drivers/errors.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Manager } from '../../runtime/manager.ts';
import { uidOf } from '../driver-requests.ts';
import { writeDriverResult } from '../driver-result.ts';
import { namespaceIsTerminating, type Operator, related } from '../operator.ts';
import { isPaused, pausedStanding, unhandledReconcileToken } from '../requests.ts';
import { ensureShare } from '../share/ensure.ts';
import { StatusDraft } from '../status-draft.ts';
import { applyBatch, recover } from './apply.ts';
import { release, standWithoutShare } from './deny.ts';
import { cachedKeySecret } from './key-secret.ts';
import { ruleDraft, writeRule, writeRuleError } from './rule-status.ts';
import {
  type AccessScope,
  accessCallScope,
  accessScope,
  planOf,
  timeoutOf,
  type Wait,
  whyNoDenial,
  whyNoGrant,
} from './scope.ts';

/** Waits shorter than this are not written: the object would say "waiting" for a moment only. */
const shortWaitMs = 1000;
const foreignSecretLookMs = 300_000;
const resyncMs = 10 * 3600_000;

/** Keeps the access rules of shares: all rules of one share are one key, one batch and one call at a time. */
export class ShareAccessReconciler {
  readonly #operator: Operator;
  /** When each share's rules are recovered next without anybody asking. */
  readonly #nextRecovery = new Map<string, number>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Manager, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'shareaccess',
      workers,
      reconcile: (context) => this.reconcile(context),
    });
    const ofShare = (namespace: string | undefined, name: string) => ({ namespace: namespace ?? '', name });
    controller.watch(informers.shareAccesses, ({ object }) =>
      ofShare(object.metadata.namespace, object.spec.shareName),
    );
    controller.watch(informers.shares, ({ object, previous }) => {
      const facts = (share: Share | undefined): string =>
        JSON.stringify([
          share?.status?.phase,
          share?.status?.identifier,
          share?.metadata.deletionTimestamp,
          share?.metadata.annotations,
        ]);
      return facts(object) === facts(previous) ? undefined : ofShare(object.metadata.namespace, object.metadata.name);
    });
    controller.watch(informers.shareServers, ({ object, previous }) => {
      if (object.status?.phase === previous?.status?.phase) return undefined;
      const namespace = object.metadata.namespace ?? '';
      return related(this.#operator, namespace)
        .sharesOn(object.metadata.name)
        .map((share) => ofShare(namespace, share.metadata.name));
    });
    controller.watch(informers.shareNetworks, ({ object, previous }) => {
      if (
        object.status?.phase === previous?.status?.phase &&
        object.metadata.deletionTimestamp === previous?.metadata.deletionTimestamp
      ) {
        return undefined;
      }
      const namespace = object.metadata.namespace ?? '';
      return related(this.#operator, namespace)
        .sharesOfNetwork(object.metadata.name)
        .map((share) => ofShare(namespace, share.metadata.name));
    });
    controller.watch(informers.storageBackends, ({ object, previous }) => {
      const facts = (backend: typeof object | undefined): string =>
        JSON.stringify([backend?.spec.enabled, backend?.status?.capabilities, backend?.status?.conditions]);
      if (facts(object) === facts(previous)) return undefined;
      return informers.shares.cache
        .byIndex('byBackend', object.metadata.name)
        .map((share) => ofShare(share.metadata.namespace, share.metadata.name));
    });
    controller.watch(informers.accessKeys, ({ object }) => {
      const namespace = object.metadata.namespace ?? '';
      const owner = object.metadata.ownerReferences?.find(({ kind }) => kind === 'ShareAccess');
      const rule = owner === undefined ? undefined : informers.shareAccesses.cache.get({ namespace, name: owner.name });
      return rule === undefined ? undefined : ofShare(namespace, rule.spec.shareName);
    });
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { informers } = this.#operator;
    const share = informers.shares.cache.get(context.key);
    if (share === undefined) return await this.#withoutShare(context);
    const scope = accessScope(this.#operator, context, share);
    await this.#standPaused(scope);
    const plan = planOf(scope);
    await this.#writeProblems(scope, plan);
    await this.#releaseUnknown(scope, plan);

    const denialWait = plan.deny.length === 0 ? undefined : whyNoDenial(scope);
    const grantWait = whyNoGrant(scope);
    const grants = plan.add.length + plan.update.length > 0;
    let wake: number | undefined;
    if (plan.deny.length > 0 && denialWait !== undefined)
      wake = await this.#wait(plan.deny, 'queued_to_deny', denialWait);
    if (grants && grantWait !== undefined) {
      const added = await this.#wait(plan.add, 'queued_to_apply', grantWait);
      const updated = await this.#wait(plan.update, 'queued_to_update', grantWait);
      wake = Math.min(
        wake ?? Number.POSITIVE_INFINITY,
        added ?? Number.POSITIVE_INFINITY,
        updated ?? Number.POSITIVE_INFINITY,
      );
    }
    const canDeny = plan.deny.length > 0 && denialWait === undefined;
    const canGrant = grants && grantWait === undefined;
    const recovery = grantWait === undefined && this.#needsRecovery(scope, plan);
    if (canDeny || canGrant || recovery) {
      await this.#work(scope, {
        deny: canDeny,
        grant: canGrant,
        recovery,
        waiting: [...plan.deny, ...plan.add, ...plan.update],
      });
    }
    await this.#writeShareSummary(context);
    if (plan.problems.some(({ reason }) => reason === 'AccessKeySecretConflict') || this.#hasForeignSecret(context)) {
      wake = Math.min(wake ?? foreignSecretLookMs, foreignSecretLookMs);
    }
    return wake === undefined || !Number.isFinite(wake) ? this.#resync(share) : { requeueAfterMs: wake };
  }

  /** One batch, and a recovery where one is due, under one permit. */
  async #work(
    scope: AccessScope,
    todo: {
      readonly deny: boolean;
      readonly grant: boolean;
      readonly recovery: boolean;
      readonly waiting: readonly ShareAccess[];
    },
  ): Promise<void> {
    const { operator, context } = scope;
    const slow = operator.clock.setTimeout(() => this.#markSlow(todo.waiting), shortWaitMs);
    try {
      await context.outsideWorker(async () => {
        const permit = await operator.calls.permit(
          accessCallScope(scope, todo.deny ? 'denial' : 'normal'),
          context.signal,
          timeoutOf(scope),
        );
        try {
          // Rules that came while the permit was waited for are part of the batch.
          const fresh = this.#refresh(scope);
          if (fresh === undefined) return;
          const mayGrant = whyNoGrant(fresh) === undefined;
          const mayDeny = whyNoDenial(fresh) === undefined;
          if ((todo.grant && mayGrant) || (todo.deny && mayDeny)) await applyBatch(fresh, permit, { grants: mayGrant });
          if (todo.recovery && mayGrant) await this.#recover(this.#refresh(fresh) ?? fresh, permit);
        } finally {
          permit.release();
        }
      });
    } catch (thrown) {
      await this.#standFailed(scope, todo.waiting, thrown);
      throw thrown;
    } finally {
      operator.clock.clearTimeout(slow);
    }
  }

  #refresh({ operator, context, share }: AccessScope): AccessScope | undefined {
    const fresh = operator.informers.shares.cache.get(context.key);
    return fresh === undefined || uidOf(fresh) !== uidOf(share) ? undefined : accessScope(operator, context, fresh);
  }

  async #recover(scope: AccessScope, permit: Parameters<typeof recover>[1]): Promise<void> {
    const { operator, share } = scope;
    const token = unhandledReconcileToken(share);
    if (token !== undefined && !(await ensureShare(operator, scope, permit))) return;
    await recover(scope, permit);
    this.#nextRecovery.set(uidOf(share), this.#later());
    if (token === undefined) return;
    await writeDriverResult(operator, operator.informers.shares, share, (fresh) => {
      const draft = new StatusDraft<ShareStatus, Share>(fresh, new Date(operator.clock.now()));
      return draft.set({ lastHandledReconcileAt: token }).write(operator.client, operator.informers.shares);
    });
  }

  #needsRecovery(scope: AccessScope, plan: RulePlan): boolean {
    const { share, rules } = scope;
    if (share.metadata.deletionTimestamp !== undefined) return false;
    if (unhandledReconcileToken(share) !== undefined) return true;
    if (plan.hitByServer.length > 0) return true;
    const lost = rules.some(
      (rule) =>
        rule.status?.phase === 'active' &&
        rule.status.accessKeySecretRef !== undefined &&
        rule.metadata.deletionTimestamp === undefined &&
        !isPaused(rule) &&
        cachedKeySecret(this.#operator, rule).state !== 'ours',
    );
    if (lost && !namespaceIsTerminating(this.#operator, scope.namespace)) return true;
    const due = this.#nextRecovery.get(uidOf(share));
    return rules.length > 0 && due !== undefined && due <= this.#operator.clock.now();
  }

  #resync(share: Share): ReconcileResult | undefined {
    const uid = uidOf(share);
    if (related(this.#operator, share.metadata.namespace ?? '').rulesOf(share.metadata.name).length === 0) {
      this.#nextRecovery.delete(uid);
      return undefined;
    }
    const due = this.#nextRecovery.get(uid) ?? this.#later();
    this.#nextRecovery.set(uid, due);
    return { requeueAfterMs: Math.max(1000, due - this.#operator.clock.now()) };
  }

  #later(): number {
    return this.#operator.clock.now() + resyncMs * (0.5 + this.#operator.random());
  }

  async #withoutShare(context: ReconcileContext): Promise<undefined> {
    const { namespace = '', name } = context.key;
    for (const rule of related(this.#operator, namespace).rulesOf(name)) {
      if (isPaused(rule)) continue;
      if (mayBeGranted(rule)) await release(this.#operator, rule);
      else if (rule.metadata.deletionTimestamp === undefined && readyReason(rule) !== 'ShareNotFound') {
        await standWithoutShare(this.#operator, rule);
      }
    }
    return undefined;
  }

  /** Rules that wait for nothing but a driver that never heard of the share. */
  async #releaseUnknown({ share }: AccessScope, plan: RulePlan): Promise<void> {
    const { identifier, operation, backendName } = share.status ?? {};
    if (identifier !== undefined || (operation !== undefined && backendName !== undefined)) return;
    for (const rule of plan.deny) await release(this.#operator, rule);
  }

  async #writeProblems({ operator }: AccessScope, plan: RulePlan): Promise<void> {
    for (const { rule, reason, message } of plan.problems) {
      const before = rule.status?.conditions?.find(({ type }) => type === 'Ready');
      if (rule.status?.phase === 'error' && before?.reason === reason && before.message === message) {
        if (rule.status.observedGeneration === rule.metadata.generation) continue;
      }
      await writeRuleError(operator, rule, reason, message, unhandledReconcileToken(rule));
      operator.recorder.event(rule, { type: 'Warning', reason, action: 'UpdateAccess', note: message });
    }
  }

  async #standPaused({ operator, rules }: AccessScope): Promise<void> {
    for (const rule of rules) {
      if (!isPaused(rule) || rule.metadata.deletionTimestamp !== undefined) continue;
      const draft = ruleDraft(operator, rule);
      draft.stand(pausedStanding);
      // What changed while it is paused is not observed.
      draft.set({ observedGeneration: rule.status?.observedGeneration });
      await draft.write(operator.client, operator.informers.shareAccesses);
    }
  }

  /** @returns milliseconds until the wait is long enough to be told; undefined when it was told */
  async #wait(
    rules: readonly ShareAccess[],
    phase: 'queued_to_apply' | 'queued_to_update' | 'queued_to_deny',
    { reason, message }: Wait,
  ): Promise<number | undefined> {
    const { clock } = this.#operator;
    let wake: number | undefined;
    for (const rule of rules) {
      const since = rule.metadata.deletionTimestamp ?? rule.metadata.creationTimestamp ?? '';
      // Timestamps are in whole seconds: rounded up, so that a wait is never told too early.
      const leftMs = Date.parse(since) + 1000 + shortWaitMs - clock.now();
      if (leftMs > 0) {
        wake = Math.min(wake ?? leftMs, leftMs);
        continue;
      }
      await writeRule(this.#operator, rule, (draft, fresh) => {
        if (fresh.status?.phase === 'error' && phase !== 'queued_to_deny') draft.set({ phase: 'queued_to_apply' });
        else draft.set({ phase });
        draft.stand({ state: 'working', reason, message });
      });
    }
    return wake;
  }

  /** A call, or the wait for one, takes long: the rules say what is going on. */
  #markSlow(rules: readonly ShareAccess[]): void {
    for (const rule of rules) {
      const { namespace = '', name } = rule.metadata;
      const fresh = this.#operator.informers.shareAccesses.cache.get({ namespace, name });
      if (fresh === undefined || uidOf(fresh) !== uidOf(rule)) continue;
      const draft = ruleDraft(this.#operator, fresh);
      const phase =
        fresh.metadata.deletionTimestamp !== undefined
          ? 'denying'
          : fresh.status?.accessLevel === undefined
            ? 'applying'
            : 'updating';
      draft.set({ phase });
      draft.stand({ state: 'working', reason: 'Applying', message: 'the backend is being asked' });
      // Best effort: what really happened is written when the call ends.
      draft.write(this.#operator.client, this.#operator.informers.shareAccesses).catch(() => undefined);
    }
  }

  async #standFailed(scope: AccessScope, rules: readonly ShareAccess[], thrown: unknown): Promise<void> {
    if (thrown instanceof InProgress || !(thrown instanceof DriverError)) return;
    const error = asDriverError(thrown);
    const { shareAccesses } = scope.operator.informers;
    for (const rule of rules) {
      const { namespace = '', name } = rule.metadata;
      const fresh = shareAccesses.cache.get({ namespace, name });
      if (fresh === undefined || fresh.status?.phase === 'active' || fresh.status?.phase === 'error') continue;
      if (fresh.metadata.deletionTimestamp === undefined && !mayBeGranted(fresh)) continue;
      await writeRule(scope.operator, fresh, (draft) => {
        draft.stand({ state: 'working', reason: error.reason, message: `${error.message}; it is tried again` });
      });
    }
  }

  #hasForeignSecret({ key }: ReconcileContext): boolean {
    return related(this.#operator, key.namespace ?? '')
      .rulesOf(key.name)
      .some((rule) => readyReason(rule) === 'AccessKeySecretConflict');
  }

  /** The sum of the rules, on the share. */
  async #writeShareSummary(context: ReconcileContext): Promise<void> {
    const { informers, client, clock } = this.#operator;
    const share = informers.shares.cache.get(context.key);
    if (share?.status?.identifier === undefined || share.metadata.deletionTimestamp !== undefined) return;
    const rules = related(this.#operator, context.key.namespace ?? '').rulesOf(context.key.name);
    const phases = new Set(rules.map(({ status }) => status?.phase ?? 'queued_to_apply'));
    const syncing = [...phases].some((phase) => phase !== 'active' && phase !== 'error');
    const summary = phases.has('error') ? 'error' : syncing ? 'syncing' : 'active';
    // A short wait is not told here either.
    if (summary === share.status.accessRulesStatus) return;
    if (
      summary === 'syncing' &&
      !rules.some(({ status }) => status?.phase === 'applying' || status?.phase === 'updating')
    )
      return;
    await writeDriverResult(this.#operator, informers.shares, share, (fresh) => {
      const draft = new StatusDraft<ShareStatus, Share>(fresh, new Date(clock.now()));
      return draft.set({ accessRulesStatus: summary }).write(client, informers.shares);
    });
  }
}
