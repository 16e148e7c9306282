import type { AccessLevel } from '../../api/v1alpha1/backend-capabilities.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { ShareAccess, ShareAccessFailure, ShareAccessPhase } from '../../api/v1alpha1/share-access.ts';
import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import type { Readiness } from '../status/readiness.ts';
import { pausedReadiness } from '../status/readiness.ts';
import { workOf } from '../status/refused-writes.ts';
import { reportRefusal } from '../status/report-refusal.ts';
import { draftOf, type StatusDraft } from '../status/status-draft.ts';

/** The only writer of the status of ShareAccess objects. */

const applied: Readiness = { state: 'ready', reason: 'Applied', message: 'the backend grants the access' };

type RuleDraft = StatusDraft<ShareAccess>;

/** Phase of a rule that waits for a driver call. */
export type QueuedPhase = 'queued_to_apply' | 'queued_to_update' | 'queued_to_deny';

/** The backend grants the rule, and its key is stored. */
export async function writeGranted(
  operator: Operator,
  rule: ShareAccess,
  { keySecretName }: { readonly keySecretName: string | undefined },
): Promise<ShareAccess> {
  return await write(operator, rule, (draft, fresh) => {
    if (fresh.metadata.deletionTimestamp !== undefined) return;
    draft.set({
      phase: 'active',
      failure: undefined,
      accessLevel: levelOf(rule),
      accessKeySecretRef: keySecretName === undefined ? undefined : { name: keySecretName },
      accessKeyOutdated: undefined,
      ...handledRequest(rule),
    });
    setReadiness(draft, applied, rule);
  });
}

/** The backend still grants the rule at its level. */
export async function writeStillGranted(operator: Operator, rule: ShareAccess): Promise<void> {
  await write(operator, rule, (draft, fresh) => {
    if (fresh.metadata.deletionTimestamp !== undefined || fresh.status?.accessLevel !== levelOf(rule)) return;
    draft.set({ phase: 'active', failure: undefined });
    setReadiness(draft, applied, rule);
  });
}

/** The rule waits before a driver call can be made for it. */
export async function writeQueued(
  operator: Operator,
  rule: ShareAccess,
  phase: QueuedPhase,
  finding: Finding,
): Promise<void> {
  await write(operator, rule, (draft, { status }) => {
    const isRetry = status?.phase === 'error' && phase !== 'queued_to_deny';
    draft.set({ phase: isRetry ? 'queued_to_apply' : phase, failure: undefined });
    draft.setReadiness({ ...finding, state: 'working' });
  });
}

/** The driver call for the rule failed, and is made again. */
export async function writeRetrying(operator: Operator, rule: ShareAccess, finding: Finding): Promise<void> {
  await write(operator, rule, (draft, fresh) => {
    draft.set({ phase: phaseInCall(fresh), failure: undefined });
    draft.setReadiness({ ...finding, state: 'working' });
  });
}

/** The driver call for the rule takes long. Best effort: the end of the call writes the result. */
export async function showInCall(operator: Operator, rule: ShareAccess, finding: Finding): Promise<void> {
  const draft = draftOf(operator, rule);
  draft.set({ phase: phaseInCall(rule), failure: undefined });
  draft.setReadiness({ ...finding, state: 'working' });
  await draft.write(operator.client, operator.informers.shareAccesses).catch(() => undefined);
}

/** The rule failed. An event tells what the status did not say before. */
export async function writeFailed(
  operator: Operator,
  rule: ShareAccess,
  failure: ShareAccessFailure,
  finding: Finding,
  changes: Parameters<RuleDraft['set']>[0] = {},
): Promise<ShareAccess> {
  const failed = await write(operator, rule, (draft, fresh) => {
    // A deleted rule is denied, whatever its result was.
    if (fresh.metadata.deletionTimestamp !== undefined) return;
    draft.set({ phase: 'error', failure, ...handledRequest(rule), ...changes });
    setReadiness(draft, { ...finding, state: 'stalled' }, rule);
  });
  const note = safeText(finding.message);
  const before = findCondition(rule.status?.conditions, 'Ready');
  if (before?.reason !== finding.reason || before.message !== note) {
    operator.recorder.event(failed, { type: 'Warning', reason: finding.reason, action: 'UpdateAccess', note });
  }
  return failed;
}

/**
 * The Secret of the rule's key can't be written, because another Secret has its name.
 * @param granted the level that the backend grants, as far as is known; undefined: none
 */
export async function writeKeyConflict(
  operator: Operator,
  rule: ShareAccess,
  secretName: string,
  granted: AccessLevel | undefined,
): Promise<ShareAccess> {
  const message = `Secret ${secretName} exists and does not belong to this rule, or is being deleted and held by a finalizer; delete it or remove the finalizer; the operator checks again every 5 minutes`;
  return await writeFailed(
    operator,
    rule,
    'AccessKeySecret',
    { reason: 'AccessKeySecretConflict', message },
    { accessLevel: granted, accessKeySecretRef: undefined },
  );
}

/** The Secret of a granted rule is missing or was changed, and can't be restored now. */
export async function writeKeyMissing(
  operator: Operator,
  rule: ShareAccess,
  secretName: string,
  why: string,
): Promise<void> {
  const message = `Secret ${secretName} is missing or was changed; it is restored when the backend can be called: ${why}`;
  await write(operator, rule, (draft) => {
    draft.showReadiness({ state: 'working', reason: 'AccessKeySecretAltered', message });
  });
}

/** The rule is paused. After the pause a failed rule is tried once more: the reason of its failure is lost here. */
export async function writePaused(operator: Operator, rule: ShareAccess): Promise<void> {
  const draft = draftOf(operator, rule).set({ failure: undefined }).showReadiness(pausedReadiness);
  await draft.write(operator.client, operator.informers.shareAccesses);
}

/** The share of the rule does not exist. */
export async function writeShareMissing(operator: Operator, rule: ShareAccess): Promise<ShareAccess> {
  return await write(operator, rule, (draft) => {
    draft.set({
      phase: 'queued_to_apply',
      failure: undefined,
      accessLevel: undefined,
      accessKeySecretRef: undefined,
      accessKeyOutdated: undefined,
    });
    const message = `waits for share ${rule.spec.shareName} to exist`;
    draft.setReadiness({ state: 'working', reason: 'ShareNotFound', message });
  });
}

/** Level of access that the rule's spec asks for. */
export function levelOf({ spec }: ShareAccess): AccessLevel {
  return spec.accessLevel ?? 'rw';
}

/** Names the work on the rules of the rule's share. */
export function workOn({ metadata, spec }: ShareAccess): string {
  return workOf('shareaccess', { namespace: metadata.namespace ?? '', name: spec.shareName });
}

/**
 * Makes a write for a rule; when the API server refuses it, the rule shows that.
 * @param options `work`: what is repeated, and reports the refusal on its own object too; by default the work on the share's rules
 * @throws RefusedWrite
 */
export async function reportingOnRule<R>(
  operator: Operator,
  rule: ShareAccess,
  makeWrite: () => Promise<R>,
  {
    work,
    isDone,
    changes = {},
  }: { readonly work?: string; readonly isDone?: boolean; readonly changes?: Parameters<RuleDraft['set']>[0] } = {},
): Promise<R> {
  try {
    return await makeWrite();
  } catch (error) {
    if (error instanceof RefusedWrite && !operator.refusedWrites.isReported(error)) {
      await reportRefusal(operator, operator.informers.shareAccesses, rule, error, work ?? workOn(rule), {
        ...(isDone === undefined ? {} : { isDone }),
        // The refusal replaces the reason of a failure: the rule is tried again afterwards.
        change: (draft) => draft.set({ failure: undefined, ...changes }),
      });
      if (work === undefined) operator.refusedWrites.markReported(error);
    }
    throw error;
  }
}

/** The rule as the cache shows it; undefined where it is gone. */
export function cachedRule({ informers }: Operator, rule: ShareAccess): ShareAccess | undefined {
  const cached = informers.shareAccesses.cache.get(nameOf(rule));
  return cached !== undefined && uidOf(cached) === uidOf(rule) ? cached : undefined;
}

/** Works out and writes the status; after a conflict again on the fresh rule. */
async function write(
  operator: Operator,
  rule: ShareAccess,
  change: (draft: RuleDraft, fresh: ShareAccess) => void,
): Promise<ShareAccess> {
  const { client, informers } = operator;
  const written = await reportingOnRule(operator, rule, () =>
    writeDriverResult(operator, informers.shareAccesses, rule, (fresh) => {
      const draft = draftOf(operator, fresh);
      change(draft, fresh);
      return draft.write(client, informers.shareAccesses);
    }),
  );
  return written ?? rule;
}

/** Sets the readiness for the spec that a call was made with: a spec that changed meanwhile was not applied. */
function setReadiness(draft: RuleDraft, readiness: Readiness, { metadata }: ShareAccess): void {
  draft.showReadiness(readiness).set({ observedGeneration: metadata.generation });
}

/** Phase of a rule during a driver call for it. */
function phaseInCall({ metadata, status }: ShareAccess): ShareAccessPhase {
  if (metadata.deletionTimestamp !== undefined) return 'denying';
  return status?.accessLevel === undefined ? 'applying' : 'updating';
}

function handledRequest(rule: ShareAccess): { readonly lastHandledReconcileAt?: string } {
  const token = unhandledReconcileToken(rule);
  return token === undefined ? {} : { lastHandledReconcileAt: token };
}
