import { parseQuantity } from '../../api/quantity.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { findCondition } from '../../runtime/conditions.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Manager } from '../../runtime/manager.ts';
import { uidOf } from '../driver-requests.ts';
import { addFinalizer, hasFinalizer, nameOf } from '../finalizers.ts';
import { type Operator, related } from '../operator.ts';
import { isPaused, pausedStanding, unhandledReconcileToken } from '../requests.ts';
import { deleteShare } from './deletion.ts';
import { create, resize } from './lifecycle.ts';
import { place } from './placement.ts';
import { Reservations } from './reservations.ts';
import { type ShareScope, shareScope, whyWait } from './scope.ts';

/** Places, makes, resizes and deletes shares. */
export class ShareReconciler {
  readonly #operator: Operator;
  readonly #reservations = new Reservations();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Manager, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({ name: 'share', workers, reconcile: (context) => this.reconcile(context) });
    controller.watch(informers.shares, ({ type, object }) => {
      if (type === 'deleted') this.#reservations.release(uidOf(object));
      return nameOf(object);
    });
    controller.watch(informers.shareServers, ({ type, object, previous }) => {
      const facts = (server: typeof object | undefined): string =>
        JSON.stringify([server?.status?.phase, server?.status?.identifier, server?.metadata.deletionTimestamp]);
      if (type === 'modified' && facts(object) === facts(previous)) return undefined;
      const { sharesOfNetwork } = related(this.#operator, object.metadata.namespace ?? '');
      return sharesOfNetwork(object.spec.shareNetworkName)
        .filter(
          ({ status }) => status?.shareServerName === undefined || status.shareServerName === object.metadata.name,
        )
        .map(nameOf);
    });
    controller.watch(informers.shareNetworks, ({ object, previous }) => {
      const facts = (network: typeof object | undefined): string =>
        JSON.stringify([
          network?.status?.phase,
          network?.status?.securityServices,
          network?.spec.subnets,
          network?.metadata.deletionTimestamp,
        ]);
      if (facts(object) === facts(previous)) return undefined;
      return related(this.#operator, object.metadata.namespace ?? '')
        .sharesOfNetwork(object.metadata.name)
        .map(nameOf);
    });
    controller.watch(informers.storageBackends, ({ object, previous }) => {
      const facts = (backend: typeof object | undefined): string =>
        JSON.stringify([
          backend?.spec,
          backend?.status?.capabilities,
          backend?.status?.capacity,
          backend?.status?.conditions,
          backend?.metadata.deletionTimestamp,
        ]);
      if (facts(object) === facts(previous)) return undefined;
      const { name } = object.metadata;
      this.#reservations.probed(name, (uid) =>
        informers.shares.cache
          .byIndex('byBackend', name)
          .some((share) => uidOf(share) === uid && share.status?.identifier !== undefined),
      );
      return informers.shares.cache
        .list()
        .filter(({ status }) => status?.backendName === undefined || status.backendName === name)
        .filter((share) => share.status?.identifier === undefined || share.metadata.deletionTimestamp !== undefined)
        .map(nameOf);
    });
    // A deletion waits for its rules.
    controller.watch(informers.shareAccesses, ({ object }) => {
      const name = { namespace: object.metadata.namespace ?? '', name: object.spec.shareName };
      return informers.shares.cache.get(name)?.metadata.deletionTimestamp === undefined ? undefined : name;
    });
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, informers } = this.#operator;
    const share = informers.shares.cache.get(context.key);
    if (share === undefined) return undefined;
    const scope = shareScope(this.#operator, context, share);
    if (share.metadata.deletionTimestamp !== undefined) {
      if (!hasFinalizer(share) || isPaused(share)) return undefined;
      return await deleteShare(scope);
    }
    if (!hasFinalizer(share)) {
      await addFinalizer(client, informers.shares, share);
      return undefined;
    }
    const result = await this.#work(scope);
    if (informers.shares.cache.get(context.key) !== share) return result;
    await scope.draft.write(client, informers.shares);
    return result;
  }

  async #work(scope: ShareScope): Promise<ReconcileResult | undefined> {
    const { share, draft } = scope;
    if (isPaused(share)) {
      draft.stand(pausedStanding);
      return undefined;
    }
    if (share.status?.identifier === undefined || share.status.operation?.name === 'createShare') {
      return await this.#make(scope);
    }
    if (share.status.phase === 'error') return undefined;
    return await this.#keep(scope);
  }

  async #make(scope: ShareScope): Promise<ReconcileResult | undefined> {
    const { operator, share, draft, server } = scope;
    const { client, informers } = operator;
    if (share.status?.phase === 'error') {
      const token = unhandledReconcileToken(share);
      if (token === undefined && share.status.observedGeneration === share.metadata.generation) return undefined;
      draft.set({ phase: 'creating', lastHandledReconcileAt: token ?? share.status.lastHandledReconcileAt });
    }
    if (server?.status?.phase === 'error' && neverSetUp(server)) {
      // Placed again, elsewhere if there is an elsewhere; what waits for nothing else follows the server's own retries.
      draft.set({ backendName: undefined, shareServerName: undefined, operation: undefined });
      const placed = await place(scope, this.#reservations);
      if (!placed.ok) {
        const { backendName, shareServerName, operation } = share.status ?? {};
        draft.set({ backendName, shareServerName, operation });
        draft.stand({ state: 'working', reason: placed.reason, message: placed.message });
        return undefined;
      }
      draft.stand({ state: 'working', reason: 'Placed', message: 'placed again after its share server failed' });
      return undefined;
    }
    if (share.status?.backendName === undefined) {
      const placed = await place(scope, this.#reservations);
      if (!placed.ok) {
        draft.stand({ state: 'working', reason: placed.reason, message: placed.message });
        return undefined;
      }
      const { backendName, shareServerName } = draft.status;
      draft.stand({
        state: 'working',
        reason: 'Creating',
        message: `placed on backend ${backendName}${shareServerName === undefined ? '' : `, share server ${shareServerName}`}`,
      });
      await draft.write(client, informers.shares);
      // The newer version is in the queue already.
      return undefined;
    }
    const wait = whyWait(scope);
    if (wait !== undefined) {
      draft.stand({ state: 'working', reason: wait.reason, message: wait.message });
      return undefined;
    }
    if (draft.changed) {
      await draft.write(client, informers.shares);
      return undefined;
    }
    return await create(scope);
  }

  async #keep(scope: ShareScope): Promise<ReconcileResult | undefined> {
    const { share, draft, server } = scope;
    if (server?.status?.phase === 'error') {
      draft.set({ phase: 'available' });
      draft.stand({
        state: 'stalled',
        reason: 'ShareServerError',
        message: `share server ${server.metadata.name} is in error: ${server.status.lastError?.message ?? ''}`,
      });
      return undefined;
    }
    const wanted = parseQuantity(share.spec.size);
    const present = parseQuantity(share.status?.size ?? share.spec.size);
    if (wanted !== undefined && wanted !== present && !isRefused(share)) {
      const wait = whyWait(scope);
      if (wait === undefined) return await resize(scope);
      draft.stand({ state: 'working', reason: wait.reason, message: wait.message });
      return undefined;
    }
    if (wanted === present) {
      draft.set({ phase: 'available' });
      draft.stand({ state: 'ready', reason: 'Available', message: 'the share can be mounted' });
    }
    return undefined;
  }
}

/** Whether the present size was refused already and nobody asked again. */
function isRefused(share: Share): boolean {
  const stalled = findCondition(share.status?.conditions, 'Stalled');
  return (
    stalled?.status === 'True' &&
    stalled.reason !== 'ShareServerError' &&
    share.status?.observedGeneration === share.metadata.generation &&
    unhandledReconcileToken(share) === undefined
  );
}
