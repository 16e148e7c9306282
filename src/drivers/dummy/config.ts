import { isAbsolute } from 'node:path';
import { z } from 'zod';
import type { DummyBackendConfig, DummyFault, DummyFaultMatch } from '../../api/v1alpha1/storage-backend.ts';
import { parseDuration } from '../../values/duration.ts';
import type { DriverOperation } from '../driver.ts';

/** One checker per field of T: a field without one, or one without a field, does not compile. */
type Shape<T> = { readonly [K in keyof Required<T>]: z.ZodType<Required<T>[K] | undefined> };

const operations: readonly string[] = [
  'getCapabilities',
  'setupServer',
  'teardownServer',
  'createShare',
  'extendShare',
  'shrinkShare',
  'deleteShare',
  'updateAccess',
  'ensureServer',
  'ensureShare',
  'checkUpdateShareServerSecurityService',
  'updateShareServerSecurityService',
] satisfies readonly DriverOperation[];

const duration = z.string().refine((text) => parseDuration(text) !== undefined, {
  error: 'must be a duration such as 150ms, 2s or 1m30s',
});

const match = z.strictObject({
  namespace: z.string().exactOptional(),
  shareServer: z.string().exactOptional(),
  share: z.string().exactOptional(),
  accessTo: z.string().exactOptional(),
  securityService: z.string().exactOptional(),
} satisfies Shape<DummyFaultMatch>);

const fault = z.strictObject({
  operation: z.string().refine((name) => operations.includes(name), {
    error: `must be one of ${operations.join(', ')}`,
  }),
  match: match.exactOptional(),
  kind: z.enum(['rejected', 'unavailable', 'hang', 'incompatible', 'ruleError', 'inProgress']),
  message: z.string().exactOptional(),
  refusesCredentials: z.boolean().exactOptional(),
  times: z.int().min(0).exactOptional(),
} satisfies Shape<DummyFault>);

/** Checks `spec.dummy` of a StorageBackend and fills in the defaults. */
export const dummyConfigSchema = z.strictObject({
  driverHandlesShareServers: z.boolean().default(true),
  securityServiceUpdateSupport: z.boolean().default(true),
  securityServiceTypes: z
    .array(z.enum(['active_directory', 'ldap', 'kerberos']))
    .readonly()
    .default(['active_directory', 'ldap', 'kerberos']),
  shareProtocols: z
    .array(z.enum(['NFS', 'CIFS', 'CEPHFS']))
    .readonly()
    .default(['NFS', 'CIFS', 'CEPHFS']),
  accessKeys: z.boolean().default(true),
  latency: duration.default('0s'),
  stateDirectory: z
    .string()
    .refine((path) => isAbsolute(path), { error: 'must be an absolute path' })
    .exactOptional(),
  rotateKeysOnUpdate: z.boolean().default(false),
  accessKeyLength: z.int().min(8).max(4096).default(40),
  faults: z.array(fault).readonly().default([]),
} satisfies Shape<DummyBackendConfig>);

/** Configuration of the dummy driver with its defaults. */
export type DummyConfig = z.output<typeof dummyConfigSchema>;
