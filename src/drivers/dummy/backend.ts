import type { CallContext } from '../driver.ts';
import { ownerOf } from '../kit/owner.ts';
import type { AccessContext } from './access.ts';
import type { DummyConfig, DummyFault } from './config.ts';
import type { AccessKeys } from './storage/access-keys.ts';
import type { DummyBackend } from './storage/storage-system.ts';

/** The pretended storage system that the driver's methods work on. */
export interface DummySystem {
  readonly backendName: string;
  readonly config: DummyConfig;
  /** Time that every call takes, in milliseconds. */
  readonly latency: number;
  readonly backend: DummyBackend;
  readonly keys: AccessKeys;
}

/** What granting rules in this call needs. */
export function accessContextOf(system: DummySystem, context: CallContext, fault?: DummyFault): AccessContext {
  return {
    keys: system.keys,
    accessKeys: system.config.accessKeys,
    owner: ownerOf(context),
    fault,
    save: (share) => system.backend.saveShare(share),
  };
}
