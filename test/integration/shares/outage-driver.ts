import { appendFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { Driver, DriverModule } from '../../../src/drivers/driver.ts';
import { dummyConfigSchema } from '../../../src/drivers/dummy/config.ts';
import { dummyDriver } from '../../../src/drivers/dummy/module.ts';
import { DriverError } from '../../../src/drivers/errors.ts';

const configSchema = z.object({ directory: z.string() });

export const driverName = 'outage.example/dummy';

/** The dummy driver on a storage system that does not answer while there is a file `outage` in the directory; notes each call in `calls`. */
export const driverModule: DriverModule<z.output<typeof configSchema>> = {
  driverAPIVersion: 1,
  configSchema,
  identityFields: [],
  createDriver: (options) => {
    const { directory } = options.config;
    const config = dummyConfigSchema.parse({ stateDirectory: directory, driverHandlesShareServers: false });
    const driver = dummyDriver.createDriver({ ...options, config });
    return new Proxy<Driver>(driver, {
      get: (target, method) => {
        const found: unknown = Reflect.get(target, method);
        if (typeof found !== 'function' || method === 'close')
          return typeof found === 'function' ? found.bind(target) : found;
        return async (...given: unknown[]) => {
          const down = existsSync(join(directory, 'outage'));
          appendFileSync(join(directory, 'calls'), `${String(method)} ${down ? 'down' : 'up'}\n`);
          if (!down) return await found.apply(target, given);
          throw new DriverError({ kind: 'Unavailable', reason: 'ArrayUnreachable', message: 'the array is away' });
        };
      },
    });
  },
};
