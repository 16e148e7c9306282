import { planRules, type RulePlan } from '../../access-rules/plan.ts';
import { shareAccesses } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { AccessUpdate, AccessUpdates } from '../../drivers/driver.ts';
import { asDriverError, DriverError } from '../../drivers/errors.ts';
import { readBackendSecrets } from '../backend-secrets.ts';
import type { Permit } from '../driver-calls/driver-calls.ts';
import { driverRule, driverServer, driverShare, uidOf } from '../driver-requests.ts';
import { addFinalizer } from '../finalizers.ts';
import { isPaused, unhandledReconcileToken } from '../requests.ts';
import { safeText } from '../safe-text.ts';
import { release } from './deny.ts';
import { cachedKeySecret, keySecretName, liveKeySecret, maxKeyLength, storeKey } from './key-secret.ts';
import { writeRule, writeRuleError } from './rule-status.ts';
import { type AccessScope, planOf, timeoutOf } from './scope.ts';

/** Runs one batch: what is to be denied, added and changed goes to the driver in one call. */
export async function applyBatch(
  scope: AccessScope,
  permit: Permit,
  options: { readonly grants: boolean },
): Promise<void> {
  const { operator } = scope;
  const plan = planOf(scope);
  const add = options.grants ? await readyToAdd(scope, plan.add) : [];
  const update = options.grants ? plan.update : [];
  const deny = plan.deny;
  if (add.length + update.length + deny.length === 0) return;
  const unchanged = options.grants ? [] : plan.update;
  let updates: AccessUpdates;
  try {
    updates = await callUpdateAccess(scope, permit, {
      accessRules: [
        ...plan.keep.map((rule) => driverRule(rule, rule.status?.accessLevel)),
        ...unchanged.map((rule) => driverRule(rule, rule.status?.accessLevel)),
        ...[...add, ...update].map((rule) => driverRule(rule)),
      ],
      addRules: add.map((rule) => driverRule(rule)),
      updateRules: update.map((rule) => driverRule(rule)),
      deleteRules: deny.map((rule) => driverRule(rule, rule.status?.accessLevel)),
    });
  } catch (thrown) {
    const error = asDriverError(thrown);
    if (!(thrown instanceof DriverError) || error.kind === 'Unavailable') throw thrown;
    // A share that the backend does not know has no rules to take away.
    if (error.kind === 'NotFound') await all(deny, (rule) => release(operator, rule));
    await all([...add, ...update], (rule) => fail(scope, rule, error.reason, error.message));
    if (deny.length > 0 && error.kind !== 'NotFound') throw thrown;
    return;
  }
  await all([...add, ...update], (rule) => settle(scope, rule, updates.get(uidOf(rule))));
  await all(deny, (rule) => release(operator, rule));
}

/**
 * Recovery: the backend is made equal to the rules, and every key comes back. The rules are listed live: a stale list would
 * shut clients out.
 */
export async function recover(scope: AccessScope, permit: Permit): Promise<void> {
  const { operator, namespace, share } = scope;
  const { items } = await operator.client.list(shareAccesses, {
    namespace,
    fieldSelector: `spec.shareName=${share.metadata.name}`,
  });
  for (const rule of items) operator.informers.shareAccesses.cache.observe(rule);
  const plan: RulePlan = planRules({
    rules: items,
    protocol: share.spec.protocol,
    capabilities: scope.backend?.status?.capabilities,
    shareIsLeaving: false,
    serverFailed: false,
    isPaused,
    isAskedFor: () => true,
  });
  const wanted = [...plan.keep, ...plan.update, ...plan.add, ...plan.failed, ...plan.hitByServer];
  const added = await readyToAdd(scope, wanted);
  const updates = await callUpdateAccess(scope, permit, {
    accessRules: added.map((rule) => driverRule(rule, isPaused(rule) ? rule.status?.accessLevel : undefined)),
    addRules: [],
    updateRules: [],
    deleteRules: [],
  });
  await all(added, (rule) => settle(scope, rule, updates.get(uidOf(rule))));
}

/** Puts our finalizer on the rules, and leaves out those whose Secret's name is taken. */
async function readyToAdd(scope: AccessScope, rules: readonly ShareAccess[]): Promise<readonly ShareAccess[]> {
  const { operator } = scope;
  const ready = await all(rules, async (rule) => {
    if (mintsKey(scope, rule) && cachedKeySecret(operator, rule).state !== 'ours') {
      const found = await liveKeySecret(operator, rule);
      if (found.state === 'foreign') {
        await failForSecret(scope, rule);
        return undefined;
      }
    }
    return await addFinalizer(operator.client, operator.informers.shareAccesses, rule);
  });
  return ready.filter((rule) => rule !== undefined);
}

function mintsKey({ backend }: AccessScope, rule: ShareAccess): boolean {
  return backend?.status?.capabilities?.accessKeyTypes.includes(rule.spec.accessType) === true;
}

async function callUpdateAccess(
  scope: AccessScope,
  permit: Permit,
  lists: Pick<
    Parameters<Parameters<Parameters<Permit['call']>[1]>[0]['updateAccess']>[0],
    'accessRules' | 'addRules' | 'updateRules' | 'deleteRules'
  >,
): Promise<AccessUpdates> {
  const { operator, share, server, network } = scope;
  const batch = [...lists.addRules, ...lists.updateRules, ...lists.deleteRules];
  return await permit.call(
    {
      operation: 'updateAccess',
      // Nothing is stored for it: the same rules make the same identifier.
      id: operator.installation.digest('updateAccess', uidOf(share), ...batch.map(({ id }) => id).sort()),
      timeoutMs: timeoutOf(scope),
    },
    (driver, context) =>
      driver.updateAccess(
        {
          share: driverShare(share),
          ...(server === undefined
            ? {}
            : { server: driverServer(server, network, readBackendSecrets(operator, server)) }),
          ...lists,
        },
        context,
      ),
  );
}

/** Stores what became of one rule: the key before the phase. */
async function settle(scope: AccessScope, rule: ShareAccess, update: AccessUpdate | undefined): Promise<void> {
  const { operator } = scope;
  if (update?.state === 'error') {
    await fail(scope, rule, 'AccessRejected', update.reason ?? 'the backend refused the rule');
    return;
  }
  const key = update?.accessKey;
  if (key !== undefined && key.length > maxKeyLength) {
    await fail(scope, rule, 'AccessKeyTooLong', `the driver returned a key of more than ${maxKeyLength} characters`);
    return;
  }
  if (key === undefined && mintsKey(scope, rule) && cachedKeySecret(operator, rule).state !== 'ours') {
    await fail(scope, rule, 'AccessKeyMissing', 'the backend returned no access key for the rule');
    return;
  }
  if (key !== undefined && !(await storeKey(operator, rule, key))) {
    await failForSecret(scope, rule);
    return;
  }
  const keyed = key !== undefined || rule.status?.accessKeySecretRef !== undefined;
  const level = isPaused(rule) ? rule.status?.accessLevel : (rule.spec.accessLevel ?? 'rw');
  await writeRule(operator, rule, (draft, fresh) => {
    if (fresh.metadata.deletionTimestamp !== undefined) return;
    const token = unhandledReconcileToken(rule);
    draft.set({
      phase: 'active',
      accessLevel: level,
      accessKeySecretRef: keyed ? { name: keySecretName(rule) } : undefined,
      ...(token === undefined ? {} : { lastHandledReconcileAt: token }),
    });
    draft.stand({ state: 'ready', reason: 'Applied', message: 'the backend grants the access' });
    // A spec that changed during the call has not been applied.
    draft.set({ observedGeneration: rule.metadata.generation });
  });
}

async function failForSecret(scope: AccessScope, rule: ShareAccess): Promise<void> {
  await fail(
    scope,
    rule,
    'AccessKeySecretConflict',
    `Secret ${keySecretName(rule)} exists and is not of this rule; delete or rename it, the operator looks again every 5 minutes`,
  );
}

async function fail({ operator }: AccessScope, rule: ShareAccess, reason: string, message: string): Promise<void> {
  const text = safeText(message);
  const token = unhandledReconcileToken(rule);
  const before = rule.status?.conditions?.find(({ type }) => type === 'Ready');
  const failed = await writeRuleError(operator, rule, reason, text, token);
  if (before?.reason === reason && before.message === text) return;
  operator.recorder.event(failed, { type: 'Warning', reason, action: 'UpdateAccess', note: text });
}

async function all<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const outcomes = await Promise.allSettled(items.map(work));
  const results: R[] = [];
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason;
    results.push(outcome.value);
  }
  return results;
}
