import { z } from 'zod';
import type { DriverModule } from '../../../src/drivers/driver.ts';
import { dummyConfigSchema } from '../../../src/drivers/dummy/config.ts';
import { dummyDriver } from '../../../src/drivers/dummy/module.ts';

const configSchema = z.object({ secretName: z.string() });

/** Name of the driver in a StorageBackend's spec. */
export const vaultDriverName = 'tenancy.example/vault';

/**
 * A driver that asks for credentials, from the Secret that its `parameters.secretName` names.
 * @param given receives the credentials of each driver that is made
 */
export function vaultDriver(
  given: (backendName: string, credentials: Readonly<Record<string, string>>) => void,
): DriverModule<z.output<typeof configSchema>> {
  return {
    driverAPIVersion: 1,
    configSchema,
    identityFields: [],
    credentialsSecretName: ({ secretName }) => secretName,
    createDriver: (options) => {
      given(options.backendName, options.credentials);
      return dummyDriver.createDriver({ ...options, config: dummyConfigSchema.parse({}) });
    },
  };
}
