import type { DriverCalls } from './driver-calls.ts';
import type { SuspectServers } from './suspect-servers.ts';

/** For controllers that call drivers. */
export interface DriverAccess {
  readonly calls: DriverCalls;
  /** Share servers that a driver did not find. */
  readonly suspects: SuspectServers;
}
