import type { DummyConfig } from './config.ts';
import type { AccessKeys } from './storage/access-keys.ts';
import type { StorageSystem } from './storage/storage-system.ts';

/** The pretended storage system that the driver's methods work on. */
export interface Backend {
  readonly backendName: string;
  readonly config: DummyConfig;
  /** Time that every call takes, in milliseconds. */
  readonly latency: number;
  readonly storage: StorageSystem;
  readonly keys: AccessKeys;
}
