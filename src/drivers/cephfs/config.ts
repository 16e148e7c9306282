import { z } from 'zod';
import type { CephFSBackendConfig } from '../../api/v1alpha1/storage-backend.ts';
import { readMonitors } from './monitor-list.ts';

/** A name that Ceph takes in commands, paths and capabilities alike. */
const cephName = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9][-A-Za-z0-9_.]*$/, {
    error: 'must be letters, digits, "-", "_" and ".", beginning with a letter or digit',
  });

const monitorTexts = z.array(z.string().max(1024)).min(1).max(32);

/** Monitors in any usual spelling, as `host` or `host:port` each. */
const monitors = monitorTexts.transform((texts, context): readonly string[] => {
  const found = texts.flatMap((text, index) => {
    const list = readMonitors(text);
    if (list.ok) return list.monitors;
    const message = `${JSON.stringify(text.slice(0, 64))} ${list.problem}`;
    context.addIssue({ code: 'custom', path: [index], message });
    return [];
  });
  return [...new Set(found)];
});

/** The fields of `spec.cephfs`. */
const specSchema = z.strictObject({
  monitors,
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
