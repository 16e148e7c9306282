import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import { reportingWhile } from '../status/long-waits.ts';
import { showMissingKeys } from './findings.ts';
import { cachedRule, showInCall } from './rule-status.ts';
import type { AccessScope } from './scope.ts';
import { showSyncing } from './share-status.ts';
import { shortWaitMs } from './waiting.ts';

const inCall: Finding = { reason: 'Applying', message: 'the driver call for the rule is running' };

/**
 * Waits for the backend without occupying a worker. When that takes long, the share and the rules say what is going on.
 * @param rules the rules that the call is about
 * @param work calls `waiting` with what it waits for from then on; undefined: nothing any more
 */
export async function outsideWorker<R>(
  scope: AccessScope,
  rules: readonly ShareAccess[],
  work: (waiting: (wait: Finding | undefined) => void) => Promise<R>,
): Promise<R> {
  const ended = new AbortController();
  let wait: Finding | undefined;
  let shown: Finding | undefined;
  const show = (): void => {
    const finding = wait ?? inCall;
    if (shown === finding) return;
    shown = finding;
    void showSyncing(scope);
    void showRulesInCall(scope, rules, finding, ended.signal);
    showMissingKeys(scope, finding.message).catch(() => undefined);
  };
  const call = () => scope.context.outsideWorker(() => work((next) => (wait = next)));
  try {
    return await reportingWhile(scope.operator.clock, show, call, shortWaitMs);
  } finally {
    ended.abort();
  }
}

async function showRulesInCall(
  { operator }: AccessScope,
  rules: readonly ShareAccess[],
  finding: Finding,
  ended: AbortSignal,
): Promise<void> {
  await oneByOne(rules, async (rule) => {
    const fresh = cachedRule(operator, rule);
    if (ended.aborted || fresh === undefined || fresh.status?.failure === 'AccessKeySecret') return;
    await showInCall(operator, fresh, finding);
  });
}
