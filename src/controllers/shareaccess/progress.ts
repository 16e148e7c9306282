import { mayBeGranted, type RulePlan, type RuleProblem, readyReason } from '../../access-rules/plan.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess, ShareAccessPhase } from '../../api/v1alpha1/share-access.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { pausedReadiness } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { isIntact, keySecretName } from './key-secret.ts';
import { appliedReadiness, writeRule, writeRuleError } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/** Waits and calls shorter than this are not written: the object would say so for a moment only. */
export const shortWaitMs = 1000;

/** Of the rules that can't be applied so many are written in one pass at least, or such a part of them. */
const leastInPass = 100;
const partInPass = 0.1;
const beingAsked: Finding = { reason: 'Applying', message: 'the backend is being asked' };

type QueuedPhase = 'queued_to_apply' | 'queued_to_update' | 'queued_to_deny';

const keyAltered = 'AccessKeySecretAltered';

/** Tells on the objects what becomes of them while it is under way; nothing of what is over in a moment. */
export class AccessProgress {
  readonly #operator: Operator;
  /** Since when rules wait, by UID, of one share each. */
  readonly #waiting = new Map<string, Map<string, number>>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Forgets the waits of a share's rules that are over. */
  keepWaiting(shareKey: string, rules: readonly ShareAccess[]): void {
    const uids = new Set(rules.map(uidOf));
    const waiting = this.#waiting.get(shareKey);
    if (waiting === undefined) return;
    for (const uid of waiting.keys()) if (!uids.has(uid)) waiting.delete(uid);
    if (waiting.size === 0) this.#waiting.delete(shareKey);
  }

  /**
   * Writes that rules wait, once they have waited for a moment.
   * @returns milliseconds until the wait is long enough to be told; undefined when it was told
   */
  async wait(
    shareKey: string,
    rules: readonly ShareAccess[],
    phase: QueuedPhase,
    { reason, message }: Finding,
  ): Promise<number | undefined> {
    let wake: number | undefined;
    await oneByOne(rules, async (rule) => {
      const leftMs = this.#waitingSince(shareKey, uidOf(rule)) + shortWaitMs - this.#operator.clock.now();
      if (leftMs > 0) {
        wake = Math.min(wake ?? leftMs, leftMs);
        return;
      }
      await writeRule(this.#operator, rule, (draft, fresh) => {
        if (fresh.status?.phase === 'error' && phase !== 'queued_to_deny') draft.set({ phase: 'queued_to_apply' });
        else draft.set({ phase });
        draft.setReadiness({ state: 'working', reason, message });
      });
    });
    return wake;
  }

  /**
   * A call, or the wait for leave to make it, takes long: the share and the rules say what is going on. Best effort.
   * @param over aborted when it has ended
   */
  async markSlow(
    scope: AccessScope,
    rules: readonly ShareAccess[],
    over: AbortSignal,
    wait: Finding = beingAsked,
  ): Promise<void> {
    const { client, informers } = this.#operator;
    const share = informers.shares.cache.get(nameOf(scope.share));
    if (share !== undefined && share.metadata.deletionTimestamp === undefined) {
      draftOf(this.#operator, share)
        .set({ accessRulesStatus: 'syncing' })
        .write(client, informers.shares)
        .catch(() => undefined);
    }
    await oneByOne(rules, async (rule) => {
      const fresh = this.#latest(rule);
      if (over.aborted || fresh === undefined || readyReason(fresh) === 'AccessKeySecretConflict') return;
      const draft = draftOf(this.#operator, fresh);
      draft.set({ phase: phaseInCall(fresh) });
      draft.setReadiness({ state: 'working', ...wait });
      // What really happened is written when the call ends.
      await draft.write(client, informers.shareAccesses).catch(() => undefined);
    });
  }

  /** A call failed and is tried again: its rules say why. */
  async standFailed(shareKey: string, rules: readonly ShareAccess[], error: DriverError): Promise<void> {
    const reason = toReason(error.reason);
    const message = `${error.message}; it is tried again`;
    await oneByOne(rules, async (rule) => {
      const fresh = this.#latest(rule);
      if (fresh === undefined || readyReason(fresh) === 'AccessKeySecretConflict') return;
      if (!mayBeGranted(fresh)) {
        // It did not come to a call: this is a wait.
        await this.wait(shareKey, [fresh], 'queued_to_apply', { reason, message });
        return;
      }
      await writeRule(this.#operator, fresh, (draft, latest) => {
        draft.set({ phase: phaseInCall(latest) });
        draft.setReadiness({ state: 'working', reason, message });
      });
    });
  }

  /**
   * Writes what is wrong with rules that can't be applied: of thousands a part in each pass, so that the other rules don't wait for
   * all of them.
   * @returns whether some were left for the next pass
   */
  async writeProblems(plan: RulePlan): Promise<boolean> {
    const news = plan.problems.filter(
      (problem) => !isWritten(problem) || unhandledReconcileToken(problem.rule) !== undefined,
    );
    const now = news.slice(0, Math.max(leastInPass, news.length * partInPass));
    await oneByOne(now, async (problem) => {
      const { rule, reason, message } = problem;
      const token = unhandledReconcileToken(rule);
      const changes = token === undefined ? {} : { lastHandledReconcileAt: token };
      await writeRuleError(this.#operator, rule, reason, message, changes);
      if (isSaid(problem)) return;
      this.#operator.recorder.event(rule, { type: 'Warning', reason, action: 'UpdateAccess', note: message });
    });
    return now.length < news.length;
  }

  /** Rules whose key cannot be restored now say so: their Secret has none, or a wrong one. */
  async standWithoutKey(rules: readonly ShareAccess[], why: string): Promise<void> {
    await oneByOne(rules, async (rule) => {
      const fresh = this.#latest(rule);
      if (fresh === undefined || isIntact({ operator: this.#operator }, fresh)) return;
      await writeRule(this.#operator, fresh, (draft) => {
        const { observedGeneration } = draft.status;
        const message = `Secret ${keySecretName(rule)} is missing or was altered, and is restored when the backend can be asked: ${why}`;
        draft.setReadiness({ state: 'working', reason: keyAltered, message });
        draft.set({ observedGeneration });
      });
    });
  }

  /** Rules that are as wished and were paused, or lacked their key, say so; all others that are kept said it before. */
  async standApplied(scope: AccessScope, plan: RulePlan): Promise<void> {
    await oneByOne(plan.keep, async (rule) => {
      const reason = readyReason(rule);
      if (isPaused(rule) || !(reason === 'Paused' || (reason === keyAltered && isIntact(scope, rule)))) return;
      await writeRule(this.#operator, rule, (draft) => {
        draft.setReadiness(appliedReadiness);
        draft.set({ observedGeneration: rule.metadata.generation });
      });
    });
  }

  /** Says of paused rules that they are. */
  async standPaused({ rules }: AccessScope): Promise<void> {
    await oneByOne(rules, async (rule) => {
      if (!isPaused(rule) || rule.metadata.deletionTimestamp !== undefined) return;
      const draft = draftOf(this.#operator, rule);
      draft.setReadiness(pausedReadiness);
      // What changed while it is paused is not observed.
      draft.set({ observedGeneration: rule.status?.observedGeneration });
      await draft.write(this.#operator.client, this.#operator.informers.shareAccesses);
    });
  }

  /** Writes the sum of the rules on their share. */
  async writeShareSummary({ share: stale }: AccessScope): Promise<void> {
    const { informers, client } = this.#operator;
    const share = informers.shares.cache.get(nameOf(stale));
    if (share?.status?.identifier === undefined || share.metadata.deletionTimestamp !== undefined) return;
    const rules = namespaceView(this.#operator, share.metadata.namespace ?? '').rulesOf(share.metadata.name);
    // Of a rule that nothing was written about its wait has been short so far.
    const told = rules.filter(({ status }) => (status?.observedGeneration ?? -1) !== -1);
    const phases = new Set(told.map(({ status }) => status?.phase ?? 'queued_to_apply'));
    const syncing = [...phases].some((phase) => phase !== 'active' && phase !== 'error');
    const summary = phases.has('error') ? 'error' : syncing ? 'syncing' : 'active';
    if (summary === share.status.accessRulesStatus) return;
    await writeDriverResult(this.#operator, informers.shares, share, (fresh) => {
      const draft = draftOf(this.#operator, fresh);
      return draft.set({ accessRulesStatus: summary }).write(client, informers.shares);
    });
  }

  #waitingSince(shareKey: string, uid: string): number {
    const waiting = this.#waiting.get(shareKey) ?? new Map<string, number>();
    const since = waiting.get(uid) ?? this.#operator.clock.now();
    this.#waiting.set(shareKey, waiting.set(uid, since));
    return since;
  }

  #latest(rule: ShareAccess): ShareAccess | undefined {
    const cached = this.#operator.informers.shareAccesses.cache.get(nameOf(rule));
    return cached !== undefined && uidOf(cached) === uidOf(rule) ? cached : undefined;
  }
}

/** Whether the rule says already what is wrong with it. */
function isSaid({ rule, reason, message }: RuleProblem): boolean {
  const before = findCondition(rule.status?.conditions, 'Ready');
  return rule.status?.phase === 'error' && before?.reason === reason && before.message === message;
}

/** The same, of its present spec. */
function isWritten(problem: RuleProblem): boolean {
  const { status, metadata } = problem.rule;
  return isSaid(problem) && status?.observedGeneration === metadata.generation;
}

/** Phase of a rule that a call is about. */
function phaseInCall({ metadata, status }: ShareAccess): ShareAccessPhase {
  if (metadata.deletionTimestamp !== undefined) return 'denying';
  return status?.accessLevel === undefined ? 'applying' : 'updating';
}
