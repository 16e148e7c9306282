import type { DriverModule } from '../driver.ts';
import { type TemplateConfig, templateConfigSchema } from './config.ts';
import { StorageSystem } from './storage-system.ts';
import { createTemplateDriver } from './template-driver.ts';

/** Where a driver begins: copy the folder, and put your storage system in the place of `storage-system.ts`. */
export const templateDriver: DriverModule<TemplateConfig> = {
  driverAPIVersion: 1,
  configSchema: templateConfigSchema,
  // Another directory would be another storage system: what is on the old one would be lost from sight.
  identityFields: ['directory'],
  credentialsSecretName: ({ credentialsSecretName }) => credentialsSecretName,
  createDriver: ({ config, logger }) => createTemplateDriver({ config, logger, system: new StorageSystem(config) }),
};
