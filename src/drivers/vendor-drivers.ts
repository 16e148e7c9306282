import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { safeText } from '../values/safe-text.ts';
import type { DriverLogger, DriverModule } from './driver.ts';
import { type DriverModules, withVendorDriver } from './registry.ts';

const method = z.custom((value) => typeof value === 'function', { error: faultOf('must be a function') });

/** What a file with a driver exports. The version stands first: of a driver of another one nothing else is known. */
const driverFileSchema = z.object({
  driverName: z.string({ error: faultOf('must be a text like vendor.example/name') }),
  driverModule: z.object(
    {
      driverAPIVersion: z.literal(1, { error: faultOf('must be 1, which is what this operator speaks') }),
      configSchema: z.object(
        { safeParse: method },
        { error: faultOf('must be a schema of zod, or one with safeParse') },
      ),
      identityFields: z.array(z.string(), { error: faultOf('must be a list of names of fields') }),
      credentialsSecretName: method.optional(),
      createDriver: method,
    },
    { error: faultOf('must be a DriverModule') },
  ),
});

/**
 * The given drivers and those of someone else, each an ESM file that exports `driverName` and `driverModule`. Their code has all
 * rights that the operator has: paths come from whoever starts the operator, never from an object in the cluster.
 * @throws Error with one line that names the file, for one that can't be loaded or is no driver
 */
export async function loadVendorDrivers(
  modules: DriverModules,
  paths: readonly string[],
  logger: DriverLogger,
): Promise<DriverModules> {
  let all = modules;
  for (const path of paths) {
    try {
      const { driverName, driverModule } = await loadDriverFile(resolve(path));
      all = withVendorDriver(all, driverName, driverModule);
      logger.info({ driver: driverName, file: path }, 'loaded a driver');
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(safeText(`driver file ${path}: ${message}`), { cause: error });
    }
  }
  return all;
}

async function loadDriverFile(path: string): Promise<{ driverName: string; driverModule: DriverModule }> {
  const exported: { readonly driverName?: unknown; readonly driverModule?: unknown } = await import(
    pathToFileURL(path).href
  );
  const { driverName, driverModule } = exported;
  const result = driverFileSchema.safeParse({ driverName, driverModule });
  if (!result.success) {
    const [issue] = result.error.issues;
    throw new Error(`its export ${issue?.path.join('.')} ${issue?.message}`);
  }
  // What was checked is a copy; methods may need the object that they belong to.
  return { driverName: result.data.driverName, driverModule: driverModule as DriverModule };
}

/** What is wrong with a value, with the value where it is short enough to be told. */
function faultOf(rule: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) => {
    const short = typeof input === 'string' || typeof input === 'number';
    return input === undefined ? `is missing: it ${rule}` : `${short ? `is ${JSON.stringify(input)}: it ` : ''}${rule}`;
  };
}
