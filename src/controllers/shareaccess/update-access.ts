import type { AccessUpdates, RuleLists } from '../../drivers/driver.ts';
import { InProgress } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { type AccessScope, timeoutOf } from './scope.ts';
import { writeAccessOperation } from './share-status.ts';

const operationName = 'updateAccess';

/**
 * Calls updateAccess for the scope's share. Work that the storage system has not finished is recorded on the share, so that the
 * next call for the same changes passes its token.
 * @throws DriverError or InProgress
 */
export async function callUpdateAccess(
  scope: AccessScope,
  caller: DriverCaller,
  lists: RuleLists,
): Promise<AccessUpdates> {
  const { operator, share, server, network } = scope;
  // The same changes have the same identifier, so that nothing has to be stored before the call.
  const id = operationID(scope, lists);
  const running = share.status?.operation;
  const isRecovery = lists.addRules.length + lists.updateRules.length + lists.deleteRules.length === 0;
  const recorded = {
    id,
    name: operationName,
    startedTime: running?.id === id ? running.startedTime : timestamp(operator.clock),
  };
  // The keys of a recovery are not stored yet when the call ends: after a crash it has to be repeated.
  if (isRecovery && running?.id !== id) await writeAccessOperation(scope, recorded);
  try {
    const updates = await caller.call(
      {
        operation: operationName,
        id,
        token: running?.id === id ? running.token : undefined,
        timeoutMs: timeoutOf(scope),
      },
      (driver, context) =>
        driver.updateAccess(
          {
            share: driverShare(share),
            ...serverOfShare(operator, { server, network }),
            ...lists,
          },
          context,
        ),
    );
    if (!isRecovery) await writeAccessOperation(scope, undefined);
    return updates;
  } catch (thrown) {
    if (thrown instanceof InProgress) await writeAccessOperation(scope, { ...recorded, token: thrown.token });
    else await writeAccessOperation(scope, isRecovery ? recorded : undefined);
    throw thrown;
  }
}

/** A recovery has ended, and its results are stored. */
export async function recoveryEnded(scope: AccessScope): Promise<void> {
  await writeAccessOperation(scope, undefined);
}

/** Whether the storage system has not finished a recovery that this process, or a former one, has begun. */
export function isRecovering(scope: AccessScope): boolean {
  const { operation } = scope.share.status ?? {};
  return operation?.name === operationName && operation.id === operationID(scope, noChanges);
}

type Changes = Pick<RuleLists, 'addRules' | 'updateRules' | 'deleteRules'>;

const noChanges: Changes = { addRules: [], updateRules: [], deleteRules: [] };

/** Granting, changing and denying one rule are three operations: a denial must not look like the end of an unfinished grant. */
function operationID({ operator, share }: AccessScope, { addRules, updateRules, deleteRules }: Changes): string {
  const changes = [
    ...addRules.map(({ id, accessLevel }) => `add ${id} ${accessLevel}`),
    ...updateRules.map(({ id, accessLevel }) => `update ${id} ${accessLevel}`),
    ...deleteRules.map(({ id }) => `delete ${id}`),
  ];
  return operator.installation.digest(operationName, uidOf(share), ...changes.sort());
}
