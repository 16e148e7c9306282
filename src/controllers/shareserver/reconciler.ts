import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Manager } from '../../runtime/manager.ts';
import { hasFinalizer } from '../finalizers.ts';
import { type Operator, related } from '../operator.ts';
import { isPaused, pausedStanding, unhandledReconcileToken } from '../requests.ts';
import { takePart } from './change.ts';
import { ChangePace } from './change-pace.ts';
import { examine } from './examine.ts';
import { retireWhenUnused } from './idle.ts';
import { observeReset } from './reset.ts';
import { type ServerScope, serverScope } from './scope.ts';
import { setUp } from './set-up.ts';
import { servesOn, standBlocked, tearDown } from './tear-down.ts';

/** Sets share servers up, takes them through changes of security services, and tears them down. */
export class ShareServerReconciler {
  readonly #operator: Operator;
  readonly #pace: ChangePace;
  readonly #firstCalls = new Map<string, number>();

  constructor(operator: Operator) {
    this.#operator = operator;
    this.#pace = new ChangePace(operator.clock);
  }

  /** Adds the controller to the manager. */
  register(manager: Manager, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'shareserver',
      workers,
      reconcile: (context) => this.reconcile(context),
    });
    const nameOfServer = ({ metadata }: ShareServer) => ({ namespace: metadata.namespace ?? '', name: metadata.name });
    controller.watch(informers.shareServers, ({ object, previous }) => {
      const names = [nameOfServer(object)];
      // A place of a paced change became free, or was taken by a failure.
      if (previous?.status?.networkChange !== undefined && object.status?.networkChange === undefined) {
        const { serversOf } = related(this.#operator, object.metadata.namespace ?? '');
        const waiting = serversOf(object.spec.shareNetworkName).filter(
          ({ status }) => status?.phase === 'network_change',
        );
        names.push(...waiting.map(nameOfServer));
      }
      return names;
    });
    controller.watch(informers.shareNetworks, ({ object, previous }) => {
      // Servers care for phase, stage and association, not for every count.
      const facts = (network: typeof object | undefined): string =>
        JSON.stringify([
          network?.status?.phase,
          network?.status?.networkChange,
          network?.status?.securityServices,
          network === undefined ? undefined : isPaused(network),
        ]);
      if (facts(object) === facts(previous)) return undefined;
      return related(this.#operator, object.metadata.namespace ?? '')
        .serversOf(object.metadata.name)
        .map(nameOfServer);
    });
    controller.watch(informers.shares, ({ object, previous }) => {
      const names = new Set([object.status?.shareServerName, previous?.status?.shareServerName]);
      const namespace = object.metadata.namespace ?? '';
      const moved = object.status?.shareServerName !== previous?.status?.shareServerName;
      if (!moved && object.metadata.deletionTimestamp === undefined) return undefined;
      return [...names].flatMap((name) => (name === undefined ? [] : [{ namespace, name }]));
    });
    controller.watch(informers.storageBackends, ({ object, previous }) => {
      const facts = (backend: typeof object | undefined): string =>
        JSON.stringify([backend?.spec, backend?.status?.conditions?.find(({ type }) => type === 'Ready')?.status]);
      if (facts(object) === facts(previous)) return undefined;
      return informers.shareServers.cache.byIndex('byBackend', object.metadata.name).map(nameOfServer);
    });
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, informers } = this.#operator;
    const server = informers.shareServers.cache.get(context.key);
    if (server === undefined) return undefined;
    const scope = serverScope(this.#operator, context, server);
    await observeReset(scope);
    const deleting = server.metadata.deletionTimestamp !== undefined;
    if (deleting && !hasFinalizer(server)) return undefined;
    if (deleting && isPaused(server)) return undefined;
    if (deleting && !servesOn(scope)) return await tearDown(scope);
    if (deleting) standBlocked(scope);
    const result = await this.#work(scope);
    if (informers.shareServers.cache.get(context.key) !== server) {
      // Written in this pass: the draft belongs to the past, the newer version is in the queue already.
      return result;
    }
    await scope.draft.write(client, informers.shareServers);
    return result;
  }

  async #work(scope: ServerScope): Promise<ReconcileResult | undefined> {
    const { server, draft } = scope;
    const { phase = 'creating', networkChange } = draft.status;
    draft.set({ phase, recordedPhase: draft.status.recordedPhase ?? phase });
    if (phase === 'network_change') {
      // A pause during a change takes effect after it.
      if (networkChange !== undefined) return await takePart(scope, networkChange, this.#pace, this.#firstCalls);
      draft.stand({
        state: 'working',
        reason: 'Maintenance',
        message: 'in maintenance: an administrator set the phase to network_change',
      });
      return undefined;
    }
    if (isPaused(server)) {
      draft.stand(pausedStanding);
      return undefined;
    }
    if (phase === 'creating' || (phase === 'error' && neverSetUp(server))) {
      return soonest(await setUp(scope), server.status?.phase === 'error' ? await retireWhenUnused(scope) : undefined);
    }
    const token = unhandledReconcileToken(server);
    if (token !== undefined && phase === 'active') await examine(scope, token);
    if (phase === 'error') {
      const { lastError } = server.status ?? {};
      draft.stand({
        state: 'stalled',
        reason: lastError?.operation === 'updateShareServerSecurityService' ? 'UpdateFailed' : 'ShareServerError',
        message:
          lastError?.message ?? 'the phase is error; an administrator sets it to active when the cause is mended',
      });
      return await retireWhenUnused(scope);
    }
    if (draft.condition('Ready')?.reason !== 'ShareServerUnhealthy') {
      draft.stand({ state: 'ready', reason: 'Available', message: 'the share server serves' });
    }
    return await retireWhenUnused(scope);
  }
}

function soonest(...results: readonly (ReconcileResult | undefined)[]): ReconcileResult | undefined {
  const pauses = results.flatMap((result) => (result?.requeueAfterMs === undefined ? [] : [result.requeueAfterMs]));
  return pauses.length === 0 ? undefined : { requeueAfterMs: Math.min(...pauses) };
}
