import type { RulePlan } from '../../access-rules/plan.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { namespaceIsTerminating, namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { isRestored, noteCompared } from '../lifecycle/restored.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { forgetRefusedSize, isSizeRefused } from '../status/refused-size.ts';
import { draftOf } from '../status/status-draft.ts';
import { recover } from './apply.ts';
import { isIntact } from './key-secret.ts';
import { type AccessScope, whyNoCall, whyNoGrant } from './scope.ts';
import { isRecovering } from './update-access.ts';

const resyncMs = 10 * 3600_000;
const overdueLookMs = 60_000;

/**
 * When the access rules of shares are recovered: a share server is back from error, a key Secret is missing or was altered, the
 * driver asks for it, somebody asks for it, or it has not been done for long.
 */
export class Recovery {
  readonly #operator: Operator;
  /** When each share is examined next without anybody asking, by its UID. */
  readonly #next = new Map<string, number>();
  /** UIDs of shares that are to be examined because the backend says that it changed. */
  readonly #toExamine = new Set<string>();

  /** Found once a pass: every digest is computed for it. */
  readonly #withoutKey = new WeakMap<AccessScope, readonly ShareAccess[]>();

  /** UIDs of shares whose recovery has begun and not ended: it may have made keys that no Secret has yet. */
  readonly #unfinished = new Set<string>();

  /** What was recovered after an administrator's reset of the share's server. */
  readonly #afterReset = new Set<string>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Has shares examined: recovered only where the driver asks for it. */
  examineLater(shares: readonly Share[]): void {
    for (const share of shares) this.#toExamine.add(uidOf(share));
  }

  /** Whether something is to be done now. */
  isDue(scope: AccessScope, plan: RulePlan): boolean {
    const { metadata, status } = scope.share;
    if (metadata.deletionTimestamp !== undefined || status?.identifier === undefined) return false;
    // Half made only.
    if (status.operation?.name === 'createShare') return false;
    if (this.#isUnfinished(scope) && whyNoGrant(scope) === undefined) return true;
    if (this.#examines(scope)) return whyNoCall(scope) === undefined;
    return this.#rulesNeedIt(scope, plan.hitByServer.length > 0) && whyNoGrant(scope) === undefined;
  }

  /** Rules that clients cannot use although the backend grants them: their Secret is missing or was altered. */
  withoutKey(scope: AccessScope): readonly ShareAccess[] {
    if (namespaceIsTerminating(this.#operator, scope.namespace)) return [];
    const known = this.#withoutKey.get(scope);
    if (known !== undefined) return known;
    const found = scope.rules.filter(
      (rule) =>
        rule.status?.phase === 'active' &&
        rule.metadata.deletionTimestamp === undefined &&
        !isPaused(rule) &&
        !isIntact(scope, rule),
    );
    this.#withoutKey.set(scope, found);
    return found;
  }

  /** Does what is due, under a lease; `present` reads the scope anew. */
  async run(present: () => AccessScope | undefined, caller: DriverCaller): Promise<void> {
    let scope = present();
    if (scope === undefined || whyNoCall(scope) !== undefined) return;
    const { operator, share } = scope;
    const uid = uidOf(share);
    const token = unhandledReconcileToken(share);
    const examines = this.#examines(scope);
    let asked = token !== undefined || isRestored(share) || !this.#toExamine.has(uid) || this.#isUnfinished(scope);
    // What the backend tells from here on is for the next time.
    const wasToExamine = this.#toExamine.delete(uid);
    try {
      if (examines && !isRecovering(scope)) {
        const { exists, reapplyAccess } = await ensureShare(operator, scope, caller);
        asked = exists && (asked || reapplyAccess);
        scope = present();
      }
      if (asked && scope !== undefined && whyNoGrant(scope) === undefined) {
        this.#unfinished.add(uid);
        await recover(scope, caller, token !== undefined);
      }
    } catch (error) {
      if (wasToExamine) this.#toExamine.add(uid);
      throw error;
    }
    this.#unfinished.delete(uid);
    this.#next.set(uid, this.#later());
    const reset = scope === undefined ? undefined : resetKey(scope);
    if (reset !== undefined) this.#afterReset.add(reset);
    if (isRestored(share)) {
      const { shares } = operator.informers;
      await writeDriverResult(operator, shares, scope?.share ?? share, (fresh) =>
        isRestored(fresh) ? noteCompared(operator, shares, fresh) : undefined,
      );
    }
    if (token === undefined) return;
    await writeDriverResult(operator, operator.informers.shares, scope?.share ?? share, (fresh) => {
      const draft = draftOf(operator, fresh).set({ lastHandledReconcileAt: token });
      if (isSizeRefused(fresh)) forgetRefusedSize(draft);
      return draft.write(operator.client, operator.informers.shares);
    });
  }

  /** Milliseconds until the share is examined without anybody asking; undefined when it has no rules. */
  nextMs(share: Share): number | undefined {
    const uid = uidOf(share);
    if (namespaceView(this.#operator, share.metadata.namespace ?? '').rulesOf(share.metadata.name).length === 0) {
      this.#next.delete(uid);
      return undefined;
    }
    const due = this.#next.get(uid) ?? this.#later();
    this.#next.set(uid, due);
    return Math.max(overdueLookMs, due - this.#operator.clock.now());
  }

  #isUnfinished(scope: AccessScope): boolean {
    return this.#unfinished.has(uidOf(scope.share)) || isRecovering(scope);
  }

  /** Whether the driver is to be asked how the share is. */
  #examines({ share }: AccessScope): boolean {
    const due = this.#next.get(uidOf(share));
    return (
      unhandledReconcileToken(share) !== undefined ||
      isRestored(share) ||
      this.#toExamine.has(uidOf(share)) ||
      (due !== undefined && due <= this.#operator.clock.now())
    );
  }

  #rulesNeedIt(scope: AccessScope, hitByServer: boolean): boolean {
    if (hitByServer) return true;
    const reset = resetKey(scope);
    if (reset !== undefined && scope.rules.length > 0 && !this.#afterReset.has(reset)) return true;
    return this.withoutKey(scope).length > 0;
  }

  #later(): number {
    return this.#operator.clock.now() + resyncMs * (0.5 + this.#operator.random());
  }
}

/**
 * Names the reset of a server that an administrator set to active after a failure: nobody knows what its rules are like then,
 * also where the operator died before it could put them in error. Undefined for every other server.
 */
function resetKey({ share, server }: AccessScope): string | undefined {
  const { phase, lastError } = server?.status ?? {};
  if (server === undefined || phase !== 'active' || lastError === undefined) return undefined;
  return `${uidOf(share)}/${uidOf(server)}/${lastError.time}`;
}
