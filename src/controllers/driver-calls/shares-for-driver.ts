import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import { storageID } from '../../cluster-state/storage-id.ts';
import type { DriverAccessRule, DriverShare } from '../../drivers/driver.ts';
import { hasFinalizer } from '../lifecycle/finalizers.ts';
import type { Operator } from '../operator.ts';
import { driverRule, driverShare } from './driver-requests.ts';

/** Whether the backend has the rule: it was applied and is not being denied. */
export function isApplied(rule: ShareAccess): boolean {
  return hasFinalizer(rule) && rule.metadata.deletionTimestamp === undefined && rule.status?.accessLevel !== undefined;
}

/** The shares that a server exports and their applied rules, by share id. */
export function sharesForDriver(
  operator: Operator,
  server: ShareServer,
): { readonly shares: readonly DriverShare[]; readonly accessRules: ReadonlyMap<string, readonly DriverAccessRule[]> } {
  const { sharesOn, rulesOf } = namespaceView(operator, server.metadata.namespace ?? '');
  const shares = sharesOn(server.metadata.name).filter((share) => share.status?.identifier !== undefined);
  return {
    shares: shares.map(driverShare),
    accessRules: new Map(
      shares.map((share) => [
        storageID(share),
        rulesOf(share.metadata.name)
          .filter(isApplied)
          .map((rule) => driverRule(rule, rule.status?.accessLevel)),
      ]),
    ),
  };
}
