import { isReady } from '../../api/v1alpha1/conditions.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, type ObjectName, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { hasFinalizer } from '../lifecycle/finalizers.ts';
import { isRestored, lacksStatus, networkOwner, noteCompared, restoredWithoutStatus } from '../lifecycle/restored.ts';
import type { Operator } from '../operator.ts';
import { earliestRequeue } from '../reconcile/earliest-requeue.ts';
import { callsSuspended } from '../status/findings.ts';
import { pausedReadiness } from '../status/readiness.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { changed, labelsOf } from '../watches/changed.ts';
import { CallProgress } from './call-progress.ts';
import { takePart } from './change.ts';
import { examine, HealthLooks, standAsReported } from './examine.ts';
import { retireWhenUnused } from './idle.ts';
import { observeReset } from './reset.ts';
import { type ServerScope, serverScope } from './scope.ts';
import { GivenAddresses } from './server-addresses.ts';
import { setUp } from './set-up.ts';
import { servesOn, standBlocked, tearDown } from './tear-down.ts';

/** Sets share servers up, takes them through changes of security services, and tears them down. */
export class ShareServerReconciler {
  readonly #operator: Operator;
  readonly #progress: CallProgress;
  readonly #givenAddresses = new GivenAddresses();
  readonly #looks = new HealthLooks();

  constructor(operator: Operator) {
    this.#operator = operator;
    this.#progress = new CallProgress(operator);
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'shareserver',
      workers,
      reconcile: reportingRefusals(this.#operator, 'shareserver', informers.shareServers, (context) =>
        this.reconcile(context),
      ),
    });
    this.#operator.suspects.onAdd((name) => controller.enqueue(name));
    controller.watch(informers.shareServers, ({ type, object, previous }) => {
      const names = [nameOf(object)];
      // What is stored need not be remembered.
      if (object.status?.networkAllocations !== undefined) this.#givenAddresses.delete(uidOf(object));
      if (type === 'deleted') {
        this.#givenAddresses.delete(uidOf(object));
        this.#looks.forget(uidOf(object));
        // Its addresses are free now.
        const waiting = informers.shareServers.cache
          .byIndex('unmadeByBackend', object.spec.backendName)
          .filter(({ status }) => (status?.networkAllocations ?? []).length === 0);
        // Those of its network's servers on other backends, too; and its subnet may be changed.
        const { unmadeServersOf } = namespaceView(this.#operator, object.metadata.namespace ?? '');
        names.push(...[...waiting, ...unmadeServersOf(object.spec.shareNetworkName)].map(nameOf));
      }
      // A place of a paced change became free, or was taken by a failure.
      const tookPart = type === 'deleted' ? object : previous;
      const takesPart = type === 'deleted' ? undefined : object.status?.networkChange;
      if (tookPart?.status?.networkChange !== undefined && takesPart === undefined) {
        const { serversOf } = namespaceView(this.#operator, object.metadata.namespace ?? '');
        const waiting = serversOf(object.spec.shareNetworkName).filter(
          ({ status }) => status?.phase === 'network_change',
        );
        names.push(...waiting.map(nameOf));
      }
      return names;
    });
    controller.watch(informers.shareNetworks, (event) => {
      // Servers care for phase, stage and association, not for every count.
      const facts = (network: ShareNetwork) => [
        network.status?.phase,
        network.status?.networkChange,
        network.status?.securityServices,
        network.spec.securityServiceChange,
        network.spec.subnets,
        isPaused(network),
        network.metadata.annotations?.[labels.reconcileRequestedAt],
        network.metadata.annotations?.[labels.reapplyRequestedAt],
      ];
      if (!changed(event, facts)) return undefined;
      const { namespace = '', name } = event.object.metadata;
      return namespaceView(this.#operator, namespace).serversOf(name).map(nameOf);
    });
    // Its labels decide which segments a server may be set up on.
    controller.watch(informers.namespaces, (event) =>
      changed(event, labelsOf)
        ? informers.shareServers.cache.list(event.object.metadata.name).filter(neverSetUp).map(nameOf)
        : undefined,
    );
    // A set-up waits for its services to be complete.
    controller.watch(informers.securityServices, (event) => {
      const { namespace = '', name } = event.object.metadata;
      // Services of one namespace may have the same credentials.
      if (changed(event, ({ status }) => status?.refusal)) {
        return informers.shareServers.cache.list(namespace).filter(neverSetUp).map(nameOf);
      }
      return this.#unmadeWith(namespace, name);
    });
    controller.watch(informers.credentials, ({ object }) => {
      const { namespace = '', name } = object.metadata;
      return informers.securityServices.cache
        .byIndex('byPasswordSecret', `${namespace}/${name}`)
        .flatMap((service) => this.#unmadeWith(namespace, service.metadata.name));
    });
    controller.watch(informers.shares, (event) => {
      const { object, previous } = event;
      const moved = changed(event, (share) => [share.status?.shareServerName, unhandledReconcileToken(share)]);
      if (!moved && object.metadata.deletionTimestamp === undefined) return undefined;
      const names = new Set([object.status?.shareServerName, previous?.status?.shareServerName]);
      const { namespace = '' } = object.metadata;
      return [...names].flatMap((name) => (name === undefined ? [] : [{ namespace, name }]));
    });
    controller.watch(informers.storageBackends, (event) =>
      changed(event, (backend) => [backend.spec, isReady(backend), callsSuspended(backend)])
        ? informers.shareServers.cache.byIndex('byBackend', event.object.metadata.name).map(nameOf)
        : undefined,
    );
    return controller;
  }

  /** Servers that were never set up of the networks that have a security service. */
  #unmadeWith(namespace: string, service: string): readonly ObjectName[] {
    const { networksWith, unmadeServersOf } = namespaceView(this.#operator, namespace);
    return networksWith(service)
      .flatMap((network) => unmadeServersOf(network.metadata.name))
      .map(nameOf);
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, informers } = this.#operator;
    const server = informers.shareServers.cache.get(context.key);
    if (server === undefined) return undefined;
    const scope = serverScope(this.#operator, context, server);
    if (await observeReset(scope)) return undefined;
    const deleting = server.metadata.deletionTimestamp !== undefined;
    if (deleting && !hasFinalizer(server)) return undefined;
    if (deleting && isPaused(server)) return undefined;
    // A change that it takes part in comes first.
    const changing = scope.draft.status.phase === 'network_change' && scope.draft.status.networkChange !== undefined;
    if (deleting && !servesOn(scope) && !changing) return await tearDown(scope);
    if (deleting && servesOn(scope)) standBlocked(scope);
    const result = await this.#work(scope);
    const isCompared = isRestored(server) && !deleting && server.status?.phase === 'active';
    if (informers.shareServers.cache.get(context.key) !== server) {
      // Written in this pass: the draft belongs to the past, the newer version is in the queue already.
      return result;
    }
    const written = await scope.draft.write(client, informers.shareServers);
    if (isCompared) await noteRestored(scope, written);
    return result;
  }

  async #work(scope: ServerScope): Promise<ReconcileResult | undefined> {
    const { server, draft } = scope;
    const { phase = 'creating', networkChange } = draft.status;
    draft.set({ phase, recordedPhase: draft.status.recordedPhase ?? phase });
    if (phase === 'network_change') {
      // A pause during a change takes effect after it.
      if (networkChange !== undefined) return await takePart(scope, networkChange, this.#progress);
      draft.setReadiness({
        state: 'working',
        reason: 'Maintenance',
        message: 'in maintenance: an administrator set the phase to network_change',
      });
      return undefined;
    }
    if (isPaused(server)) {
      draft.setReadiness(pausedReadiness);
      return undefined;
    }
    if (lacksStatus(server)) {
      draft.setReadiness(restoredWithoutStatus);
      return undefined;
    }
    if (phase === 'creating' || (phase === 'error' && neverSetUp(server))) {
      // Also one that waits for something: without shares nothing may ever come of it.
      return earliestRequeue(await setUp(scope, this.#progress, this.#givenAddresses), await retireWhenUnused(scope));
    }
    const token = unhandledReconcileToken(server);
    const mayAsk = phase === 'active' && callsSuspended(scope.backend) === undefined;
    const isAsked = mayAsk && (this.#operator.suspects.take(server) || token !== undefined || isRestored(server));
    if (isAsked) await examine(scope, token);
    if (phase === 'error') {
      const { lastError } = server.status ?? {};
      draft.setReadiness({
        state: 'stalled',
        reason: lastError?.operation === 'updateShareServerSecurityService' ? 'UpdateFailed' : 'ShareServerError',
        message:
          lastError?.message ?? 'the phase is error; an administrator sets it to active when the cause is mended',
      });
      return await retireWhenUnused(scope);
    }
    standAsReported(draft);
    return earliestRequeue(await this.#looks.look(scope), await retireWhenUnused(scope));
  }
}

/** A restored server was examined: from here on it belongs to the network that is there now. */
async function noteRestored({ operator, network }: ServerScope, server: ShareServer): Promise<void> {
  const ownerReferences = network === undefined ? {} : { ownerReferences: [networkOwner(network)] };
  await noteCompared(operator, operator.informers.shareServers, server, ownerReferences);
}
