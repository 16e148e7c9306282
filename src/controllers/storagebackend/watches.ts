import type { Controller } from '../../runtime/controller.ts';
import type { BackendDrivers } from './backend-drivers.ts';
import type { BackendOperator } from './backend-operator.ts';
import type { ProbeSchedule } from './probe-schedule.ts';

/** What has StorageBackends reconciled: they themselves, what is on them, their credentials, and failed driver calls. */
export function watchForStorageBackends(
  { informers, calls, namespace }: BackendOperator,
  controller: Controller,
  { drivers, schedule }: { readonly drivers: BackendDrivers; readonly schedule: ProbeSchedule },
): void {
  /** Whether what is on the backend blocks its deletion, or a new identity. */
  const waitsForUsers = (name: string): boolean => {
    const { metadata, status } = informers.storageBackends.cache.get({ name }) ?? {};
    return metadata?.deletionTimestamp !== undefined || status?.refusedIdentityFields !== undefined;
  };
  controller.watch(informers.storageBackends);
  calls.circuits.onSuspicion((name) => {
    if (schedule.suspect(name)) controller.enqueue({ name });
  });
  controller.watch(informers.shares, ({ type, object, previous }) => {
    const left = (type === 'deleted' ? object : previous)?.status?.backendName;
    const stays = type !== 'deleted' && object.status?.backendName === left;
    return left === undefined || stays || !waitsForUsers(left) ? undefined : { name: left };
  });
  controller.watch(informers.shareServers, ({ type, object: { spec } }) =>
    type === 'deleted' && waitsForUsers(spec.backendName) ? { name: spec.backendName } : undefined,
  );
  controller.watch(informers.credentials, ({ object: { metadata } }) =>
    metadata.namespace === namespace ? drivers.usersOf(metadata.name).map((name) => ({ name })) : undefined,
  );
}
