import { isDeepStrictEqual } from 'node:util';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { StorageBackend, StorageBackendStatus } from '../../api/v1alpha1/storage-backend.ts';
import { usersOfBackend } from '../../cluster-state/backend-users.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { Capabilities } from '../../drivers/driver.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { identityRefusal } from '../../drivers/identity.ts';
import { configMemberOf, type DriverModules } from '../../drivers/registry.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { nameList } from '../../values/name-list.ts';
import { formatQuantity } from '../../values/quantity.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { listLive } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { reportingWhile } from '../status/long-waits.ts';
import { backendAvailable, pausedReadiness } from '../status/readiness.ts';
import { reportingRefusals } from '../status/refused-writes.ts';
import { draftOf, latestOf } from '../status/status-draft.ts';
import { BackendDrivers } from './backend-drivers.ts';
import type { BackendDraft, BackendRecords } from './backend-records.ts';
import { noteVulnerabilities } from './known-vulnerabilities.ts';

const probeIntervalMs = 60_000;
const failedProbeIntervalMs = 10_000;
/** Failing calls have a backend probed no more often. */
const suspicionIntervalMs = 5000;
/** A driver that asks for a longer pause after a failed probe gets no longer one. */
const longestProbeIntervalMs = 300_000;
/** Condition, and its reason, of a backend that does not answer. */
const callsSuspended = 'CallsSuspended';

/** When a backend is probed next, as long as nothing else is wanted of it. */
interface NextProbe {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
  /** Whether the driver asked for a longer pause than usual. */
  readonly pausing: boolean;
  /** When a failed call had it probed last, or will. */
  readonly suspectedAt: number;
  /** What the last probe was of: configuration and credentials. */
  readonly key: string;
}

/** Keeps each StorageBackend's driver in step with its configuration, and probes it. */
export class StorageBackendReconciler {
  readonly #operator: Operator;
  readonly #drivers: BackendDrivers;
  readonly #records: BackendRecords;
  readonly #nextProbe = new Map<string, NextProbe>();

  constructor(operator: Operator, modules: DriverModules, records: BackendRecords) {
    this.#operator = operator;
    this.#records = records;
    this.#drivers = new BackendDrivers(operator, modules);
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'storagebackend',
      workers,
      reconcile: reportingRefusals(this.#operator, 'storagebackend', informers.storageBackends, (context) =>
        this.reconcile(context),
      ),
    });
    controller.watch(informers.storageBackends);
    this.#operator.calls.circuits.onSuspicion((name) => {
      const next = this.#nextProbe.get(name);
      if (next === undefined) return;
      const { clock } = this.#operator;
      const at = Math.max(clock.now(), next.suspectedAt + suspicionIntervalMs);
      if (at >= next.at) return;
      this.#nextProbe.set(name, { ...next, at, suspectedAt: at });
      controller.enqueue({ name });
    });
    // Only what may end a wait for deletion.
    controller.watch(informers.shares, ({ type, object, previous }) => {
      const left = (type === 'deleted' ? object : previous)?.status?.backendName;
      const stays = type !== 'deleted' && object.status?.backendName === left;
      return left === undefined || stays || !this.#waitsForUsers(left) ? undefined : { name: left };
    });
    controller.watch(informers.shareServers, ({ type, object }) =>
      type === 'deleted' && this.#waitsForUsers(object.spec.backendName)
        ? { name: object.spec.backendName }
        : undefined,
    );
    controller.watch(informers.credentials, ({ object }) =>
      object.metadata.namespace === this.#operator.namespace
        ? this.#drivers.usersOf(object.metadata.name).map((name) => ({ name }))
        : undefined,
    );
    return controller;
  }

  /** Whether what is on the backend holds its deletion, or a new identity, back. */
  #waitsForUsers(name: string): boolean {
    const backend = this.#operator.informers.storageBackends.cache.get({ name });
    if (backend === undefined) return false;
    const { metadata, status } = backend;
    const reason = findCondition(status?.conditions, 'Ready')?.reason;
    return metadata.deletionTimestamp !== undefined || reason === 'IdentityFieldsImmutable';
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const { informers } = this.#operator;
    const backend = informers.storageBackends.cache.get(context.key);
    if (backend === undefined) {
      this.#nextProbe.delete(context.key.name);
      this.#records.forget(context.key);
      this.#operator.calls.forget(context.key.name);
      await this.#drivers.remove(context.key.name);
      return undefined;
    }
    if (backend.metadata.deletionTimestamp !== undefined) return await this.#delete(context, backend);
    if (!this.#records.holds(backend)) {
      await this.#records.take(backend);
      // The cache has the new version already and its event brings the key back.
      return undefined;
    }
    const draft = draftOf(this.#operator, backend);
    if (isPaused(backend)) {
      draft.setReadiness(pausedReadiness);
      this.#resumeCalls(draft);
      await this.#records.store(draft);
      return undefined;
    }
    const result = await this.#keep(context, backend, draft);
    try {
      await this.#records.store(draft);
    } catch (error) {
      // What was seen is not told yet: it is to be seen again at once.
      this.#nextProbe.delete(backend.metadata.name);
      throw error;
    }
    return result;
  }

  /** Calls are made again: the backend answers, or nobody asks it whether it does. */
  #resumeCalls(draft: BackendDraft): void {
    this.#operator.calls.circuits.close(draft.object.metadata.name);
    draft.removeCondition(callsSuspended);
  }

  /** Configuration, driver, probe. */
  async #keep(
    context: ReconcileContext,
    backend: StorageBackend,
    draft: BackendDraft,
  ): Promise<ReconcileResult | undefined> {
    const { clock, random, informers } = this.#operator;
    const { name } = backend.metadata;
    const token = unhandledReconcileToken(backend);
    const asked = token !== undefined;
    let users = usersOfBackend(this.#operator, name);
    let wanted = this.#drivers.wanted(backend, users.length > 0);
    const { identity } = backend.status ?? {};
    if (users.length === 0 && wanted.ok && identity !== undefined && !isDeepStrictEqual(wanted.identity, identity)) {
      users = await this.#liveUsers(backend);
      wanted = this.#drivers.wanted(backend, users.length > 0);
    }
    if (asked) draft.set({ lastHandledReconcileAt: token });
    if (!wanted.ok) {
      draft.setReadiness({ state: 'stalled', reason: wanted.reason, message: wanted.message });
      this.#resumeCalls(draft);
      return undefined;
    }
    const next = this.#nextProbe.get(name);
    const asBefore = !asked && draft.status.observedGeneration === backend.metadata.generation;
    const isStart = next === undefined && asBefore;
    if (asBefore && next !== undefined && next.key === wanted.key && clock.now() < next.at) {
      return { requeueAfterMs: next.at - clock.now() };
    }
    const again = asked && next?.pausing;
    const probed = await reportingWhile(
      clock,
      () => void this.#showProbe(backend, draft),
      () =>
        context.outsideWorker(() =>
          this.#drivers.probe(backend, wanted, timeoutsOf(backend).operation, context.signal, again),
        ),
    );
    const pauseMs = probed.ok ? probeIntervalMs : pauseAfterFailure(probed.error);
    const inMs = Math.round(pauseMs * (0.9 + 0.2 * random()));
    const pausing = !probed.ok && pauseMs > failedProbeIntervalMs;
    const { suspectedAt = 0 } = this.#nextProbe.get(name) ?? {};
    this.#nextProbe.set(name, { at: clock.now() + inMs, pausing, suspectedAt, key: wanted.key });
    if (informers.storageBackends.cache.get(nameOf(backend))?.metadata.generation !== backend.metadata.generation) {
      // Changed while it was probed: what was seen belongs to the past.
      this.#nextProbe.delete(name);
      return { requeueAfterMs: 1 };
    }
    if (probed.ok) {
      this.#resumeCalls(draft);
      this.#operator.instances.limit(name, backend.spec.maxConcurrentOperations ?? 8);
      draft.set({ ...probedStatus(probed.capabilities), identity: wanted.identity });
      noteVulnerabilities(draft, probed.capabilities.knownVulnerabilities);
      // Space changes all the time; a restart alone is no reason to write it.
      if (isStart && backend.status?.capacity !== undefined) draft.set({ capacity: backend.status.capacity });
      if (wanted.refusedFields.length === 0) {
        draft.setReadiness(backendAvailable);
      } else {
        const refusal = identityRefusal(configMemberOf(backend.spec), wanted.refusedFields, users);
        draft.setReadiness({
          state: 'stalled',
          reason: 'IdentityFieldsImmutable',
          message: `${refusal}; the old value stays in force`,
        });
      }
    } else {
      const { error } = probed;
      draft.setReadiness({ state: 'working', reason: toReason(error.reason), message: error.message });
      if (probed.ofDriverInForce) {
        this.#operator.calls.circuits.open(name);
        const message = 'the storage system did not answer the last probe; no driver call is made until it does';
        draft.setCondition(callsSuspended, 'True', callsSuspended, message);
      }
      context.logger.warn({ reason: error.reason, error: error.message, detail: error.detail }, 'backend probe failed');
    }
    return { requeueAfterMs: inMs };
  }

  /** Users of a backend that the caches show without one, from the API server. */
  async #liveUsers({ metadata: { name } }: StorageBackend): Promise<readonly string[]> {
    if (!this.#records.guards) return [];
    const { shares, shareServers } = this.#operator.informers;
    await listLive(this.#operator, shareServers, { fieldSelector: `spec.backendName=${name}` });
    // Where a share was placed is in its status, which cannot be selected by.
    await listLive(this.#operator, shares, {});
    return usersOfBackend(this.#operator, name);
  }

  /** A new backend, or one whose spec changed, says that its first probe takes long; best effort. */
  async #showProbe(backend: StorageBackend, draft: BackendDraft): Promise<void> {
    const { storageBackends } = this.#operator.informers;
    const present = latestOf(storageBackends, backend);
    if (present !== draft.object || present.status?.observedGeneration === present.metadata.generation) return;
    const meanwhile = draftOf(this.#operator, present).showReadiness({
      state: 'working',
      reason: 'ProbeInProgress',
      message: 'the storage system is being asked; driver calls of the former configuration end first',
    });
    try {
      await this.#records.store(meanwhile);
      draft.onto(latestOf(storageBackends, backend));
    } catch {
      // The end of the pass says what came of it.
    }
  }

  async #delete(context: ReconcileContext, backend: StorageBackend): Promise<ReconcileResult | undefined> {
    if (!this.#records.holds(backend)) return undefined;
    const { name } = backend.metadata;
    const known = usersOfBackend(this.#operator, name);
    const users = known.length > 0 ? known : await this.#liveUsers(backend);
    if (users.length > 0) {
      const draft = draftOf(this.#operator, backend);
      // Deletions on it go on: the driver must stay in step.
      const result = isPaused(backend) ? undefined : await this.#keep(context, backend, draft);
      draft.setCondition(
        'DeletionBlocked',
        'True',
        'BackendInUse',
        `delete what is on the backend first: ${nameList(users)}`,
      );
      await this.#records.store(draft);
      return result;
    }
    await this.#drivers.remove(name);
    await this.#records.release(backend);
    return undefined;
  }
}

function pauseAfterFailure({ retryAfter = 0 }: DriverError): number {
  return Math.min(longestProbeIntervalMs, Math.max(failedProbeIntervalMs, retryAfter * 1000));
}

function probedStatus({
  capacity,
  knownVulnerabilities: _,
  ...capabilities
}: Capabilities): Partial<StorageBackendStatus> {
  return {
    capabilities: capabilities.driverHandlesShareServers
      ? capabilities
      : { ...capabilities, securityServiceUpdateSupport: false },
    ...(capacity === undefined
      ? {}
      : { capacity: { total: formatQuantity(capacity.total), available: formatQuantity(capacity.available) } }),
  };
}
