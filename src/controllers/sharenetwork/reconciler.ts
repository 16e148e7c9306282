import * as labels from '../../api/v1alpha1/labels.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { segmentRefusal } from '../../cluster-state/network-segments.ts';
import { isPaused, requestToken, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { subnetProblem } from '../../scheduling/subnets.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import { Wishes } from '../network-change/change-flow.ts';
import { advance, changeRecordInvalid } from '../network-change/mark.ts';
import { type NetworkScope, networkScope, store } from '../network-change/network-scope.ts';
import { countServers, standAsRecorded } from '../network-change/recorded-services.ts';
import type { Operator } from '../operator.ts';
import { earliestRequeue } from '../reconcile/earliest-requeue.ts';
import { pausedReadiness } from '../status/readiness.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { ownPhase } from '../status/status-draft.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import { answerCheckRequest, answerNotNow } from './check-request.ts';
import { deleteNetwork } from './deletion.ts';
import { observeReset } from './reset.ts';

/** Numbers of servers in a change are written no more often. */
const countPauseMs = 3000;

/** Changes the security services of share networks, also while share servers use them. */
export class ShareNetworkReconciler {
  readonly #operator: Operator;
  readonly #wishes: Wishes;
  /** When numbers of servers in a change were last written, by network UID. */
  readonly #countedAt = new Map<string, number>();

  constructor(operator: Operator) {
    this.#operator = operator;
    this.#wishes = new Wishes(operator);
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'sharenetwork',
      workers,
      reconcile: reportingRefusals(this.#operator, 'sharenetwork', informers.shareNetworks, (context) =>
        this.reconcile(context),
      ),
    });
    controller.watch(informers.shareNetworks);
    controller.watch(informers.shareServers, ({ object }) => ({
      namespace: object.metadata.namespace ?? '',
      name: object.spec.shareNetworkName,
    }));
    controller.watch(informers.securityServices, ({ object }) => {
      const { namespace = '', name } = object.metadata;
      return namespaceView(this.#operator, namespace)
        .networksWith(name)
        .map((network) => ({ namespace, name: network.metadata.name }));
    });
    controller.watch(informers.credentials, ({ object }) => {
      const { namespace = '', name } = object.metadata;
      return informers.securityServices.cache
        .byIndex('byPasswordSecret', `${namespace}/${name}`)
        .flatMap((service) => namespaceView(this.#operator, namespace).networksWith(service.metadata.name))
        .map((network) => ({ namespace, name: network.metadata.name }));
    });
    // Which segments a network may use, and whether its share servers can be changed.
    controller.watch(informers.storageBackends, (event) => {
      const segments = ({ spec, status, metadata }: StorageBackend) => [
        spec.allowedNamespaces,
        spec.allowedSegments,
        status?.capabilities?.driverHandlesShareServers,
        metadata.deletionTimestamp,
      ];
      if (changed(event, segments)) return informers.shareNetworks.cache.list().map(nameOf);
      const abilities = ({ spec, status }: StorageBackend) => [spec.enabled, status?.conditions, status?.capabilities];
      if (!changed(event, abilities)) return undefined;
      return informers.shareServers.cache.byIndex('byBackend', event.object.metadata.name).map((server) => ({
        namespace: server.metadata.namespace ?? '',
        name: server.spec.shareNetworkName,
      }));
    });
    // Its labels decide which segments it may use.
    controller.watch(informers.namespaces, (event) =>
      changed(event, labelsOf) ? informers.shareNetworks.cache.list(event.object.metadata.name).map(nameOf) : undefined,
    );
    controller.watch(informers.shares, ({ type, object, previous }) => {
      const name = object.spec.shareNetworkName;
      // What a network waits for: the end of a share, of work that was handed over, or of a pause.
      const isBusy = (share: typeof object | undefined): boolean =>
        share !== undefined && (isPaused(share) || share.status?.operation?.token !== undefined);
      const settled = isBusy(previous) && !isBusy(object);
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
    if (await observeReset(scope)) {
      await store(scope);
      return undefined;
    }
    const result = earliestRequeue(await this.#work(scope), deleting ? await deleteNetwork(scope) : undefined);
    if (informers.shareNetworks.cache.get(context.key) !== network) {
      // Committed or let go in this pass: the draft belongs to the past, the newer version is in the queue already.
      return undefined;
    }
    await store(scope);
    return result;
  }

  async #work(scope: NetworkScope): Promise<ReconcileResult | undefined> {
    const { network, draft } = scope;
    const { phase = 'active', networkChange } = draft.status;
    if (phase === 'network_change' && networkChange !== undefined) {
      const result = isPaused(network) ? undefined : await advance(scope, networkChange);
      if (isPaused(network)) draft.setReadiness(pausedReadiness);
      if (draft.status.phase === 'network_change') {
        answerNotNow(scope);
        return earliestRequeue(result, this.#countInChange(scope));
      }
      this.#countedAt.delete(uidOf(network));
      countServers(scope);
      if (draft.status.phase === 'active') standAsRecorded(scope);
      // What is wished next is decided on what is stored.
      return undefined;
    }
    countServers(scope);
    draft.set(ownPhase(draft.status.phase ?? 'active'));
    if (await this.#takeRequests(scope)) return { requeueAfterMs: 1 };
    if (draft.status.phase === 'network_change') {
      draft.setReadiness({
        state: 'working',
        reason: 'Maintenance',
        message: 'in maintenance: an administrator set the phase to network_change; everything on the network waits',
      });
      return answerNotNow(scope);
    }
    if (draft.status.phase === 'error') {
      if (draft.condition('Ready')?.reason === changeRecordInvalid) return answerNotNow(scope);
      draft.setReadiness({
        state: 'stalled',
        reason: 'NetworkError',
        message: 'the phase is error; an administrator sets it back to active when the cause is mended',
      });
      return answerNotNow(scope);
    }
    if (isPaused(network)) {
      this.#wishes.lookAgain(network);
      draft.setReadiness(pausedReadiness);
      return answerNotNow(scope);
    }
    const problem = subnetProblem(network.spec, scope.servers);
    if (problem !== undefined) {
      draft.setReadiness({ state: 'stalled', ...problem });
      return answerNotNow(scope);
    }
    if (network.metadata.deletionTimestamp !== undefined) {
      standAsRecorded(scope);
      return undefined;
    }
    const asked = await answerCheckRequest(scope);
    const result = earliestRequeue(asked, await this.#wishes.fulfil(scope));
    // What share servers use goes on: only where nothing else is to be told.
    const refused = segmentRefusal(this.#operator, network);
    if (refused !== undefined && draft.condition('Ready')?.status === 'True') {
      draft.setReadiness({ state: 'stalled', reason: 'SegmentNotAllowed', message: refused });
    }
    return result;
  }

  /**
   * Takes requests to look again. Credentials that were refused may be tried again then, once for all that use them.
   * @returns whether the pass is over: what was noted is stored before anything is tried
   */
  async #takeRequests({ network, namespace, draft }: NetworkScope): Promise<boolean> {
    const { status } = network;
    const reconcile = unhandledReconcileToken(network);
    const reapply = requestToken(network, labels.reapplyRequestedAt);
    const isNew = reapply !== undefined && ![status?.lastHandledReapplyAt, status?.triedReapplyAt].includes(reapply);
    if (reconcile === undefined && !isNew) return false;
    const names = [...(network.spec.securityServices ?? []), ...(status?.securityServices ?? [])];
    const lifted = await this.#operator.refusals.lift(
      this.#operator,
      namespace,
      names.map(({ name }) => name),
    );
    if (reconcile !== undefined) {
      draft.set({ lastHandledReconcileAt: reconcile });
      this.#wishes.lookAgain(network);
    }
    if (lifted && isNew) draft.set({ triedReapplyAt: reapply });
    return lifted;
  }

  /** While many servers move, their numbers are written with the steps of the change, or now and then. */
  #countInChange(scope: NetworkScope): ReconcileResult | undefined {
    const { network, draft } = scope;
    const now = this.#operator.clock.now();
    const countedAt = this.#countedAt.get(uidOf(network));
    const isStep = draft.status.networkChange?.stage !== network.status?.networkChange?.stage;
    if (!isStep && countedAt !== undefined && now - countedAt < countPauseMs) {
      return { requeueAfterMs: countedAt + countPauseMs - now };
    }
    this.#countedAt.set(uidOf(network), now);
    // With the marks of this pass.
    countServers({
      ...scope,
      servers: namespaceView(this.#operator, scope.namespace).serversOf(network.metadata.name),
    });
    return undefined;
  }
}
