import type { Share } from '../../api/v1alpha1/share.ts';
import type { CacheEvent } from '../../runtime/cache.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { parseQuantity } from '../../values/quantity.ts';
import { LockTable } from '../driver-calls/lock-table.ts';
import type { Operator } from '../operator.ts';
import { changed } from '../watches/changed.ts';
import { Reservations } from './reservations.ts';

/** What this process remembers of shares, from their placement until the caches show it. */
export class ShareMemory {
  readonly reservations = new Reservations();
  readonly #placing = new LockTable();
  readonly #operator: Pick<Operator, 'clock' | 'informers'>;

  constructor(operator: Pick<Operator, 'clock' | 'informers'>) {
    this.#operator = operator;
    const { shares, storageBackends } = operator.informers;
    shares.onEvent((event) => this.#follow(event));
    storageBackends.onEvent((event) => {
      if (changed(event, ({ status }) => status?.capacity)) this.reservations.probed(event.object.metadata.name);
    });
  }

  /** Places one share of a network after another: the second may use the server that was created for the first. */
  async placing<R>(network: string, signal: AbortSignal, place: () => Promise<R>): Promise<R> {
    const release = await this.#placing.acquire([{ key: network, mode: 'exclusive' }], signal);
    try {
      return await place();
    } finally {
      release();
    }
  }

  /** Forgets a share that is gone. */
  forget(share: Share): void {
    this.reservations.release(uidOf(share));
  }

  /** Updates the reservations with what the cache shows. */
  #follow({ type, object, previous }: CacheEvent<Share>): void {
    const uid = uidOf(object);
    const { backendName, identifier, shareServerName } = object.status ?? {};
    if (shareServerName !== undefined) {
      this.reservations.seen(`${object.metadata.namespace ?? ''}/${shareServerName}`, uid);
    }
    if (type === 'deleted') {
      this.forget(object);
    } else if (type === 'added' && backendName !== undefined && identifier === undefined) {
      // Placed by an operator that ran before.
      this.reservations.add(backendName, uid, parseQuantity(object.spec.size) ?? 0);
    } else if (identifier !== undefined && previous?.status?.identifier === undefined) {
      this.reservations.made(uid, this.#operator.clock.now());
    }
  }
}
