import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { DriverError } from '../../drivers/errors.ts';
import { BackOff } from '../../runtime/back-off.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { type BlockedStep, passOver, type Step, stalled, stop, wait, withRequeue } from '../reconcile/step.ts';
import { reportingWhile, showInterimReadiness } from '../status/long-waits.ts';
import { latestOf } from '../status/status-draft.ts';
import {
  type CheckVerdict,
  checkInProgress,
  checkWithDrivers,
  type PendingChecks,
  refusedCredentialsOf,
} from './check.ts';
import { commit, recordAssociation, recordedBy } from './commit.ts';
import { decideChange, type PlannedChange, runningCalls } from './guard.ts';
import type { NetworkOperator, NetworkScope } from './network-scope.ts';
import { showRecordedServices } from './recorded-services.ts';

/** What the drivers said of a change, kept so that they are not asked the same again. */
interface Refusal {
  readonly digest: string;
  readonly finding: Finding;
  /** A directory refused the credentials: a request to try them again, also on another object, ends the refusal. */
  readonly isOfCredentials: boolean;
}

/** A change on its way to the commit. */
interface Attempt {
  readonly digest: string;
  readonly since: number;
  /** Servers that can apply it, by UID. */
  readonly agreed: Map<string, CheckVerdict>;
  /** Not to be continued before, whatever brings the network into the queue; `blocked` says why. */
  notBefore: number;
  blocked: BlockedStep | undefined;
  /** Pauses between rounds of questions. */
  readonly pauses: BackOff;
}

/** No event tells when a driver call of this process ends. */
const busyPauseMs = 2000;

/** Takes what the spec, or a token, asks of active networks as far as the commit: guard, check by the drivers, commit. */
export class ChangeFlow {
  readonly #operator: NetworkOperator;
  /** By network UID. */
  readonly #refusals = new Map<string, Refusal>();
  /** By network UID. */
  readonly #attempts = new Map<string, Attempt>();

  constructor(operator: NetworkOperator) {
    this.#operator = operator;
  }

  /** Forgets what the drivers said: on request, while the network is paused, and when it is gone. */
  forgetRefusal(network: ShareNetwork): void {
    this.#refusals.delete(uidOf(network));
    this.#attempts.delete(uidOf(network));
  }

  async run(scope: NetworkScope): Promise<Step> {
    const { network, draft, servers } = scope;
    const decision = decideChange(scope, servers, false);
    if (decision.kind === 'change') return await this.#change(scope, decision.change);
    this.#attempts.delete(uidOf(network));
    if (decision.kind === 'record') {
      if (decision.plan.silent === undefined && servers.length > 0) return await this.#recordWhenQuiet(scope);
      draft.set(recordedBy(decision));
    }
    const recorded = showRecordedServices(scope);
    if (decision.kind !== 'refused') return recorded;
    const isBusy = servers.some((server) => this.#operator.calls.serverIsBusy(uidOf(server)));
    return isBusy && decision.step.kind === 'wait' ? withRequeue(decision.step, busyPauseMs) : decision.step;
  }

  async #recordWhenQuiet(scope: NetworkScope): Promise<Step> {
    const { operation } = this.#timeoutsOf(scope, scope.servers);
    return await this.#whenQuiet(scope, scope.servers, async () => {
      const isRecorded = await scope.context.outsideWorker(() => recordAssociation(scope, operation));
      return isRecorded ? passOver() : stop(50);
    });
  }

  /** Has the drivers check the change, then commits it; the next pass continues from there. */
  async #change(scope: NetworkScope, change: PlannedChange): Promise<Step> {
    const { network, context } = scope;
    const { clock } = this.#operator;
    const recorded = showRecordedServices(scope);
    const refusal = this.#refusalOf(scope, change);
    if (refusal !== undefined) return stalled(refusal);
    const attempt = this.#attemptOf(uidOf(network), change.digest);
    const restMs = attempt.notBefore - clock.now();
    if (attempt.blocked !== undefined && restMs > 0) return withRequeue(attempt.blocked, restMs);
    const isNew = attempt.agreed.size < change.participants.length;
    const pending: PendingChecks = new Map();
    const verdict = await this.#reportingWhile(
      scope,
      () => checkInProgress(pending),
      () => context.outsideWorker(() => checkWithDrivers(scope, change, attempt.agreed, pending)),
    );
    if (verdict.kind === 'incompatible') return this.#refuse(scope, change, verdict);
    const timeouts = this.#timeoutsOf(scope, change.participants);
    if (verdict.kind === 'unavailable') {
      const { reason, message } = verdict.error;
      if (clock.now() - attempt.since >= timeouts.change) {
        return this.#refuse(scope, change, { reason: 'CheckTimedOut', message });
      }
      return this.#pause(attempt, wait({ reason: toReason(reason), message }), attempt.pauses.next());
    }
    if (isNew) this.#announceImpact(network, verdict.servers);
    return await this.#whenQuiet(scope, change.participants, async () => {
      const outcome = await context.outsideWorker(() => commit(scope, change, timeouts.operation));
      if (outcome.kind === 'refused') return this.#pause(attempt, outcome.step, busyPauseMs);
      if (outcome.kind === 'overtaken') return withRequeue(recorded, 50);
      this.#attempts.delete(uidOf(network));
      return passOver();
    });
  }

  /** Why the change is not tried, without asking the drivers again. */
  #refusalOf(scope: NetworkScope, change: PlannedChange): Finding | undefined {
    const uid = uidOf(scope.network);
    const known = this.#refusals.get(uid);
    const refused = refusedCredentialsOf(scope, change);
    const isLifted = known?.isOfCredentials === true && refused === undefined;
    if (known?.digest === change.digest && !isLifted) return known.finding;
    if (refused !== undefined) return { reason: toReason(refused.reason), message: refused.message };
    this.#refusals.delete(uid);
    return undefined;
  }

  #attemptOf(uid: string, digest: string): Attempt {
    const known = this.#attempts.get(uid);
    if (known?.digest === digest) return known;
    const since = this.#operator.clock.now();
    const pauses = new BackOff({ baseMs: 100, maxMs: 5000, random: this.#operator.random });
    const attempt: Attempt = { digest, since, agreed: new Map(), notBefore: 0, blocked: undefined, pauses };
    this.#attempts.set(uid, attempt);
    return attempt;
  }

  #pause(attempt: Attempt, blocked: BlockedStep, pauseMs: number): Step {
    attempt.blocked = blocked;
    attempt.notBefore = this.#operator.clock.now() + pauseMs;
    return withRequeue(blocked, pauseMs);
  }

  /** Runs what may take long; the network shows meanwhile what it waits for, which the next pass confirms or corrects. */
  async #reportingWhile<R>({ network }: NetworkScope, finding: () => Finding, work: () => Promise<R>): Promise<R> {
    const { shareNetworks } = this.#operator.informers;
    const show = (): void => {
      const present = latestOf(shareNetworks, network);
      // A commit has written its own readiness.
      if ((present.status?.phase ?? 'active') !== 'active') return;
      showInterimReadiness(this.#operator, shareNetworks, present, { ...finding(), state: 'working' });
    };
    return await reportingWhile(this.#operator.clock, show, work);
  }

  /** Runs what waits for the end of driver calls, and shows them if they take long. */
  async #whenQuiet(scope: NetworkScope, servers: readonly ShareServer[], work: () => Promise<Step>): Promise<Step> {
    const finding = () => runningCalls(scope, servers);
    try {
      return await this.#reportingWhile(scope, finding, work);
    } catch (thrown) {
      if (!(thrown instanceof DriverError) || thrown.kind !== 'Unavailable') throw thrown;
      return wait(finding(), 1000);
    }
  }

  #refuse(scope: NetworkScope, change: PlannedChange, { reason, message }: { reason: Reason; message: string }): Step {
    const { network, draft } = scope;
    const isOfCredentials = refusedCredentialsOf(scope, change) !== undefined;
    const finding = { reason, message };
    this.#refusals.set(uidOf(network), { digest: change.digest, finding, isOfCredentials });
    // The request has had its attempt.
    if (isOfCredentials && change.token !== undefined) draft.set({ triedReapplyAt: change.token });
    this.#attempts.delete(uidOf(network));
    this.#operator.recorder.event(network, {
      type: 'Warning',
      reason,
      action: 'CheckSecurityServices',
      note: `nothing was changed: ${message}`,
    });
    return stalled(finding);
  }

  /** The longest timeouts of the servers' backends, in milliseconds. */
  #timeoutsOf({ view }: NetworkScope, servers: readonly ShareServer[]) {
    const timeouts = servers.map(({ spec }) => timeoutsOf(view.backend(spec.backendName)));
    return {
      operation: Math.max(...timeouts.map(({ operation }) => operation)),
      change: Math.max(...timeouts.map(({ change }) => change)),
    };
  }

  #announceImpact(
    network: ShareNetwork,
    servers: readonly { readonly message?: string; readonly name: string }[],
  ): void {
    const impacts = servers.flatMap(({ name, message }) => (message === undefined ? [] : [`${name}: ${message}`]));
    if (impacts.length === 0) return;
    this.#operator.recorder.event(network, {
      type: 'Normal',
      reason: 'UpdateImpactPredicted',
      action: 'CheckSecurityServices',
      note: impacts.slice(0, 5).join('; '),
    });
  }
}
