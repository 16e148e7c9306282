import { safeText } from '../values/safe-text.ts';
import { cephfsDriver } from './cephfs/module.ts';
import type { DriverModule } from './driver.ts';
import { dummyDriver } from './dummy/module.ts';
import { sambaDriver } from './samba/module.ts';

/** Driver modules by the name that a StorageBackend's `spec.driver` gives them. */
export type DriverModules = ReadonlyMap<string, DriverModule>;

/** The built-in drivers. Each is configured by the member of `spec` that has its name. */
export const driverModules: DriverModules = new Map<string, DriverModule>([
  ['cephfs', cephfsDriver],
  ['dummy', dummyDriver],
  ['samba', sambaDriver],
]);

const label = '[a-z0-9](?:[-a-z0-9]*[a-z0-9])?';
const vendorDriverName = new RegExp(`^${label}(?:\\.${label})+/${label}$`);

/**
 * The given drivers and one more, of someone else: `vendor.example/name`, configured by `spec.parameters`.
 * @throws Error for a name of another form, a name that is taken, or a module of another driver API version
 */
export function withVendorDriver(modules: DriverModules, name: string, module: DriverModule): DriverModules {
  const fault = (text: string): Error => new Error(`driver ${JSON.stringify(name)}: ${text}`);
  if (!vendorDriverName.test(name)) throw fault('its name must be like vendor.example/name');
  if (modules.has(name)) throw fault('there is already a driver of this name');
  const { driverAPIVersion } = module;
  if (driverAPIVersion !== 1)
    throw fault(`its driverAPIVersion is ${JSON.stringify(driverAPIVersion)}, supported is 1`);
  return new Map([...modules, [name, module]]);
}

/** The driver of a backend with its checked configuration, or what is wrong, in one line that names the field. */
export type BackendConfig =
  | { readonly valid: true; readonly module: DriverModule; readonly config: unknown }
  | { readonly valid: false; readonly message: string };

/** Most bytes of a free-form configuration, as JSON. */
const maxParametersBytes = 16 * 1024;

/** The part of a StorageBackend's spec that concerns its driver, besides the member that has the driver's name. */
interface BackendSpec {
  readonly driver: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** The member of a backend's spec that configures its driver. */
export function configMemberOf({ driver }: Pick<BackendSpec, 'driver'>): string {
  return driver.includes('/') ? 'parameters' : driver;
}

/** Finds the driver of a backend and has it check its part of the spec; an absent part counts as empty. */
export function backendConfigOf(spec: BackendSpec, modules: DriverModules = driverModules): BackendConfig {
  const tooLong = parametersTooLong(spec);
  if (tooLong !== undefined) return { valid: false, message: tooLong };
  const module = modules.get(spec.driver);
  if (module === undefined) {
    const known = [...modules.keys()].sort().join(', ');
    return { valid: false, message: `spec.driver: there is no driver ${JSON.stringify(spec.driver)}; known: ${known}` };
  }
  const member = configMemberOf(spec);
  const result = module.configSchema.safeParse(new Map(Object.entries(spec)).get(member) ?? {});
  if (result.success) return { valid: true, module, config: result.data };
  const [issue] = result.error.issues;
  const field = ['spec', member, ...(issue?.path ?? [])].map(String).join('.');
  // Names of unknown fields are in it: of any length.
  return { valid: false, message: safeText(`${field}: ${issue?.message ?? 'is not valid'}`) };
}

function parametersTooLong(spec: Pick<BackendSpec, 'parameters'>): string | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(spec.parameters ?? {}));
  if (bytes <= maxParametersBytes) return undefined;
  return `spec.parameters: has ${bytes} bytes as JSON, more than ${maxParametersBytes}`;
}
