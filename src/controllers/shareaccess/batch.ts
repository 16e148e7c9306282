import { targetKey } from '../../access-rules/rule-target.ts';
import { userNamesOf } from '../../access-rules/user-names.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { AccessUpdates } from '../../drivers/driver.ts';
import type { DriverError } from '../../drivers/errors.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { driverRule } from '../driver-calls/driver-requests.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { finalFailure } from '../driver-calls/final-failure.ts';
import { isCurrent, isPlacementCurrent } from '../lifecycle/live.ts';
import { forEach, inSequence } from './concurrency.ts';
import { keySecretName } from './key-secret.ts';
import { storeGrant } from './outcome.ts';
import { nothingPrepared, type Preparation } from './preparation.ts';
import { currentRules, isRevoked, removeRule } from './removal.ts';
import { workOn, writeFailed, writeKeyConflict } from './rule-status.ts';
import type { AccessScope } from './scope.ts';
import { callUpdateAccess } from './update-access.ts';

/** The changes of one driver call. */
interface Batch {
  readonly add: readonly ShareAccess[];
  readonly update: readonly ShareAccess[];
  readonly deny: readonly ShareAccess[];
  /** Granted rules whose key can't be stored: they are denied, and stay in error. */
  readonly revoke: readonly ShareAccess[];
}

/**
 * Denies, adds and changes the rules of the scope's plan in one driver call.
 * @param preparation undefined where nothing may be granted now
 */
export async function applyBatch(
  scope: AccessScope,
  caller: DriverCaller,
  preparation: Preparation | undefined,
): Promise<void> {
  const { plan } = scope;
  const add = (await preparation?.prepare(scope, plan.add)) ?? nothingPrepared;
  const update = (await preparation?.prepare(scope, plan.update)) ?? nothingPrepared;
  const kept = [...plan.keep, ...(preparation === undefined ? plan.update : [])];
  const deny = await rulesToDeny(scope, [...kept, ...add.ready, ...update.ready]);
  await callDriver(scope, caller, kept, {
    add: add.ready,
    update: update.ready,
    deny,
    revoke: [...add.conflicting, ...update.conflicting].filter(({ status }) => status?.accessLevel !== undefined),
  });
}

/**
 * The rules of the plan that the driver has to deny. Others are removed here: those that the backend no longer has, and duplicates
 * of rules that stay, since a driver that denies by target would disconnect the other rule's clients.
 */
async function rulesToDeny(scope: AccessScope, staying: readonly ShareAccess[]): Promise<readonly ShareAccess[]> {
  const { operator, plan } = scope;
  const names = userNamesOf(scope.backend?.status?.capabilities, scope.server);
  const keyOf = ({ spec }: ShareAccess): string => targetKey(spec, names);
  const stayingByKey = new Map(staying.map((rule) => [keyOf(rule), rule]));
  const isResting = (rule: ShareAccess) =>
    isRevoked(operator, rule) && operator.refusedWrites.rests(uidOf(rule), workOn(rule));
  const pending = plan.deny.filter((rule) => !isResting(rule));
  const leaving = (await isServerKnown(scope)) ? [...(await currentRules(operator, pending))] : [];
  const [revoked, granted] = partition(leaving, (rule) => isRevoked(operator, rule));
  const [duplicates, deny] = partition(granted, (rule) => stayingByKey.has(keyOf(rule)));
  const rivals = new Set(duplicates.flatMap((rule) => stayingByKey.get(keyOf(rule)) ?? []));
  const present = new Set([...(await currentRules(operator, [...rivals]))].map(keyOf));
  const removable = [...revoked, ...duplicates.filter((rule) => present.has(keyOf(rule)))];
  await forEach(removable, (rule) => removeRule(operator, rule));
  return deny;
}

/** Whether the driver that is called to deny gets the share server of the share: a server that was set up has an identifier. */
async function isServerKnown({ operator, namespace, share, server }: AccessScope): Promise<boolean> {
  const { shareServerName: name } = share.status ?? {};
  if (name === undefined || server?.status?.identifier !== undefined) return true;
  return await isCurrent(operator, operator.informers.shareServers, { namespace, name }, server);
}

/** @throws DriverError `Unavailable`, or why something could not be denied; both are retried */
async function callDriver(
  scope: AccessScope,
  caller: DriverCaller,
  kept: readonly ShareAccess[],
  batch: Batch,
): Promise<void> {
  const { operator } = scope;
  const grants = [...batch.add, ...batch.update];
  const denials = [...batch.deny, ...batch.revoke];
  if (grants.length + denials.length === 0) return;
  let updates: AccessUpdates;
  try {
    updates = await callUpdateAccess(scope, caller, {
      accessRules: [...kept.map(asApplied), ...grants.map(asSpecified)],
      addRules: batch.add.map(asSpecified),
      updateRules: batch.update.map(asSpecified),
      deleteRules: denials.map(asApplied),
    });
  } catch (thrown) {
    return await callFailed(scope, caller, kept, batch, finalFailure(thrown));
  }
  await inSequence(
    () => forEach(grants, (rule) => storeGrant(scope, rule, updates.get(uidOf(rule)))),
    () => forEach(batch.deny, (rule) => removeRule(operator, rule)),
    () => forEach(batch.revoke, (rule) => writeKeyConflict(operator, rule, keySecretName(rule), undefined)),
  );
}

async function callFailed(
  scope: AccessScope,
  caller: DriverCaller,
  kept: readonly ShareAccess[],
  batch: Batch,
  error: DriverError,
): Promise<void> {
  const { operator } = scope;
  const grants = [...batch.add, ...batch.update];
  const denials = [...batch.deny, ...batch.revoke];
  if (grants.length > 0 && denials.length > 0) {
    // Either half may be the cause, and one bad rule must not fail the others.
    return await inSequence(
      () => callDriver(scope, caller, kept, { ...batch, add: [], update: [] }),
      () => callDriver(scope, caller, kept, { ...batch, deny: [], revoke: [] }),
    );
  }
  // A share that the backend does not have has no rules to deny, if the call was about the right share.
  const isUnknown = error.kind === 'NotFound' && (await isPlacementCurrent(operator, scope));
  if (denials.length > 0 && !isUnknown) throw error;
  // Rules of a lost share wait for it; when the share exists the driver means something else.
  const isLost = error.kind === 'NotFound' && !(await ensureShare(operator, scope, caller)).exists;
  await forEach(batch.deny, (rule) => removeRule(operator, rule));
  await forEach(batch.revoke, (rule) => writeKeyConflict(operator, rule, keySecretName(rule), undefined));
  if (isLost) return;
  const finding = { reason: toReason(error.reason), message: error.message };
  await forEach(grants, (rule) => writeFailed(operator, rule, 'Call', finding));
}

function asApplied(rule: ShareAccess) {
  return driverRule(rule, rule.status?.accessLevel);
}

function asSpecified(rule: ShareAccess) {
  return driverRule(rule);
}

function partition<T>(items: readonly T[], holds: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(holds), items.filter((item) => !holds(item))];
}
