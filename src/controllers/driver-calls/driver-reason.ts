import { reasons } from '../../api/v1alpha1/reasons.ts';
import { safeReason } from '../../values/safe-text.ts';

const catalogue: ReadonlySet<string> = new Set(
  Object.values(reasons).flatMap((entries) => entries.map(([reason]) => reason)),
);

/** Reasons that mean the same and have the same remedy, whether the operator or a driver gives them. */
const shared: ReadonlySet<string> = new Set([
  'DriverError',
  'DriverFault',
  'OperationTimeout',
  'SecurityServiceTypeNotSupported',
  'SecurityServiceUpdateNotSupported',
]);

/** A driver's reason as it is shown: one that has the name of a reason of ours, and so its advice, is told apart. */
export function driverReason(reason: string): string {
  const safe = safeReason(reason, 'DriverError');
  return catalogue.has(safe) && !shared.has(safe) ? `Driver${safe}` : safe;
}
