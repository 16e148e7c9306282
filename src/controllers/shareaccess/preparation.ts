import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { isPaused } from '../../cluster-state/requests.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import { isCurrent } from '../lifecycle/live.ts';
import { forEach } from './concurrency.ts';
import { cachedKeySecret, keySecretName, tryKeySecret } from './key-secret.ts';
import { createsKey } from './outcome.ts';
import { reportingOnRule, workOn, writeKeyConflict } from './rule-status.ts';
import type { AccessScope } from './scope.ts';

/** Rules by what preparing them came to. */
export interface Prepared {
  /** They have our finalizer, and their keys can be stored. */
  readonly ready: readonly ShareAccess[];
  /** Another Secret has the name that their key requires; their status says so. */
  readonly conflicting: readonly ShareAccess[];
  /** The API server refuses a write for them; their status says so. */
  readonly refused: readonly ShareAccess[];
}

export const nothingPrepared: Prepared = { ready: [], conflicting: [], refused: [] };

/**
 * What has to be done for rules before a driver is called: nothing is granted whose key could not be stored. Each rule is prepared
 * once in a pass: before the lease, so that no slot of the backend waits for it, and for rules that came meanwhile under the lease.
 */
export class Preparation {
  /** By UID of the rule. */
  readonly #results = new Map<string, keyof Prepared>();

  /**
   * Adds our finalizer to rules and finds those whose Secret can't be written. A rule that has the finalizer already is left out
   * when the API server has another version of it: the former leader may have denied it, and no pass would deny it again.
   * @param options `areLive`: the rules were just read from the API server
   */
  async prepare(
    scope: AccessScope,
    rules: readonly ShareAccess[],
    { areLive = false }: { readonly areLive?: boolean } = {},
  ): Promise<Prepared> {
    const prepared: Record<keyof Prepared, ShareAccess[]> = { ready: [], conflicting: [], refused: [] };
    await forEach(rules, async (rule) => {
      const known = this.#results.get(uidOf(rule));
      if (known !== undefined && (known !== 'ready' || hasFinalizer(rule))) {
        prepared[known].push(rule);
        return;
      }
      const result = await this.#prepareOne(scope, rule, areLive);
      if (result === undefined) return;
      this.#results.set(uidOf(rule), result.state);
      prepared[result.state].push(result.rule);
    });
    return prepared;
  }

  /** @returns undefined for a rule that the cache shows in another version than the API server has */
  async #prepareOne(
    scope: AccessScope,
    rule: ShareAccess,
    isLive: boolean,
  ): Promise<{ readonly state: keyof Prepared; readonly rule: ShareAccess } | undefined> {
    const { operator } = scope;
    const { client, informers, refusedWrites } = operator;
    const uid = uidOf(rule);
    if (refusedWrites.rests(uid, workOn(rule))) return { state: 'refused', rule };
    const prepare = async () => {
      if (!isLive && hasFinalizer(rule) && !(await isCurrent(operator, informers.shareAccesses, nameOf(rule), rule))) {
        return undefined;
      }
      if (!needsNewSecret(scope, rule)) {
        await refusedWrites.stillRefused(uid);
      } else if (!(await tryKeySecret(operator, rule))) {
        // The level that the backend grants stays recorded until it is revoked.
        const failed = await writeKeyConflict(operator, rule, keySecretName(rule), rule.status?.accessLevel);
        return { state: 'conflicting', rule: failed } as const;
      }
      const ready = await addFinalizer(client, informers.shareAccesses, rule);
      refusedWrites.clear(uid, workOn(rule));
      return { state: 'ready', rule: ready } as const;
    };
    const changes = rule.status?.accessLevel === undefined ? ({ phase: 'applying' } as const) : {};
    try {
      return await reportingOnRule(operator, rule, prepare, { changes });
    } catch (error) {
      if (!(error instanceof RefusedWrite)) throw error;
      return { state: 'refused', rule };
    }
  }
}

function needsNewSecret(scope: AccessScope, rule: ShareAccess): boolean {
  return createsKey(scope, rule) && !isPaused(rule) && cachedKeySecret(scope.operator, rule).state !== 'ours';
}
