import { isReady } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { Share, ShareError } from '../../api/v1alpha1/share.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { isUnmade } from '../../cluster-state/informers.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import type { CacheEvent } from '../../runtime/cache.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { isLost, shareLost } from '../driver-calls/ensure-share.ts';
import { LockTable } from '../driver-calls/lock-table.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, staleCache } from '../lifecycle/live.ts';
import { lacksStatus, restoredWithoutStatus } from '../lifecycle/restored.ts';
import type { Operator } from '../operator.ts';
import { pausedReadiness, shareAvailable } from '../status/readiness.ts';
import { isSizeRefused } from '../status/refused-size.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import { deleteShare } from './deletion.ts';
import { create, resize } from './lifecycle.ts';
import { type Placed, place } from './placement.ts';
import { Reservations } from './reservations.ts';
import { type ShareDraft, type ShareScope, shareScope, whyWait } from './scope.ts';

/** Places, makes, resizes and deletes shares. */
export class ShareReconciler {
  readonly #operator: Operator;
  readonly #reservations = new Reservations();
  /** Shares of one network are placed one after another: the second may use the server that the first has made. */
  readonly #placing = new LockTable();

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'share',
      workers,
      reconcile: reportingRefusals(this.#operator, 'share', informers.shares, (context) => this.reconcile(context)),
    });
    controller.watch(informers.shares, (event) => {
      this.#reserve(event);
      return nameOf(event.object);
    });
    // Its labels decide which backends it may use.
    controller.watch(informers.namespaces, (event) =>
      changed(event, labelsOf)
        ? informers.shares.cache.list(event.object.metadata.name).filter(isUnmade).map(nameOf)
        : undefined,
    );
    controller.watch(informers.shareServers, (event) => {
      const { object } = event;
      if (!changed(event, ({ metadata, status }) => [status?.phase, status?.identifier, metadata.deletionTimestamp])) {
        return undefined;
      }
      const { sharesOn, unplacedSharesOfNetwork } = namespaceView(this.#operator, object.metadata.namespace ?? '');
      const waiting = unplacedSharesOfNetwork(object.spec.shareNetworkName);
      return [...sharesOn(object.metadata.name), ...waiting].map(nameOf);
    });
    controller.watch(informers.shareNetworks, (event) => {
      const facts = ({ spec, status, metadata }: ShareNetwork) => [
        status?.phase,
        status?.securityServices,
        spec.subnets,
        metadata.deletionTimestamp,
      ];
      if (!changed(event, facts)) return undefined;
      const { namespace = '', name } = event.object.metadata;
      return namespaceView(this.#operator, namespace).sharesOfNetwork(name).map(nameOf);
    });
    controller.watch(informers.storageBackends, (event) => {
      const facts = ({ spec, status, metadata }: StorageBackend) => [
        spec,
        status?.capabilities,
        status?.capacity,
        status?.conditions,
        metadata.deletionTimestamp,
      ];
      if (!changed(event, facts)) return undefined;
      const { name } = event.object.metadata;
      if (changed(event, ({ status }) => status?.capacity)) this.#reservations.probed(name);
      // Those that could be placed on it, and those that wait for it.
      const waiting = informers.shares.cache
        .byIndex('byBackend', name)
        .filter((share) => share.metadata.deletionTimestamp !== undefined || !isReady(share));
      // What is to be taken away goes first.
      const leaving = waiting.filter(({ metadata }) => metadata.deletionTimestamp !== undefined);
      return [...leaving, ...informers.shares.cache.byIndex('unplaced', ''), ...waiting].map(nameOf);
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
      draft.setReadiness(pausedReadiness);
      return undefined;
    }
    if (lacksStatus(share)) {
      draft.setReadiness(restoredWithoutStatus);
      return undefined;
    }
    if (share.status?.identifier === undefined || share.status.operation?.name === 'createShare') {
      return await this.#make(scope);
    }
    if (isLost(share)) {
      draft.setReadiness(shareLost);
      return undefined;
    }
    return await this.#keep(scope);
  }

  async #make(scope: ShareScope): Promise<ReconcileResult | undefined> {
    const { operator, share, draft, server } = scope;
    const { client, informers } = operator;
    if (share.status?.phase === 'error') {
      const token = unhandledReconcileToken(share);
      if (token === undefined && share.status.observedGeneration === share.metadata.generation) {
        if (share.status.lastError !== undefined) standRefused(draft, share.status.lastError);
        return undefined;
      }
      draft.set({
        phase: 'creating',
        lastError: undefined,
        lastHandledReconcileAt: token ?? share.status.lastHandledReconcileAt,
      });
    }
    await takeRequestForServer(scope);
    const failed = server?.status?.phase === 'error' && neverSetUp(server);
    if (failed && !(await isCurrent(operator, informers.shareServers, nameOf(server), server))) return staleCache;
    if (failed || (await hasLostServer(scope))) {
      // Placed again, elsewhere if there is an elsewhere; what waits for nothing else follows the server's own retries.
      const placed = await this.#place(scope);
      const again: Finding = { reason: 'Placed', message: 'placed again: its share server failed or is gone' };
      const { reason, message } = placed.ok ? again : placed;
      draft.setReadiness({ state: 'working', reason, message });
      return undefined;
    }
    if (share.status?.backendName === undefined) {
      const placed = await this.#place(scope);
      if (!placed.ok) {
        draft.setReadiness({ state: 'working', reason: placed.reason, message: placed.message });
        return undefined;
      }
      const { backendName, shareServerName } = draft.status;
      draft.setReadiness({
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
      draft.setReadiness({ state: 'working', reason: wait.reason, message: wait.message });
      return undefined;
    }
    if (draft.changed) {
      await draft.write(client, informers.shares);
      return undefined;
    }
    return await create(scope);
  }

  async #place(scope: ShareScope): Promise<Placed> {
    const { namespace, share, context } = scope;
    const key = `${namespace}/${share.spec.shareNetworkName ?? ''}`;
    const release = await this.#placing.acquire([{ key, mode: 'exclusive' }], context.signal);
    try {
      return await place(scope, this.#reservations);
    } finally {
      release();
    }
  }

  /** Keeps the notes of places in step with the shares. */
  #reserve({ type, object, previous }: CacheEvent<Share>): void {
    const uid = uidOf(object);
    const { backendName, identifier, shareServerName } = object.status ?? {};
    if (shareServerName !== undefined) {
      this.#reservations.seen(`${object.metadata.namespace ?? ''}/${shareServerName}`, uid);
    }
    if (type === 'deleted') {
      this.#reservations.release(uid);
    } else if (type === 'added' && backendName !== undefined && identifier === undefined) {
      // Placed by an operator that ran before.
      this.#reservations.add(backendName, uid, parseQuantity(object.spec.size) ?? 0);
    } else if (identifier !== undefined && previous?.status?.identifier === undefined) {
      this.#reservations.made(uid, this.#operator.clock.now());
    }
  }

  async #keep(scope: ShareScope): Promise<ReconcileResult | undefined> {
    const { share, draft, server } = scope;
    if (server?.status?.phase === 'error') {
      draft.set({ phase: 'available' });
      draft.setReadiness({
        state: 'stalled',
        reason: 'ShareServerError',
        message: `share server ${server.metadata.name} is in error: ${server.status.lastError?.message ?? ''}`,
      });
      return undefined;
    }
    const wanted = parseQuantity(share.spec.size);
    const present = parseQuantity(share.status?.size ?? share.spec.size);
    if (wanted !== undefined && wanted !== present && !isSizeRefused(share)) {
      const wait = whyWait(scope) ?? whyRulesFirst(share);
      if (wait === undefined) return await resize(scope);
      draft.setReadiness({ state: 'working', reason: wait.reason, message: wait.message });
      return undefined;
    }
    if (wanted === present) {
      draft.set({ phase: 'available', lastError: undefined });
      draft.setReadiness(shareAvailable);
    } else if (share.status?.lastError !== undefined) standRefused(draft, share.status.lastError);
    return undefined;
  }
}

/** A request on a share whose server can't be set up: credentials that were refused may be tried again. The server sees it as well. */
async function takeRequestForServer({ operator, namespace, share, server, network, draft }: ShareScope): Promise<void> {
  const token = unhandledReconcileToken(share);
  if (token === undefined || server === undefined || !neverSetUp(server)) return;
  const names = (network?.status?.securityServices ?? []).map(({ name }) => name);
  if (server.status?.phase !== 'error' && operator.refusals.findAny(operator, namespace, names) === undefined) return;
  await operator.refusals.lift(operator, namespace, names);
  draft.set({ lastHandledReconcileAt: token });
}

/** What was refused is not tried again by itself. */
function standRefused(draft: ShareDraft, { reason, message }: ShareError): void {
  draft.setReadiness({ state: 'stalled', reason: toReason(reason), message });
}

/** Whether the server that the share was to be made on was torn down in the same moment in which the share was placed on it. */
async function hasLostServer({ operator, namespace, share, server }: ShareScope): Promise<boolean> {
  const name = share.status?.shareServerName;
  if (name === undefined || server !== undefined) return false;
  return await isCurrent(operator, operator.informers.shareServers, { namespace, name }, undefined);
}

/** The record of work on the access rules must not be lost to another one. */
function whyRulesFirst({ status }: Share): Finding | undefined {
  if (status?.operation?.name !== 'updateAccess') return undefined;
  return { reason: 'OperationRunning', message: 'waits until the work on its access rules has ended' };
}
