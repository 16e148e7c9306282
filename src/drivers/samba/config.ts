import { z } from 'zod';
import type { SambaBackendConfig, SambaHost, SambaIDMap } from '../../api/v1alpha1/storage-backend.ts';
import { parseNetwork } from '../../values/ip-address.ts';
import { hostKeyFault } from './ssh-keys.ts';

const hostSchema = z.strictObject({
  name: z
    .string()
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, { error: 'must be lower-case letters, digits and "-"' }),
  address: z
    .string()
    .max(253)
    .regex(/^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/, {
      error: 'must be a host name or an address, an IPv6 address without brackets',
    }),
  port: z.int().min(1).max(65535).default(22),
  user: z
    .string()
    .max(32)
    .regex(/^[a-z_][-a-z0-9_]*$/, { error: 'must be the name of a user of the host' })
    .default('root'),
  hostKey: z
    .string()
    .max(2048)
    .superRefine((text, { addIssue }) => {
      const fault = hostKeyFault(text);
      if (fault !== undefined) addIssue(fault);
    }),
  root: z
    .string()
    .max(255)
    .regex(/^(\/[A-Za-z0-9_][-A-Za-z0-9_.]*)+$/, { error: 'must be an absolute path of plain names' }),
  interface: z
    .string()
    .max(15)
    .regex(/^[A-Za-z0-9][-A-Za-z0-9_.]*$/, { error: 'must be the name of a network interface' }),
} satisfies { readonly [Field in keyof Required<SambaHost>]: z.ZodType });

const maxUserNumber = 4_294_967_294;

const idmapSchema = z
  .strictObject({
    first: z.int().min(65_536).max(maxUserNumber).default(100_000_000),
    size: z.int().min(10_000).max(100_000_000).default(1_000_000),
    count: z.int().min(2).max(100_000).default(1000),
  } satisfies { readonly [Field in keyof Required<SambaIDMap>]: z.ZodType })
  .refine(({ first, size, count }) => first + size * count <= maxUserNumber, {
    error: `the last range ends beyond ${maxUserNumber}, the highest user number`,
  });

const network = z.string().refine((text) => parseNetwork(text)?.hostBits === false, {
  error: 'must be a network in CIDR notation without host bits, such as 10.0.0.0/24',
});

/** Checks `spec.samba` of a StorageBackend and fills in the defaults. */
export const sambaConfigSchema = z.strictObject({
  hosts: z
    .array(hostSchema)
    .min(1)
    .max(32)
    .refine((hosts) => new Set(hosts.map(({ name }) => name)).size === hosts.length, {
      error: 'two hosts have one name',
    })
    .readonly(),
  credentialsSecretName: z.string().min(1).max(253),
  workgroup: z
    .string()
    .max(15)
    .regex(/^[A-Za-z0-9][-A-Za-z0-9_]*$/, { error: 'must be letters, digits, "-" and "_", at most 15' })
    .default('WORKGROUP'),
  deniedRanges: z.array(network).max(64).readonly().default([]),
  idmap: idmapSchema.prefault({}),
  updateDNS: z.boolean().default(true),
  standaloneServers: z.boolean().default(false),
  maxShareServersPerHost: z.int().min(1).max(10_000).exactOptional(),
} satisfies { readonly [Field in keyof Required<SambaBackendConfig>]: z.ZodType });

/** Configuration of the Samba driver with its defaults. */
export type SambaConfig = z.output<typeof sambaConfigSchema>;

/** Configuration of one file server host with its defaults. */
export type SambaHostConfig = SambaConfig['hosts'][number];
