import { z } from 'zod';
import type { CephFSBackendConfig } from '../../api/v1alpha1/storage-backend.ts';

/** A name that Ceph takes in commands, paths and capabilities alike. */
const cephName = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9][-A-Za-z0-9_.]*$/, {
    error: 'must be letters, digits, "-", "_" and ".", beginning with a letter or digit',
  });

const monitor = z
  .string()
  .max(261)
  .regex(/^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?)(:[0-9]{1,5})?$/, {
    error: 'must be a host name or address with an optional port, such as 192.0.2.1:6789 or [2001:db8::1]',
  });

/** The fields of `spec.cephfs`. */
const specSchema = z.strictObject({
  monitors: z.array(monitor).min(1).max(32).readonly(),
  user: cephName.refine((name) => !name.startsWith('client.'), {
    error: 'is the name of a Ceph user without client.',
  }),
  credentialsSecretName: z.string().min(1).max(253),
  fsName: cephName,
  group: cephName.default('sharenet'),
  clusterID: cephName.exactOptional(),
  mode: z
    .string()
    .regex(/^0?[0-7]{3}$/, { error: 'must be octal digits such as 0755' })
    .default('0755'),
  // The operator keeps to it before it calls the driver.
  reservedIDs: z.array(z.unknown()).exactOptional(),
} satisfies { readonly [Field in keyof Required<CephFSBackendConfig>]: z.ZodType });

/** Checks `spec.cephfs` of a StorageBackend and fills in the defaults. */
export const cephfsConfigSchema = specSchema.transform(({ reservedIDs: _, ...config }) => config);

/** Configuration of the CephFS driver with its defaults. */
export type CephFSConfig = z.output<typeof cephfsConfigSchema>;
