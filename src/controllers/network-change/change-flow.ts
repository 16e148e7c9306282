import { type Reason, toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { DriverError } from '../../drivers/errors.ts';
import { BackOff } from '../../runtime/back-off.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import type { Operator } from '../operator.ts';
import { reportingWhile, showInterimReadiness } from '../status/long-waits.ts';
import { latestOf, type Readiness } from '../status/status-draft.ts';
import {
  type Asking,
  type CheckVerdict,
  checkWithDrivers,
  readinessDuringCheck,
  refusedCredentialsOf,
} from './check.ts';
import { commit, recordAssociation, recordedBy } from './commit.ts';
import { readinessWhileBusy, type WantedChange, wishOf } from './guard.ts';
import type { NetworkScope } from './network-scope.ts';
import { standAsRecorded } from './recorded-services.ts';

/** What the drivers said of a change, kept so that the same question is not asked again and again. */
interface Refusal {
  readonly digest: string;
  readonly reason: Reason;
  readonly message: string;
  /** A directory refused the credentials: a request about them elsewhere has this asked again as well. */
  readonly ofCredentials: boolean;
}

/** A change on its way to the commit. */
interface Stage {
  readonly digest: string;
  readonly since: number;
  /** Servers that can take it, by UID. */
  readonly agreed: Map<string, CheckVerdict>;
  /** Not to be tried before, whatever brings the network into the queue; `readiness` says why. */
  notBefore: number;
  readiness: Readiness | undefined;
  /** Pauses between rounds of questions. */
  readonly pauses: BackOff;
}

/** What runs in this process is not told by an event when it ends. */
const busyPauseMs = 2000;

/** Takes what is wished of active networks as far as the commit: guard, check by the drivers, record. */
export class Wishes {
  readonly #operator: Operator;
  /** By network UID. */
  readonly #refusals = new Map<string, Refusal>();
  /** By network UID. */
  readonly #stages = new Map<string, Stage>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Forgets what the drivers said: somebody asks to look again, or the network rests. */
  lookAgain(network: ShareNetwork): void {
    this.#refusals.delete(uidOf(network));
    this.#stages.delete(uidOf(network));
  }

  /** Sees to what the spec, or a token, asks of the security services. */
  async fulfil(scope: NetworkScope): Promise<ReconcileResult | undefined> {
    const { network, draft, servers, context } = scope;
    const wish = wishOf(scope, servers, false);
    if (wish.kind === 'change') return await this.#change(scope, wish.change);
    this.#stages.delete(uidOf(network));
    if (wish.kind === 'record') {
      if (wish.plan.silent === undefined && servers.length > 0) {
        const { operation } = this.#boundsOf(servers);
        return await this.#whenQuiet(scope, servers, async () => {
          const recorded = await context.outsideWorker(() => recordAssociation(scope, operation));
          return recorded ? undefined : { requeueAfterMs: 50 };
        });
      }
      draft.set(recordedBy(wish));
    }
    standAsRecorded(scope);
    if (wish.kind !== 'refused') return undefined;
    draft.setReadiness(wish.readiness);
    const busy = servers.some((server) => this.#operator.calls.serverIsBusy(uidOf(server)));
    return busy && wish.readiness.state === 'working' ? { requeueAfterMs: busyPauseMs } : undefined;
  }

  /** Check by the drivers, then commit; what follows the commit is the next pass. */
  async #change(scope: NetworkScope, change: WantedChange): Promise<ReconcileResult | undefined> {
    const { network, draft, context } = scope;
    const { clock } = this.#operator;
    const uid = uidOf(network);
    standAsRecorded(scope);
    const refusal = this.#refusals.get(uid);
    const refused = refusedCredentialsOf(scope, change);
    const liftedMeanwhile = refusal?.ofCredentials === true && refused === undefined;
    const known = refusal?.digest === change.digest && !liftedMeanwhile ? refusal : refused;
    if (known !== undefined) {
      draft.setReadiness({ state: 'stalled', reason: toReason(known.reason), message: known.message });
      return undefined;
    }
    this.#refusals.delete(uid);
    const stage = this.#stageOf(uid, change.digest);
    if (stage.readiness !== undefined && stage.notBefore > clock.now()) {
      draft.setReadiness(stage.readiness);
      return { requeueAfterMs: stage.notBefore - clock.now() };
    }
    const wait = (readiness: Readiness, ms: number): ReconcileResult => {
      stage.readiness = readiness;
      stage.notBefore = clock.now() + ms;
      draft.setReadiness(readiness);
      return { requeueAfterMs: ms };
    };
    const isNew = stage.agreed.size < change.participants.length;
    const asking: Asking = new Map();
    const verdict = await this.#showing(
      scope,
      () => readinessDuringCheck(asking),
      () =>
        context.outsideWorker(() => checkWithDrivers(scope, change.plan, change.participants, stage.agreed, asking)),
    );
    if (verdict.kind === 'incompatible') return this.#refuse(scope, change, verdict.reason, verdict.message);
    const bounds = this.#boundsOf(change.participants);
    if (verdict.kind === 'unavailable') {
      const { reason, message } = verdict.error;
      if (clock.now() - stage.since >= bounds.change) return this.#refuse(scope, change, 'CheckTimedOut', message);
      return wait({ state: 'working', reason: toReason(reason), message }, stage.pauses.next());
    }
    if (isNew) this.#announceImpact(network, verdict.servers);
    return await this.#whenQuiet(scope, change.participants, async () => {
      const outcome = await context.outsideWorker(() => commit(scope, change, bounds.operation));
      if (outcome.kind === 'refused') return wait(outcome.readiness, busyPauseMs);
      if (outcome.kind === 'overtaken') return { requeueAfterMs: 50 };
      this.#stages.delete(uid);
      return undefined;
    });
  }

  /** Does what may take long; the network says meanwhile what it waits for, which the next pass confirms or takes back. */
  async #showing<R>({ network }: NetworkScope, readiness: () => Readiness, work: () => Promise<R>): Promise<R> {
    const { shareNetworks } = this.#operator.informers;
    const show = (): void => {
      const present = latestOf(shareNetworks, network);
      // What is being committed has its own words.
      if ((present.status?.phase ?? 'active') === 'active')
        showInterimReadiness(this.#operator, shareNetworks, present, readiness());
    };
    return await reportingWhile(this.#operator.clock, show, work);
  }

  /** Does what waits for running driver calls; says so where they don't end soon. */
  async #whenQuiet(
    scope: NetworkScope,
    servers: readonly ShareServer[],
    work: () => Promise<ReconcileResult | undefined>,
  ): Promise<ReconcileResult | undefined> {
    const readiness = () => readinessWhileBusy(scope, servers);
    try {
      return await this.#showing(scope, readiness, work);
    } catch (thrown) {
      if (!(thrown instanceof DriverError) || thrown.kind !== 'Unavailable') throw thrown;
      scope.draft.setReadiness(readiness());
      return { requeueAfterMs: 1000 };
    }
  }

  #refuse(scope: NetworkScope, change: WantedChange, reason: Reason, message: string): undefined {
    const { network, draft } = scope;
    const ofCredentials = refusedCredentialsOf(scope, change) !== undefined;
    this.#refusals.set(uidOf(network), { digest: change.digest, reason, message, ofCredentials });
    // The request has had its attempt.
    if (ofCredentials && change.token !== undefined) draft.set({ triedReapplyAt: change.token });
    this.#stages.delete(uidOf(network));
    draft.setReadiness({ state: 'stalled', reason, message });
    this.#operator.recorder.event(network, {
      type: 'Warning',
      reason,
      action: 'CheckSecurityServices',
      note: `nothing was changed: ${message}`,
    });
  }

  #stageOf(uid: string, digest: string): Stage {
    const known = this.#stages.get(uid);
    if (known?.digest === digest) return known;
    const since = this.#operator.clock.now();
    const pauses = new BackOff({ baseMs: 100, maxMs: 5000, random: this.#operator.random });
    const stage: Stage = { digest, since, agreed: new Map(), notBefore: 0, readiness: undefined, pauses };
    this.#stages.set(uid, stage);
    return stage;
  }

  /** The longest bounds of the servers' backends, in milliseconds. */
  #boundsOf(servers: readonly ShareServer[]): { readonly operation: number; readonly change: number } {
    const bounds = servers.map(({ spec, metadata }) =>
      timeoutsOf(namespaceView(this.#operator, metadata.namespace ?? '').backend(spec.backendName)),
    );
    return {
      operation: Math.max(...bounds.map(({ operation }) => operation)),
      change: Math.max(...bounds.map(({ change }) => change)),
    };
  }

  #announceImpact(
    network: ShareNetwork,
    servers: readonly { readonly message?: string; readonly name: string }[],
  ): void {
    const foretold = servers.flatMap(({ name, message }) => (message === undefined ? [] : [`${name}: ${message}`]));
    if (foretold.length === 0) return;
    this.#operator.recorder.event(network, {
      type: 'Normal',
      reason: 'UpdateImpactPredicted',
      action: 'CheckSecurityServices',
      note: foretold.slice(0, 5).join('; '),
    });
  }
}
