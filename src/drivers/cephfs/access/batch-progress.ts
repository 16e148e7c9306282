import type { AccessUpdate } from '../../driver.ts';
import type { Grant } from './plan.ts';

/** What of a batch of rules is done. */
export class BatchProgress {
  readonly #denied = new Set<string>();
  /** By rule id. */
  readonly #granted = new Map<string, { readonly grant: Grant; readonly update: AccessUpdate }>();

  /** How much is done. */
  get size(): number {
    return this.#denied.size + this.#granted.size;
  }

  isDenied(authID: string): boolean {
    return this.#denied.has(authID);
  }

  noteDenied(authID: string): void {
    this.#denied.add(authID);
    for (const [ruleID, { grant }] of this.#granted) if (grant.authID === authID) this.#granted.delete(ruleID);
  }

  /** What became of a grant; undefined where it was not made, or to another id or at another level. */
  updateOf({ ruleID, authID, level }: Grant): AccessUpdate | undefined {
    const known = this.#granted.get(ruleID);
    return known?.grant.authID === authID && known.grant.level === level ? known.update : undefined;
  }

  noteGranted(grant: Grant, update: AccessUpdate): void {
    this.#denied.delete(grant.authID);
    this.#granted.set(grant.ruleID, { grant, update });
  }
}
