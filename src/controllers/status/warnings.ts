import { driverReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { DriverWarning } from '../../drivers/driver.ts';
import { safeText } from '../../values/safe-text.ts';
import type { Operator } from '../operator.ts';
import type { ManagedObject, StatusDraft } from './status-draft.ts';

/** Shows what a driver warned of: an event each, and one condition that the next call without a warning takes away. */
export function noteWarnings<T extends ManagedObject>(
  operator: Operator,
  object: T,
  draft: StatusDraft<T>,
  warnings: readonly DriverWarning[] | undefined,
): void {
  const [first] = warnings ?? [];
  if (warnings === undefined || first === undefined) {
    draft.removeCondition('Warning');
    return;
  }
  for (const { reason, message } of warnings.slice(0, 5)) {
    operator.recorder.event(object, {
      type: 'Warning',
      reason: driverReason(reason, 'DriverWarning'),
      action: 'CallDriver',
      note: safeText(message),
    });
  }
  const messages = warnings.map(({ message }) => message).join('; ');
  draft.setCondition('Warning', 'True', driverReason(first.reason, 'DriverWarning'), messages);
}
