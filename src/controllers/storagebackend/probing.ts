import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { StorageBackendStatus } from '../../api/v1alpha1/storage-backend.ts';
import type { Capabilities } from '../../drivers/driver.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { identityRefusal } from '../../drivers/identity.ts';
import { configMemberOf } from '../../drivers/registry.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import { formatQuantity } from '../../values/quantity.ts';
import { timeoutsOf } from '../driver-calls/driver-requests.ts';
import { done, passOver, requeueAfter, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import { reportingWhile } from '../status/long-waits.ts';
import { draftOf, latestOf } from '../status/status-draft.ts';
import type { BackendDrivers } from './backend-drivers.ts';
import type { BackendOperator } from './backend-operator.ts';
import { resumeCalls, suspendCalls } from './calls-suspended.ts';
import { noteVulnerabilities } from './known-vulnerabilities.ts';
import { ProbeSchedule } from './probe-schedule.ts';
import type { BackendScope } from './scope.ts';

const probeIntervalMs = 60_000;
const failedProbeIntervalMs = 10_000;
/** The longest pause that a driver gets after a failed probe. */
const longestProbeIntervalMs = 300_000;

/** The phases that probe a backend and record what it answered. */
export class Probing {
  readonly schedule: ProbeSchedule;
  readonly #operator: BackendOperator;
  readonly #drivers: BackendDrivers;

  constructor(operator: BackendOperator, drivers: BackendDrivers) {
    this.#operator = operator;
    this.#drivers = drivers;
    this.schedule = new ProbeSchedule(operator.clock);
  }

  /** Asks the storage system what it can do, when that is due. */
  readonly probe = async (scope: BackendScope): Promise<Step> => {
    const { clock, random, informers } = this.#operator;
    const { backend, context, driver, name, token } = scope;
    if (driver === undefined) return stop();
    const next = this.schedule.nextOf(name);
    const isDue = next === undefined || isChanged(scope) || next.driverKey !== driver.key || clock.now() >= next.at;
    if (!isDue) return stop(next.at - clock.now());
    const replacesDriver = token !== undefined && next?.isPausing === true;
    const timeoutMs = timeoutsOf(backend).operation;
    const probe = await reportingWhile(
      clock,
      () => void this.#showProbe(scope),
      () =>
        context.outsideWorker(() => this.#drivers.probe(backend, driver, timeoutMs, context.signal, replacesDriver)),
    );
    if (informers.storageBackends.cache.get(nameOf(backend))?.metadata.generation !== backend.metadata.generation) {
      // The answer is about a former spec.
      this.schedule.clear(name);
      return passOver(1);
    }
    const pauseMs = probe.ok ? probeIntervalMs : pauseAfterFailure(probe.error);
    scope.probe = probe;
    scope.nextProbeInMs = Math.round(pauseMs * (0.9 + 0.2 * random()));
    return requeueAfter(scope.nextProbeInMs);
  };

  /** Records what the storage system answered. */
  readonly record = (scope: BackendScope): Step => {
    const { probe, driver } = scope;
    if (probe === undefined || driver === undefined) return stop();
    return probe.ok ? this.#recordAnswer(scope, probe.capabilities, driver) : this.#recordFailure(scope, probe);
  };

  /** Schedules the next probe once the status is stored: an answer that was not stored is asked for again at once. */
  scheduleNext({ name, probe, driver, nextProbeInMs }: BackendScope): void {
    if (probe === undefined || driver === undefined || nextProbeInMs === undefined) return;
    const isPausing = !probe.ok && pauseAfterFailure(probe.error) > failedProbeIntervalMs;
    this.schedule.set(name, { at: this.#operator.clock.now() + nextProbeInMs, isPausing, driverKey: driver.key });
  }

  #recordAnswer(
    scope: BackendScope,
    capabilities: Capabilities,
    { identity, refusedFields }: NonNullable<BackendScope['driver']>,
  ): Step {
    const { operator, backend, draft, name, users } = scope;
    resumeCalls(scope);
    operator.instances.limit(name, backend.spec.maxConcurrentOperations ?? 8);
    const isRestart = this.schedule.nextOf(name) === undefined && !isChanged(scope);
    draft.set({ ...probedStatus(capabilities), identity, refusedIdentityFields: undefined });
    noteVulnerabilities(draft, capabilities.knownVulnerabilities);
    // Space changes all the time; a restart alone is no reason to write it.
    if (isRestart && backend.status?.capacity !== undefined) draft.set({ capacity: backend.status.capacity });
    if (refusedFields.length === 0) return done;
    draft.set({ refusedIdentityFields: refusedFields });
    const refusal = identityRefusal(configMemberOf(backend.spec), refusedFields, users);
    return stalled({ reason: 'IdentityFieldsImmutable', message: `${refusal}; the old value stays in force` });
  }

  #recordFailure(
    scope: BackendScope,
    { error, ofDriverInForce }: Extract<NonNullable<BackendScope['probe']>, { ok: false }>,
  ): Step {
    const { reason, message, detail } = error;
    if (ofDriverInForce) suspendCalls(scope);
    scope.context.logger.warn({ reason, error: message, detail }, 'backend probe failed');
    return wait({ reason: toReason(reason), message });
  }

  /** The first probe of a new spec takes long: the backend says so, best effort. */
  async #showProbe({ backend, draft, records }: BackendScope): Promise<void> {
    const { storageBackends } = this.#operator.informers;
    const present = latestOf(storageBackends, backend);
    if (present.metadata.resourceVersion !== draft.object.metadata.resourceVersion) return;
    if (present.status?.observedGeneration === present.metadata.generation) return;
    const interim = draftOf(this.#operator, present).showReadiness({
      state: 'working',
      reason: 'ProbeInProgress',
      message: 'the storage system is being probed; driver calls with the former configuration end first',
    });
    try {
      draft.onto(await records.store(interim));
    } catch {
      // The end of the pass writes the result.
    }
  }
}

/** Whether the spec, or a request, is not the one that was recorded last. */
function isChanged({ backend, token }: BackendScope): boolean {
  return token !== undefined || backend.status?.observedGeneration !== backend.metadata.generation;
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
