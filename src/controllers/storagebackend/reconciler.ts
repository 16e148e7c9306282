import { isDeepStrictEqual } from 'node:util';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { usersOfBackend } from '../../cluster-state/backend-users.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { DriverModules } from '../../drivers/registry.ts';
import { nameList } from '../../values/name-list.ts';
import { listLive } from '../lifecycle/live.ts';
import { Reconciler } from '../reconcile/frame.ts';
import { pause } from '../reconcile/pause.ts';
import { done, passOver, type Step, stalled, stop } from '../reconcile/step.ts';
import { backendAvailable } from '../status/readiness.ts';
import { BackendDrivers } from './backend-drivers.ts';
import type { BackendOperator } from './backend-operator.ts';
import type { BackendRecords } from './backend-records.ts';
import { resumeCalls } from './calls-suspended.ts';
import { Probing } from './probing.ts';
import { type BackendScope, backendScope } from './scope.ts';
import { watchForStorageBackends } from './watches.ts';

/** Creates the driver of each StorageBackend from its configuration, and probes it regularly. */
export function storageBackendReconciler(
  operator: BackendOperator,
  modules: DriverModules,
  records: BackendRecords,
): Reconciler<StorageBackend, BackendScope> {
  const drivers = new BackendDrivers(operator, modules);
  const probing = new Probing(operator, drivers);
  const refreshUsers = async (scope: BackendScope): Promise<void> => {
    if (scope.users.length === 0 && records.guards) scope.users = await liveUsers(operator, scope.name);
  };

  /** Spec and credentials describe the driver. In use, the backend keeps its identity. */
  const configure = async (scope: BackendScope): Promise<Step> => {
    const { backend, draft, token } = scope;
    let configured = drivers.configured(backend, scope.users.length > 0);
    const { identity } = backend.status ?? {};
    if (configured.ok && identity !== undefined && !isDeepStrictEqual(configured.identity, identity)) {
      await refreshUsers(scope);
      configured = drivers.configured(backend, scope.users.length > 0);
    }
    if (token !== undefined) draft.set({ lastHandledReconcileAt: token });
    if (!configured.ok) {
      resumeCalls(scope);
      return stalled(configured);
    }
    scope.driver = configured;
    return done;
  };

  const releaseUnused = async (scope: BackendScope): Promise<Step> => {
    await refreshUsers(scope);
    if (scope.users.length > 0) return done;
    await drivers.remove(scope.name);
    await records.release(scope.backend);
    return passOver();
  };

  const { probe, record } = probing;
  return new Reconciler(operator, {
    name: 'storagebackend',
    informer: records.informer,
    records,
    watches: (controller) => watchForStorageBackends(operator, controller, { drivers, schedule: probing.schedule }),
    scope: backendScope,
    phases: [pauseProbes, configure, probe, record],
    // What is on the backend may still be deleted: the driver must match the configuration.
    deletion: [releaseUnused, blockDeletion, stopWhenPaused, configure, probe, record, showAvailable],
    ready: backendAvailable,
    stored: (scope) => probing.scheduleNext(scope),
    forget: async ({ metadata: { name } }) => {
      probing.schedule.forget(name);
      records.forget({ name });
      operator.calls.forget(name);
      await drivers.remove(name);
    },
  });
}

/** A paused backend is not probed, so that nothing may suspend its calls. */
function pauseProbes(scope: BackendScope): Step {
  const step = pause(scope);
  if (step.kind === 'wait') resumeCalls(scope);
  return step;
}

function blockDeletion({ draft, users }: BackendScope): Step {
  draft.setCondition('DeletionBlocked', 'True', 'BackendInUse', `still used by ${nameList(users)}; delete them first`);
  return done;
}

function stopWhenPaused({ backend }: BackendScope): Step {
  return isPaused(backend) ? stop() : done;
}

function showAvailable({ draft }: BackendScope): Step {
  draft.setReadiness(backendAvailable);
  return done;
}

/** Lists from the API server what may be on a backend: the caches may lag. */
async function liveUsers(operator: BackendOperator, name: string): Promise<readonly string[]> {
  const { shares, shareServers } = operator.informers;
  await listLive(operator, shareServers, { fieldSelector: `spec.backendName=${name}` });
  // The backend of a share is in its status, which no field selector reaches.
  await listLive(operator, shares, {});
  return usersOfBackend(operator, name);
}
