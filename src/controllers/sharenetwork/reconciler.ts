import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { asDriverError } from '../../drivers/errors.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Manager } from '../../runtime/manager.ts';
import { validateSubnets } from '../../scheduling/subnets.ts';
import { timeoutsOf, uidOf } from '../driver-requests.ts';
import { addFinalizer, hasFinalizer } from '../finalizers.ts';
import { type Operator, related } from '../operator.ts';
import { invalidTokens, isPaused, pausedStanding, unhandledReconcileToken } from '../requests.ts';
import { type WantedChange, wishOf } from './association.ts';
import { advance, commit } from './change.ts';
import { checkWithDrivers } from './check.ts';
import { answerCheckRequest } from './check-request.ts';
import { deleteNetwork } from './deletion.ts';
import { observeReset } from './reset.ts';
import { type NetworkScope, networkScope } from './scope.ts';
import { countServers, standAsRecorded } from './standing.ts';

/** What the drivers said of a change, kept so that the same question is not asked again and again. */
interface Refusal {
  readonly digest: string;
  readonly reason: string;
  readonly message: string;
}

/** Changes the security services of share networks, also while share servers use them. */
export class ShareNetworkReconciler {
  readonly #operator: Operator;
  readonly #refusals = new Map<string, Refusal>();
  /** When the check of a change began, by network UID and digest. */
  readonly #checkingSince = new Map<string, { readonly digest: string; readonly since: number }>();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Manager, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'sharenetwork',
      workers,
      reconcile: (context) => this.reconcile(context),
    });
    controller.watch(informers.shareNetworks);
    controller.watch(informers.shareServers, ({ object }) => ({
      namespace: object.metadata.namespace ?? '',
      name: object.spec.shareNetworkName,
    }));
    controller.watch(informers.securityServices, ({ object }) => {
      const { namespace = '', name } = object.metadata;
      return related(this.#operator, namespace)
        .networksWith(name)
        .map((network) => ({ namespace, name: network.metadata.name }));
    });
    controller.watch(informers.storageBackends, ({ object, previous }) => {
      const same = (one: typeof object | undefined): string =>
        JSON.stringify([one?.spec.enabled, one?.status?.conditions, one?.status?.capabilities]);
      if (same(object) === same(previous)) return undefined;
      return informers.shareServers.cache.byIndex('byBackend', object.metadata.name).map((server) => ({
        namespace: server.metadata.namespace ?? '',
        name: server.spec.shareNetworkName,
      }));
    });
    controller.watch(informers.shares, ({ type, object, previous }) => {
      const name = object.spec.shareNetworkName;
      // What a network waits for: the end of a share, or of an operation on it.
      const settled = previous?.status?.operation !== undefined && object.status?.operation === undefined;
      if (name === undefined || !(type === 'deleted' || settled)) return undefined;
      return { namespace: object.metadata.namespace ?? '', name };
    });
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, informers } = this.#operator;
    const network = informers.shareNetworks.cache.get(context.key);
    if (network === undefined) return undefined;
    const deleting = network.metadata.deletionTimestamp !== undefined;
    if (!deleting && !hasFinalizer(network)) {
      await addFinalizer(client, informers.shareNetworks, network);
      return undefined;
    }
    const scope = networkScope(this.#operator, context, network);
    await observeReset(scope);
    const result = await this.#work(scope);
    if (deleting) await deleteNetwork(scope);
    if (informers.shareNetworks.cache.get(context.key) !== network) {
      // Committed or let go in this pass: the draft belongs to the past, the newer version is in the queue already.
      return undefined;
    }
    await scope.draft.write(client, informers.shareNetworks);
    return result;
  }

  async #work(scope: NetworkScope): Promise<ReconcileResult | undefined> {
    const { network, draft } = scope;
    const { phase = 'active', networkChange } = draft.status;
    if (phase === 'network_change' && networkChange !== undefined) {
      if (isPaused(network)) draft.stand(pausedStanding);
      else await advance(scope, networkChange);
      // While many servers move, their numbers are written with the next step.
      if (draft.status.phase === 'network_change') return undefined;
    }
    countServers(scope);
    draft.set({ recordedPhase: draft.status.phase ?? 'active', phase: draft.status.phase ?? 'active' });
    const token = unhandledReconcileToken(network);
    if (token !== undefined) {
      draft.set({ lastHandledReconcileAt: token });
      this.#refusals.delete(uidOf(network));
    }
    this.#noteInvalidTokens(scope);
    if (draft.status.phase === 'network_change') {
      draft.stand({
        state: 'working',
        reason: 'Maintenance',
        message: 'in maintenance: an administrator set the phase to network_change; everything on the network waits',
      });
      return undefined;
    }
    if (draft.status.phase === 'error') {
      draft.stand({
        state: 'stalled',
        reason: 'NetworkError',
        message: 'the phase is error; an administrator sets it back to active when the cause is mended',
      });
      return undefined;
    }
    if (isPaused(network)) {
      draft.stand(pausedStanding);
      return undefined;
    }
    const problem = validateSubnets(network.spec);
    if (problem !== undefined) {
      draft.stand({ state: 'stalled', reason: 'SubnetInvalid', message: problem });
      return undefined;
    }
    if (network.metadata.deletionTimestamp !== undefined) {
      standAsRecorded(scope);
      return undefined;
    }
    await answerCheckRequest(scope);
    return await this.#fulfil(scope);
  }

  /** Sees to what the spec, or a token, asks of the security services. */
  async #fulfil(scope: NetworkScope): Promise<ReconcileResult | undefined> {
    const { draft, servers } = scope;
    const wish = wishOf(scope, servers, false);
    if (wish.kind === 'change') return await this.#change(scope, wish.change);
    this.#checkingSince.delete(uidOf(scope.network));
    if (wish.kind === 'record') {
      draft.set({
        securityServices: wish.plan.silent ?? wish.plan.association,
        ...(wish.token === undefined ? {} : { lastHandledReapplyAt: wish.token }),
      });
    }
    standAsRecorded(scope);
    if (wish.kind === 'refused') draft.stand(wish.standing);
    return undefined;
  }

  /** Check by the drivers, then commit; what follows the commit is the next pass. */
  async #change(scope: NetworkScope, change: WantedChange): Promise<ReconcileResult | undefined> {
    const { network, draft, context } = scope;
    const uid = uidOf(network);
    const refusal = this.#refusals.get(uid);
    if (refusal?.digest === change.digest) {
      standAsRecorded(scope);
      draft.stand({ state: 'stalled', reason: refusal.reason, message: refusal.message });
      return undefined;
    }
    this.#refusals.delete(uid);
    const since = this.#since(uid, change.digest);
    const verdict = await context.outsideWorker(() => checkWithDrivers(scope, change.plan, change.participants));
    const refuse = (reason: string, message: string): undefined => {
      this.#refusals.set(uid, { digest: change.digest, reason, message });
      this.#checkingSince.delete(uid);
      standAsRecorded(scope);
      draft.stand({ state: 'stalled', reason, message });
      this.#operator.recorder.event(network, {
        type: 'Warning',
        reason,
        action: 'CheckSecurityServices',
        note: `nothing was changed: ${message}`,
      });
      return undefined;
    };
    if (verdict.kind === 'incompatible') return refuse(verdict.reason, verdict.message);
    const bounds = change.participants.map(({ spec, metadata }) =>
      timeoutsOf(related(this.#operator, metadata.namespace ?? '').backend(spec.backendName)),
    );
    if (verdict.kind === 'unavailable') {
      const bound = Math.max(...bounds.map((timeouts) => timeouts.change));
      if (this.#operator.clock.now() - since >= bound) return refuse('CheckTimedOut', verdict.error.message);
      standAsRecorded(scope);
      draft.stand({ state: 'working', reason: verdict.error.reason, message: verdict.error.message });
      return { requeueAfterMs: Math.min(5000, bound / 10) };
    }
    this.#announceImpact(network, verdict.servers);
    const waitMs = Math.max(...bounds.map((timeouts) => timeouts.operation));
    try {
      const committed = await context.outsideWorker(() => commit(scope, change, waitMs));
      if (committed === undefined) return { requeueAfterMs: 50 };
      this.#checkingSince.delete(uid);
      return undefined;
    } catch (thrown) {
      const error = asDriverError(thrown);
      if (error.kind !== 'Unavailable') throw thrown;
      standAsRecorded(scope);
      draft.stand({
        state: 'working',
        reason: 'ShareBusy',
        message: 'driver calls of the network are running; the change goes on when they have ended',
      });
      return { requeueAfterMs: 1000 };
    }
  }

  #since(uid: string, digest: string): number {
    const known = this.#checkingSince.get(uid);
    if (known?.digest === digest) return known.since;
    const since = this.#operator.clock.now();
    this.#checkingSince.set(uid, { digest, since });
    return since;
  }

  #announceImpact(
    network: ShareNetwork,
    servers: readonly { readonly message?: string; readonly name: string }[],
  ): void {
    const foretold = servers.flatMap(({ name, message }) => (message === undefined ? [] : [`${name}: ${message}`]));
    if (foretold.length === 0) return;
    this.#operator.recorder.event(network, {
      type: 'Normal',
      reason: 'ImpactForetold',
      action: 'CheckSecurityServices',
      note: foretold.slice(0, 5).join('; '),
    });
  }

  #noteInvalidTokens({ network, draft }: NetworkScope): void {
    const invalid = invalidTokens(network);
    if (invalid.length === 0) draft.removeCondition('InvalidRequestToken');
    else {
      draft.setCondition(
        'InvalidRequestToken',
        'True',
        'InvalidRequestToken',
        `ignored, since a token is 1 to 64 printable ASCII characters: ${invalid.join(', ')}`,
      );
    }
  }
}
