import type { DriverLogger, SecurityServiceUpdateResult } from '../driver.ts';
import type { LongWork } from '../kit/long-work.ts';
import type { SambaConfig } from './config.ts';
import type { Hosts } from './hosts/hosts.ts';
import type { CreateResult, HostWarning } from './hosts/results.ts';
import type { ServerChoice } from './hosts/server-choice.ts';

/** What the driver's operations work on. */
export interface Backend {
  readonly config: SambaConfig;
  readonly hosts: Hosts;
  readonly logger: DriverLogger;
  readonly choice: ServerChoice;
  /** Work by share server. */
  readonly setups: LongWork<CreateResult>;
  readonly updates: LongWork<SecurityServiceUpdateResult>;
  readonly teardowns: LongWork<{ readonly warnings: readonly HostWarning[] }>;
}

/** How long the program on a host may work on joining or leaving a domain, in seconds. */
export const longSeconds = 300;
