import { z } from 'zod';
import type { CIDR, LabelName, ResourceName } from '../../values/formats.ts';
import { parseNetwork } from '../../values/ip-address.ts';
import { hostKeyFault } from './ssh/keys.ts';

/**
 * Configuration of the Samba driver: Linux hosts, reached over SSH, on which each share server is a Samba instance in namespaces
 * of its own.
 */
export interface SambaBackendConfig {
  /**
   * The file server hosts. One that has share servers must stay, with its name and root.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type map
   * @x-kubernetes-list-map-keys ["name"]
   */
  readonly hosts: readonly SambaHost[];
  /**
   * Secret in the namespace of the operator with the private SSH key as `sshPrivateKey`, or as `<host name>.sshPrivateKey` for one
   * host alone.
   */
  readonly credentialsSecretName: ResourceName;
  /**
   * NetBIOS workgroup of share servers that are in no domain.
   *
   * @default "WORKGROUP"
   * @minLength 1
   * @maxLength 15
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_]*$
   * @patternMessage must be letters, digits, "-" and "_", beginning with a letter or digit
   */
  readonly workgroup?: string;
  /**
   * Networks that share servers must not reach for a tenant, such as those of nodes and of the hosts' management. Loopback,
   * link-local, multicast and unspecified addresses are always denied.
   *
   * @maxItems 64
   * @x-kubernetes-list-type set
   */
  readonly deniedRanges?: readonly CIDR[];
  /**
   * Numbers for the users of domains: on a share server each domain has a range of its own, for ever. They can't change while the
   * backend is in use.
   */
  readonly idmap?: SambaIDMap;
  /**
   * Whether a share server writes its address into the DNS of its domain.
   *
   * @default true
   */
  readonly updateDNS?: boolean;
  /**
   * Whether shares may be made on networks without a security service. No user can log in there before one is added.
   *
   * @default false
   */
  readonly standaloneServers?: boolean;
  /**
   * Share servers on one host; absent: no limit.
   *
   * @minimum 1
   * @maximum 10000
   */
  readonly maxShareServersPerHost?: number;
}

/** A Linux host that runs share servers. How it is prepared is in docs/samba.md. */
export interface SambaHost {
  /** Name of the host in this backend; it becomes part of the identifiers of share servers. */
  readonly name: LabelName;
  /**
   * Where its SSH server is reached: host name or address, an IPv6 address without brackets.
   *
   * @minLength 1
   * @maxLength 253
   * @pattern ^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$
   * @patternMessage must be a host name or an address, an IPv6 address without brackets
   */
  readonly address: string;
  /**
   * Port of its SSH server.
   *
   * @default 22
   * @minimum 1
   * @maximum 65535
   */
  readonly port?: number;
  /**
   * User that the operator logs in as.
   *
   * @default "root"
   * @minLength 1
   * @maxLength 32
   * @pattern ^[a-z_][-a-z0-9_]*$
   * @patternMessage must be the name of a user: lower-case letters, digits, "-" and "_", beginning with a letter or "_"
   */
  readonly user?: string;
  /**
   * Public key of its SSH server, as a line of `/etc/ssh/ssh_host_*_key.pub` or of a known_hosts file. A server with another key is not
   * spoken to.
   *
   * @minLength 1
   * @maxLength 2048
   * @x-kubernetes-validations [
   *   {rule: "!self.startsWith('SHA256:') && !self.startsWith('MD5:')", message: "hostKey is a fingerprint: give the key itself, a line of /etc/ssh/ssh_host_*_key.pub"},
   *   {rule: "!self.matches(r'^[^\\n]*\\n[^\\n]')", message: "hostKey has more than one line: keep that of one key"},
   *   {rule: "self.startsWith('SHA256:') || self.startsWith('MD5:') || self.matches(r'^[^\\n]*\\n[^\\n]') || self.matches(r'^([^@\\s]\\S* +)?(ssh-ed25519|ecdsa-sha2-nistp(256|384|521)|ssh-rsa) +[A-Za-z0-9+/]+={0,2}([ \\t][^\\p{Cc}]*)?\\n?$')", message: "hostKey must be a public key of an SSH server, such as ssh-ed25519 AAAA..., alone or as a line of known_hosts"},
   * ]
   */
  readonly hostKey: string;
  /**
   * Directory that holds its share servers and their data.
   *
   * @minLength 2
   * @maxLength 255
   * @pattern ^(/[A-Za-z0-9_][-A-Za-z0-9_.]*)+$
   * @patternMessage must be an absolute path of plain names: letters, digits, "-", "_" and ".", none beginning with "-" or "."
   */
  readonly root: string;
  /**
   * Network interface that the addresses of share servers are put on: a bridge, or a device for macvlan and vlan.
   *
   * @minLength 1
   * @maxLength 15
   * @pattern ^[A-Za-z0-9][-A-Za-z0-9_.]*$
   * @patternMessage must be the name of a network interface: letters, digits, "-", "_" and ".", beginning with a letter or digit
   */
  readonly interface: string;
}

/**
 * Ranges of user and group numbers, alike on every share server: each has them for itself.
 *
 * @x-kubernetes-validations [{
 *   rule: "self.first + self.size * self.count <= 4294967294",
 *   message: "the last range ends beyond 4294967294, the highest user number",
 * }]
 */
export interface SambaIDMap {
  /**
   * First number of the first range, above those of the hosts' own users.
   *
   * @default 100000000
   * @minimum 65536
   * @maximum 4294967294
   */
  readonly first?: number;
  /**
   * Numbers in a range, which is the highest relative id of a user that can log in.
   *
   * @default 1000000
   * @minimum 10000
   * @maximum 100000000
   */
  readonly size?: number;
  /**
   * Ranges: one for each domain that a share server was ever in, and one for what is in none.
   *
   * @default 1000
   * @minimum 2
   * @maximum 100000
   */
  readonly count?: number;
}

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
