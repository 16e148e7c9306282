import type { SlicedWork } from '../kit/sliced-work.ts';
import type { BatchProgress } from './access/batch-progress.ts';
import type { Cluster } from './cluster/commands.ts';
import type { CephFSConfig } from './config.ts';

/** What the driver's operations work on. */
export interface Backend {
  readonly cluster: Cluster;
  readonly config: CephFSConfig;
  /** Batches of rules that take longer than one call, by share. */
  readonly batches: SlicedWork<BatchProgress>;
  /** The cluster's fsid. @throws DriverError `Unavailable` */
  fsid(signal: AbortSignal): Promise<string>;
}
