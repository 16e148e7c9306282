import type { DriverLogger } from '../driver.ts';
import type { TemplateConfig } from './config.ts';
import type { StorageSystem } from './storage-system.ts';

/** What the driver's operations work on. */
export interface Backend {
  readonly config: Pick<TemplateConfig, 'jobs'>;
  readonly system: StorageSystem;
  readonly logger: DriverLogger;
}
