import type { AccessProgress } from './access-progress.ts';
import type { Cluster } from './cluster.ts';
import type { CephFSConfig } from './config.ts';

/** What the driver's operations work on. */
export interface Backend {
  readonly cluster: Cluster;
  readonly config: CephFSConfig;
  readonly progress: AccessProgress;
  /** The cluster's fsid. @throws DriverError `Unavailable` */
  fsid(signal: AbortSignal): Promise<string>;
}
