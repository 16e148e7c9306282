import { z } from 'zod';
import type { ResourceName } from '../../values/formats.ts';
import { readMonitors } from './login/monitor-list.ts';

/** Configuration of the CephFS driver: shares are subvolumes of one file system of a Ceph cluster. */
export interface CephFSBackendConfig {
  /**
   * Monitors of the cluster, as operator and clients reach them.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type set
   */
  readonly monitors: readonly MonitorAddress[];
  /**
   * Ceph user of the operator, without `client.`. What it must be allowed is in docs/cephfs.md.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   * @x-kubernetes-validations [{
   *   rule: "!self.startsWith('client.')",
   *   message: "is the name of a Ceph user without client.",
   * }]
   */
  readonly user: string;
  /** Secret in the namespace of the operator with the user's key as `userKey`. */
  readonly credentialsSecretName: ResourceName;
  /**
   * Name of the file system in the cluster. It can't change while the backend is in use.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly fsName: string;
  /**
   * Subvolume group that holds the shares; made where it is missing. It can't change while the backend is in use.
   *
   * @default "sharenet"
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly group?: string;
  /**
   * What export locations tell as `clusterID`, for ceph-csi; absent: the cluster's fsid.
   *
   * @minLength 1
   * @maxLength 128
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly clusterID?: string;
  /**
   * Mode of the root directory of a new share, in octal digits.
   *
   * @default "0755"
   * @maxLength 4
   * @pattern ^0?[0-7]{3}$
   * @patternMessage must be three octal digits, such as 0755
   */
  readonly mode?: string;
}

/**
 * A monitor: its host name or address, with its port unless it has the usual ones, an IPv6 address in brackets. Also as Ceph writes it
 * (`v2:192.0.2.1:3300/0`, `[v2:192.0.2.1:3300,v1:192.0.2.1:6789]`), and several as in `mon_host` of a ceph.conf.
 *
 * @minLength 1
 * @maxLength 1024
 */
type MonitorAddress = string;

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
} satisfies { readonly [Field in keyof Required<CephFSBackendConfig>]: z.ZodType });

/** Checks `spec.cephfs` of a StorageBackend and fills in the defaults. */
export const cephfsConfigSchema = specSchema
  // The operator ensures these before it calls the driver.
  .extend({ reservedIDs: z.array(z.unknown()).exactOptional() })
  .transform(({ reservedIDs: _, ...config }) => config);

/** Configuration of the CephFS driver with its defaults. */
export type CephFSConfig = z.output<typeof cephfsConfigSchema>;
