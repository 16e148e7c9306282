import * as labels from '../../api/v1alpha1/labels.ts';
import type { CredentialsRefusal, SecurityService } from '../../api/v1alpha1/security-service.ts';
import { findPassword, type PasswordLookup, uncoveredOf } from '../../cluster-state/credentials.ts';
import { namespaceView, networksRecording } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { usersOfService } from '../../cluster-state/service-users.ts';
import {
  credentialsProblem,
  credentialsReason,
  distinguishedNameProblem,
  securityServiceGaps,
} from '../../network-change/completeness.ts';
import { sameContent } from '../../network-change/plan.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { nameList } from '../../values/name-list.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { addFinalizer, hasFinalizer, removeFinalizer } from '../lifecycle/finalizers.ts';
import { listLive } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { pausedReadiness } from '../status/readiness.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { draftOf, type Readiness } from '../status/status-draft.ts';
import { changed } from '../watches/changed.ts';
import { usageOf } from './service-usage.ts';

/** Tells whether SecurityServices are complete and in use, and holds their deletion back while something relies on them. */
export class SecurityServiceReconciler {
  readonly #operator: Operator;

  constructor(operator: Operator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'securityservice',
      workers,
      reconcile: reportingRefusals(this.#operator, 'securityservice', informers.securityServices, (context) =>
        this.reconcile(context),
      ),
    });
    controller.watch(informers.securityServices);
    controller.watch(informers.shareNetworks, ({ object, previous }) => {
      const namespace = object.metadata.namespace ?? '';
      const names = [object, previous]
        .flatMap((network) => network?.status?.securityServices ?? [])
        .map(({ name }) => name);
      return [...new Set(names)].map((name) => ({ namespace, name }));
    });
    controller.watch(informers.shareServers, (event) => {
      // Not for each step of each of its servers: a pass looks at all of them.
      if (!changed(event, ({ status }) => status?.securityServices)) return undefined;
      const { type, object, previous } = event;
      const namespace = object.metadata.namespace ?? '';
      const applied = [...(object.status?.securityServices ?? []), ...(previous?.status?.securityServices ?? [])];
      // The first and the last server of a network decide whether its services are in use.
      const recorded =
        type === 'modified'
          ? []
          : (informers.shareNetworks.cache.get({ namespace, name: object.spec.shareNetworkName })?.status
              ?.securityServices ?? []);
      return [...new Set([...applied, ...recorded].map(({ name }) => name))].map((name) => ({ namespace, name }));
    });
    controller.watch(informers.credentials, ({ object }) => {
      const { namespace = '', name } = object.metadata;
      return informers.securityServices.cache
        .byIndex('byPasswordSecret', `${namespace}/${name}`)
        .map((service) => ({ namespace, name: service.metadata.name }));
    });
    this.#operator.refusals.onRefused((service) => controller.enqueue(nameOf(service)));
    return controller;
  }

  async reconcile({ key }: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { client, informers } = this.#operator;
    const service = informers.securityServices.cache.get(key);
    if (service === undefined) return undefined;
    const draft = draftOf(this.#operator, service);
    if (service.metadata.deletionTimestamp !== undefined) {
      if (!hasFinalizer(service)) return undefined;
      if (usersOfService(this.#operator, service).length === 0) await this.#readUsers(service);
      const users = usersOfService(this.#operator, service);
      if (users.length === 0) {
        await removeFinalizer(client, informers.securityServices, service);
        return undefined;
      }
      draft.setCondition('DeletionBlocked', 'True', 'SecurityServiceInUse', `still used by ${nameList(users)}`);
      await draft.write(client, informers.securityServices);
      return undefined;
    }
    if (!hasFinalizer(service)) {
      await addFinalizer(client, informers.securityServices, service);
      return undefined;
    }
    const token = unhandledReconcileToken(service);
    if (token !== undefined && !isPaused(service)) {
      const { namespace = '', name } = service.metadata;
      // What was written comes back as an event, and is not refused any more.
      if (await this.#operator.refusals.lift(this.#operator, namespace, [name])) return { requeueAfterMs: 1 };
      draft.set({ lastHandledReconcileAt: token });
    }
    const refusal = this.#operator.refusals.ofService(this.#operator, service);
    draft.set({ refusal });
    if (isPaused(service)) {
      draft.setReadiness(pausedReadiness);
    } else {
      // What is not in use may be edited.
      if (service.status?.inUse === true && !usageOf(this.#operator, service).inUse) await this.#readUsers(service);
      draft.set(usageOf(this.#operator, service));
      const password = findPassword(this.#operator, service);
      draft.set({
        credentialsVersion: password.state === 'usable' ? this.#version(service, password.version) : undefined,
      });
      draft.setReadiness(this.#readiness(service, password, refusal));
    }
    await draft.write(client, informers.securityServices);
    if (refusal !== undefined) this.#operator.refusals.stored(refusal);
    return undefined;
  }

  /** Shows the caches everything that may use a service. */
  async #readUsers({ metadata: { namespace } }: SecurityService): Promise<void> {
    const { shareNetworks, shareServers } = this.#operator.informers;
    await listLive(this.#operator, shareNetworks, { namespace });
    await listLive(this.#operator, shareServers, { namespace });
  }

  /** The stored version while it speaks of the same password under another key: a lost key must not look like a change. */
  #version(service: SecurityService, present: string): string {
    const recorded = service.status?.credentialsVersion;
    return recorded !== undefined && !this.#operator.installation.differs(recorded, present) ? recorded : present;
  }

  #readiness(service: SecurityService, password: PasswordLookup, refusal: CredentialsRefusal | undefined): Readiness {
    if (service.metadata.namespace === this.#operator.namespace) {
      return {
        state: 'stalled',
        reason: 'NamespaceNotAllowed',
        message: `SecurityServices in the operator's namespace ${this.#operator.namespace} are refused`,
      };
    }
    const outdated = this.#serversWithOtherContent(service);
    if (outdated.length > 0) {
      return {
        state: 'stalled',
        reason: 'SecurityServiceInUse',
        message:
          `was changed while share servers ${nameList(outdated)} have it as it was; change it back, or make a new ` +
          "SecurityService and change the network's reference to it",
      };
    }
    const gaps = securityServiceGaps(service.spec);
    if (gaps.length > 0) {
      return {
        state: 'stalled',
        reason: 'SecurityServiceIncomplete',
        message: `a service of type ${service.spec.type} needs: ${gaps.join(', ')}`,
      };
    }
    const wrongName = distinguishedNameProblem(service.spec);
    if (wrongName !== undefined) return { state: 'stalled', reason: 'InvalidDistinguishedName', message: wrongName };
    const problem = credentialsProblem(password.state, service.spec, uncoveredOf(password));
    if (problem === undefined && refusal !== undefined) {
      return {
        state: 'stalled',
        reason: credentialsRefused,
        message: `${refusal.message} (${refusal.reason}); correct the Secret or the service, or set the annotation ${labels.reconcileRequestedAt} to try once more`,
      };
    }
    if (problem === undefined) return { state: 'ready', reason: 'Complete', message: 'complete for its type' };
    const reason = credentialsReason(password.state);
    // A Secret that is not there may come with another manifest; one with wrong content has to be corrected.
    const wrong = reason === 'PasswordInvalid' || reason === 'CABundleInvalid';
    return { state: wrong ? 'stalled' : 'working', reason, message: problem };
  }

  /** Names of share servers that were given the service with other data: it was edited before it was told to be in use. */
  #serversWithOtherContent(service: SecurityService): readonly string[] {
    const { serversOf } = namespaceView(this.#operator, service.metadata.namespace ?? '');
    const uid = uidOf(service);
    return networksRecording(this.#operator, service)
      .flatMap((network) => serversOf(network.metadata.name))
      .filter(({ status }) => {
        const applied = status?.securityServices?.find((one) => one.uid === uid);
        return applied !== undefined && !sameContent(applied, service.spec);
      })
      .map(({ metadata }) => metadata.name);
  }
}
