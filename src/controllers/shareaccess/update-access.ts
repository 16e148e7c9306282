import type { ShareStatus } from '../../api/v1alpha1/share.ts';
import type { AccessRequest, AccessUpdates } from '../../drivers/driver.ts';
import { InProgress } from '../../drivers/errors.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { draftOf } from '../status/status-draft.ts';
import { type AccessScope, timeoutOf } from './scope.ts';

const operationName = 'updateAccess';

/** The lists of one call. */
export type RuleLists = Pick<AccessRequest, 'accessRules' | 'addRules' | 'updateRules' | 'deleteRules'>;

/**
 * Calls updateAccess for the scope's share. Work that goes on on the storage system is noted on the share, so that the same
 * batch is asked for again with its token.
 * @throws DriverError or InProgress
 */
export async function callUpdateAccess(
  scope: AccessScope,
  caller: DriverCaller,
  lists: RuleLists,
): Promise<AccessUpdates> {
  const { operator, share, server, network } = scope;
  // The same changes make the same identifier, so nothing has to be stored before the call.
  const id = operationID(scope, lists);
  const running = share.status?.operation;
  const isRecovery = lists.addRules.length + lists.updateRules.length + lists.deleteRules.length === 0;
  const noted = {
    id,
    name: operationName,
    startedTime: running?.id === id ? running.startedTime : timestamp(operator.clock),
  };
  // What a recovery makes is in no Secret yet when it ends: whoever comes after this process has to repeat it.
  if (isRecovery && running?.id !== id) await noteOperation(scope, noted);
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
    if (!isRecovery) await noteOperation(scope, undefined);
    return updates;
  } catch (thrown) {
    if (thrown instanceof InProgress) await noteOperation(scope, { ...noted, token: thrown.token });
    else await noteOperation(scope, isRecovery ? noted : undefined);
    throw thrown;
  }
}

/** A recovery has ended, and everything that it made is stored. */
export async function recoveryEnded(scope: AccessScope): Promise<void> {
  await noteOperation(scope, undefined);
}

/** Whether a recovery of the share's rules goes on on the storage system, for this process or for one before it. */
export function isRecovering(scope: AccessScope): boolean {
  const { operation } = scope.share.status ?? {};
  // Asked at every look at a share: nearly none has an operation, and only then is there something to be worked out.
  return operation?.name === operationName && operation.id === operationID(scope, noChanges);
}

type Changes = Pick<RuleLists, 'addRules' | 'updateRules' | 'deleteRules'>;

const noChanges: Changes = { addRules: [], updateRules: [], deleteRules: [] };

/** Granting, changing and denying one rule are three operations: a denial is never taken for the end of a grant that goes on. */
function operationID({ operator, share }: AccessScope, { addRules, updateRules, deleteRules }: Changes): string {
  const changes = [
    ...addRules.map(({ id, accessLevel }) => `add ${id} ${accessLevel}`),
    ...updateRules.map(({ id, accessLevel }) => `update ${id} ${accessLevel}`),
    ...deleteRules.map(({ id }) => `delete ${id}`),
  ];
  return operator.installation.digest(operationName, uidOf(share), ...changes.sort());
}

/** Notes or forgets an operation on the access rules; another operation of the share is left alone. */
async function noteOperation({ operator, share }: AccessScope, operation: ShareStatus['operation']): Promise<void> {
  const { informers, client } = operator;
  const latest = informers.shares.cache.get({
    namespace: share.metadata.namespace ?? '',
    name: share.metadata.name,
  });
  if (latest === undefined || uidOf(latest) !== uidOf(share)) return;
  await writeDriverResult(operator, informers.shares, latest, (fresh) => {
    const present = fresh.status?.operation;
    if (present === undefined ? operation === undefined : present.name !== operationName) return undefined;
    const draft = draftOf(operator, fresh);
    return draft.set({ operation }).write(client, informers.shares);
  });
}
