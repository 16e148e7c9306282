import { uidOf } from '../../runtime/kube-object.ts';
import { listRulesLive } from '../lifecycle/live.ts';
import type { AccessScope } from './scope.ts';

/**
 * The rules of which shares were compared with the API server by this process. A driver call names all rules that a share keeps, and
 * a rule that the leader before took away must not be among them because a cache is behind. From then on no rule can go unnoticed:
 * only the leader lets one go.
 */
export class ComparedRules {
  /** UIDs of shares. */
  readonly #shares = new Set<string>();

  /** Takes out of the cache what is gone: in one request for each share, where it keeps rules at all. */
  async compare({ operator, share, rules }: AccessScope): Promise<void> {
    const uid = uidOf(share);
    if (this.#shares.has(uid) || rules.every(({ status }) => status?.accessLevel === undefined)) return;
    await listRulesLive(operator, share, rules);
    this.#shares.add(uid);
  }

  /** Forgets a share that is gone. */
  forget(share: string): void {
    this.#shares.delete(share);
  }
}
