import type { Share } from '../../api/v1alpha1/share.ts';
import { type ObjectName, uidOf } from '../../runtime/kube-object.ts';
import { keyOf } from '../../runtime/object-store.ts';

/** What this process remembers of the rules of one share. */
export interface ShareMemory {
  readonly shareUID: string;
  /** Since when rules have waited, by their UID; milliseconds since the Unix epoch. */
  readonly waitingSince: Map<string, number>;
  /**
   * Whether the cached rules were compared with the API server. A driver call names all rules that stay; a lagging cache must not
   * add one that the former leader denied. Afterwards no rule can disappear unnoticed: only the leader removes rules.
   */
  rulesCompared: boolean;
  /** When the driver is asked next about the share without a request; milliseconds since the Unix epoch. */
  examineAt: number | undefined;
  /** Whether the driver is to be asked about the share because its backend changed. */
  examineSoon: boolean;
  /** Whether a recovery has begun and not ended: it may have created keys that no Secret holds yet. */
  recoveryUnfinished: boolean;
  /** The reset of the share's server after which its rules were recovered last. */
  recoveredReset: string | undefined;
}

/** The memory of all shares. It is forgotten when a share is gone, or another share has its name. */
export class ShareMemories {
  readonly #memories = new Map<string, ShareMemory>();

  of({ metadata }: Share): ShareMemory {
    const key = keyOf(metadata);
    const present = this.#memories.get(key);
    const shareUID = uidOf({ metadata });
    if (present?.shareUID === shareUID) return present;
    const memory: ShareMemory = {
      shareUID,
      waitingSince: new Map(),
      rulesCompared: false,
      examineAt: undefined,
      examineSoon: false,
      recoveryUnfinished: false,
      recoveredReset: undefined,
    };
    this.#memories.set(key, memory);
    return memory;
  }

  /** The share is gone. */
  forget(name: ObjectName): void {
    this.#memories.delete(keyOf(name));
  }

  /** Number of shares that something is remembered of. */
  get size(): number {
    return this.#memories.size;
  }
}
