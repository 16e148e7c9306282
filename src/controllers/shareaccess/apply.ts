import { planRules, type RulePlan } from '../../access-rules/plan.ts';
import { targetKey } from '../../access-rules/rule-target.ts';
import { userNamesOf } from '../../access-rules/user-names.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import type { AccessUpdates } from '../../drivers/driver.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { oneByOne } from '../../runtime/one-by-one.ts';
import type { DriverCaller } from '../driver-calls/call-lease.ts';
import { driverRule } from '../driver-calls/driver-requests.ts';
import { ensureShare } from '../driver-calls/ensure-share.ts';
import { finalFailure } from '../driver-calls/final-failure.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent, isPlacementCurrent, listRulesLive } from '../lifecycle/live.ts';
import { currentRules, isRevoked, release } from './deny.ts';
import { cachedKeySecret, isIntact, tryKeySecret } from './key-secret.ts';
import { fail, failForSecret, mintsKey, settle } from './outcome.ts';
import { forRule, type RuleDraft, workOn } from './rule-status.ts';
import { type AccessScope, planOf, surroundingsOf } from './scope.ts';
import { callUpdateAccess, recoveryEnded } from './update-access.ts';

/** Rules whose writes run at once: more than the connections to the API server, and not all of thousands in one turn of the thread. */
const lanes = 32;

/** What one call is to change. */
interface Batch {
  readonly add: readonly ShareAccess[];
  readonly update: readonly ShareAccess[];
  readonly deny: readonly ShareAccess[];
  /** Granted rules whose Secret's name was taken: they are denied, and stay in error. */
  readonly withdraw: readonly ShareAccess[];
}

/** Runs one batch: what is to be denied, added and changed goes to the driver in one call. */
export async function applyBatch(
  scope: AccessScope,
  caller: DriverCaller,
  options: { readonly grants: boolean; readonly prepared: PreparedAhead },
): Promise<void> {
  const plan = planOf(scope);
  const add = options.grants ? await prepare(scope, plan.add, { ahead: options.prepared }) : nothingPrepared;
  const update = options.grants ? await prepare(scope, plan.update, { ahead: options.prepared }) : nothingPrepared;
  const kept = [...plan.keep, ...(options.grants ? [] : plan.update)];
  // A duplicate of a rule that stays is only forgotten: a driver that denies by target would cut the other's clients.
  const names = userNamesOf(scope.backend?.status?.capabilities, scope.server);
  const keyOf = ({ spec }: ShareAccess): string => targetKey(spec, names);
  const staying = new Map([...kept, ...add.ready, ...update.ready].map((rule) => [keyOf(rule), rule]));
  const isResting = (rule: ShareAccess) =>
    isRevoked(scope.operator, rule) && scope.operator.refusedWrites.rests(uidOf(rule), workOn(rule));
  const pending = plan.deny.filter((rule) => !isResting(rule));
  const leaving = (await isServerKnown(scope)) ? [...(await currentRules(scope.operator, pending))] : [];
  const [revoked, granted] = partition(leaving, (rule) => isRevoked(scope.operator, rule));
  const [duplicates, deny] = partition(granted, (rule) => staying.has(keyOf(rule)));
  const rivals = new Set(duplicates.flatMap((rule) => staying.get(keyOf(rule)) ?? []));
  const present = new Set([...(await currentRules(scope.operator, [...rivals]))].map(keyOf));
  const forgotten = [...revoked, ...duplicates.filter((rule) => present.has(keyOf(rule)))];
  await all(forgotten, (rule) => release(scope.operator, rule));
  await runBatch(scope, caller, kept, {
    add: add.ready,
    update: update.ready,
    deny,
    withdraw: [...add.taken, ...update.taken].filter(({ status }) => status?.accessLevel !== undefined),
  });
}

/** Whether a driver that is asked to deny gets the share server that the share is on; one that is set up has an identifier. */
async function isServerKnown({ operator, namespace, share, server }: AccessScope): Promise<boolean> {
  const { shareServerName: name } = share.status ?? {};
  if (name === undefined || server?.status?.identifier !== undefined) return true;
  return await isCurrent(operator, operator.informers.shareServers, { namespace, name }, server);
}

/** @throws DriverError `Unavailable`, or why something could not be denied; both are tried again */
async function runBatch(
  scope: AccessScope,
  caller: DriverCaller,
  kept: readonly ShareAccess[],
  batch: Batch,
): Promise<void> {
  const { operator } = scope;
  const grants = [...batch.add, ...batch.update];
  const denials = [...batch.deny, ...batch.withdraw];
  if (grants.length + denials.length === 0) return;
  let updates: AccessUpdates;
  try {
    updates = await callUpdateAccess(scope, caller, {
      accessRules: [...kept.map((rule) => driverRule(rule, rule.status?.accessLevel)), ...grants.map(wanted)],
      addRules: batch.add.map(wanted),
      updateRules: batch.update.map(wanted),
      deleteRules: denials.map((rule) => driverRule(rule, rule.status?.accessLevel)),
    });
  } catch (thrown) {
    const error = finalFailure(thrown);
    if (grants.length > 0 && denials.length > 0) {
      // Which half is to blame is not known, and one bad rule must not fail the others.
      const halves = [
        { ...batch, add: [], update: [] },
        { ...batch, deny: [], withdraw: [] },
      ];
      return await inTurn(halves, (half) => runBatch(scope, caller, kept, half));
    }
    // A share that the backend does not know has no rules to take away, if it was asked about the right one.
    const isUnknown = error.kind === 'NotFound' && (await isPlacementCurrent(operator, scope));
    if (denials.length > 0 && !isUnknown) throw thrown;
    // Rules of a share that is lost wait for it; of one that is there the driver means something else.
    const isLost = error.kind === 'NotFound' && !(await ensureShare(operator, scope, caller)).exists;
    await all(batch.deny, (rule) => release(operator, rule));
    await all(batch.withdraw, (rule) => failForSecret(scope, rule, undefined));
    if (!isLost) await all(grants, (rule) => fail(scope, rule, toReason(error.reason), error.message));
    return;
  }
  await inTurn(
    [
      () => all(grants, (rule) => settle(scope, rule, updates.get(uidOf(rule)))),
      () => all(batch.deny, (rule) => release(operator, rule)),
      () => all(batch.withdraw, (rule) => failForSecret(scope, rule, undefined)),
    ],
    (step) => step(),
  );
}

/**
 * Recovery: the backend is made equal to the rules, and every key comes back. The rules are listed live: a stale list would
 * shut clients out.
 * @param isAskedFor by a person: also where nothing shows that something is amiss
 * @throws DriverError `Unavailable`, which is tried again
 */
export async function recover(scope: AccessScope, caller: DriverCaller, isAskedFor: boolean): Promise<void> {
  const { operator, share } = scope;
  const plan: RulePlan = planRules({
    rules: await listRulesLive(operator, share, scope.rules),
    ...surroundingsOf(scope),
    shareIsLeaving: false,
    serverFailed: false,
    isPaused,
    isAskedFor: () => true,
  });
  const restored = [...plan.keep, ...plan.update, ...plan.add, ...plan.hitByServer];
  const { ready, taken, refused } = await prepare(scope, restored, { areLive: true });
  // Their keys can't be kept, and nothing else is amiss: the driver would be asked for nothing, again and again.
  if (refused.length > 0 && !isAskedFor && ready.every((rule) => isIntact(scope, rule))) return;
  // What is granted stays as it is.
  const granted = refused.filter(({ status }) => status?.accessLevel !== undefined);
  let updates: AccessUpdates;
  try {
    updates = await callUpdateAccess(scope, caller, {
      accessRules: [
        ...ready.map((rule) => (isPaused(rule) ? driverRule(rule, rule.status?.accessLevel) : wanted(rule))),
        ...granted.map((rule) => driverRule(rule, rule.status?.accessLevel)),
      ],
      addRules: [],
      updateRules: [],
      deleteRules: [],
    });
  } catch (thrown) {
    const error = finalFailure(thrown);
    const isLost = error.kind === 'NotFound' && !(await ensureShare(operator, scope, caller)).exists;
    // What was granted before and has its key still is; who waited for the recovery has to know.
    const hit = ready.filter((rule) => !isPaused(rule) && !isIntact(scope, rule));
    if (!isLost) await all(hit, (rule) => fail(scope, rule, toReason(error.reason), error.message));
    operator.recorder.event(share, {
      type: 'Warning',
      reason: 'RecoveryFailed',
      action: 'RecoverAccess',
      note: `${error.reason}: ${error.message}`,
    });
    operator.metrics.recovered(share, 'failed');
    await recoveryEnded(scope);
    return;
  }
  operator.metrics.recovered(share, 'succeeded');
  await inTurn(
    [
      () => all(ready, (rule) => settle(scope, rule, updates.get(uidOf(rule)), true)),
      () => all(taken, (rule) => failForSecret(scope, rule, undefined)),
    ],
    (step) => step(),
  );
  await recoveryEnded(scope);
}

interface Prepared {
  readonly ready: readonly ShareAccess[];
  /** Rules whose Secret's name belongs to somebody else; their status says so. */
  readonly taken: readonly ShareAccess[];
  /** Rules for which the API server refuses a write; their status says so. */
  readonly refused: readonly ShareAccess[];
}

/** What came of preparing rules ahead, by UID. */
export type PreparedAhead = ReadonlyMap<string, keyof Prepared>;

const nothingPrepared: Prepared = { ready: [], taken: [], refused: [] };

/** Does what can be done before there is leave to call the driver, so that no slot of the backend waits for it. */
export async function prepareAhead(scope: AccessScope, { add, update }: RulePlan): Promise<PreparedAhead> {
  const { ready, taken, refused } = await prepare(scope, [...add, ...update]);
  const named = (state: keyof Prepared, rules: readonly ShareAccess[]) =>
    rules.map((rule) => [uidOf(rule), state] as const);
  return new Map([...named('ready', ready), ...named('taken', taken), ...named('refused', refused)]);
}

/**
 * Puts our finalizer on the rules, and sorts out those whose Secret's name is taken and those for which a write is refused: before
 * the driver is asked, so that nothing is granted whose key could not be kept. A rule that has the finalizer already and is not as
 * the API server has it is left out: the former leader may have denied it, and no pass would deny it again.
 * @param ahead what this came to a moment ago
 * @param areLive whether the rules were just read from the API server
 */
async function prepare(
  scope: AccessScope,
  rules: readonly ShareAccess[],
  { ahead = new Map(), areLive = false }: { readonly ahead?: PreparedAhead; readonly areLive?: boolean } = {},
): Promise<Prepared> {
  const { operator } = scope;
  const { shareAccesses } = operator.informers;
  const { refusedWrites } = operator;
  const ready: ShareAccess[] = [];
  const taken: ShareAccess[] = [];
  const refused: ShareAccess[] = [];
  const one = async (rule: ShareAccess): Promise<void> => {
    const uid = uidOf(rule);
    if (ahead.get(uid) === 'ready' && hasFinalizer(rule)) {
      ready.push(rule);
      return;
    }
    if (!areLive && hasFinalizer(rule) && !(await isCurrent(operator, shareAccesses, nameOf(rule), rule))) return;
    const isMinting = mintsKey(scope, rule) && !isPaused(rule);
    if (!isMinting || cachedKeySecret(operator, rule).state === 'ours') await refusedWrites.stillRefused(uid);
    else if (!(await tryKeySecret(operator, rule))) {
      // What the backend grants is known until it was taken back.
      taken.push(await failForSecret(scope, rule, rule.status?.accessLevel));
      return;
    }
    ready.push(await addFinalizer(operator.client, shareAccesses, rule));
    refusedWrites.clear(uid, workOn(rule));
  };
  await all(rules, async (rule) => {
    if (ahead.get(uidOf(rule)) === 'refused' || refusedWrites.rests(uidOf(rule), workOn(rule))) {
      refused.push(rule);
      return;
    }
    const change = (draft: RuleDraft) => rule.status?.accessLevel === undefined && draft.set({ phase: 'applying' });
    try {
      await forRule(operator, rule, () => one(rule), { change });
    } catch (error) {
      if (!(error instanceof RefusedWrite)) throw error;
      refused.push(rule);
    }
  });
  return { ready, taken, refused };
}

function partition<T>(items: readonly T[], holds: (item: T) => boolean): readonly [T[], T[]] {
  return [items.filter(holds), items.filter((item) => !holds(item))];
}

function wanted(rule: ShareAccess) {
  return driverRule(rule);
}

/** Works on many items at once; when some fail, the rest is done all the same. @throws the first failure */
async function all<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const failures: unknown[] = [];
  const rest = items.values();
  const lane = (): Promise<void> =>
    oneByOne(rest, async (item) => {
      try {
        await work(item);
      } catch (reason) {
        failures.push(reason);
      }
    });
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane));
  if (failures.length > 0) throw failures[0];
}

/** Works on the items one after another; when one fails, the rest is done all the same. @throws the first failure */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  let failure: { readonly reason: unknown } | undefined;
  for (const item of items) {
    try {
      await work(item);
    } catch (reason) {
      failure ??= { reason };
    }
  }
  if (failure !== undefined) throw failure.reason;
}
