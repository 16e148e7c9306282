import type { NetworkChangeRecord } from '../../api/v1alpha1/share-network.ts';
import { timestamp } from '../../runtime/clock.ts';
import { nameList } from '../../values/name-list.ts';
import { ownPhase } from '../status/status-draft.ts';
import type { NetworkScope } from './network-scope.ts';

/** Reason of the event, by result. */
const endedReasons = {
  Succeeded: 'NetworkChangeSucceeded',
  Failed: 'NetworkChangeFailed',
  Stopped: 'NetworkChangeStopped',
} as const;

/** Ends a change that no share server takes part in any more. */
export function finishChange({ operator, draft, servers, events }: NetworkScope, record: NetworkChangeRecord): void {
  const outcomes = servers.filter(({ status }) => status?.lastNetworkChange?.id === record.id);
  const named = (result: string): readonly string[] =>
    outcomes
      .filter(({ status }) => status?.lastNetworkChange?.result === result)
      .map(({ metadata }) => metadata.name)
      .sort();
  const failed = named('Failed');
  const notAttempted = named('NotAttempted');
  const result = failed.length > 0 ? 'Failed' : notAttempted.length > 0 ? 'Stopped' : 'Succeeded';
  const { id, changes, requestedBy, startedTime } = record;
  draft.set({
    ...ownPhase('active'),
    networkChange: undefined,
    lastNetworkChange: {
      id,
      changes,
      requestedBy,
      startedTime,
      finishedTime: timestamp(operator.clock),
      result,
      ...(failed.length === 0 ? {} : { failedServers: failed.slice(0, 5), failed: failed.length }),
      ...(notAttempted.length === 0 ? {} : { notAttempted: notAttempted.length }),
    },
  });
  const details = [
    ...(failed.length === 0 ? [] : [`failed on ${nameList(failed)}`]),
    ...(notAttempted.length === 0 ? [] : [`not attempted on ${nameList(notAttempted)}`]),
  ];
  events.push({
    type: result === 'Succeeded' ? 'Normal' : 'Warning',
    reason: endedReasons[result],
    action: 'ChangeSecurityServices',
    note: `change ${id} ended: ${details.length === 0 ? 'every share server has the new services' : details.join('; ')}`,
  });
}
