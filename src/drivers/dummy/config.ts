import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../../values/duration.ts';
import type { Duration } from '../../values/formats.ts';
import type { DriverOperation, SecurityServiceType, ShareProtocol } from '../driver.ts';

/**
 * Configuration of the embedded dummy driver: a simulated backend for trials and tests.
 *
 * @x-kubernetes-validations [{
 *   rule: "!self.latency.matches(r'''^(0|([0-9]+([.][0-9]+)?(ns|us|µs|ms|s|m|h))+)$''') || duration(self.latency) <= duration('24h')",
 *   message: "latency must be at most 24h",
 *   fieldPath: ".latency",
 * }]
 */
export interface DummyBackendConfig {
  /**
   * Whether the backend makes share servers.
   *
   * @default true
   */
  readonly driverHandlesShareServers?: boolean;
  /**
   * Whether its share servers can take a changed security service while in use; without share servers it can't.
   *
   * @default true
   */
  readonly securityServiceUpdateSupport?: boolean;
  /**
   * Types of security services that its share servers can use.
   *
   * @default ["active_directory", "ldap", "kerberos"]
   * @maxItems 16
   */
  readonly securityServiceTypes?: readonly SecurityServiceType[];
  /**
   * Protocols that it serves shares by.
   *
   * @default ["NFS", "CIFS", "CEPHFS"]
   * @maxItems 16
   */
  readonly shareProtocols?: readonly ShareProtocol[];
  /**
   * Whether cephx rules get an access key.
   *
   * @default true
   */
  readonly accessKeys?: boolean;
  /**
   * Time that every call takes, as a Go duration.
   *
   * @default "0s"
   */
  readonly latency?: Duration;
  /**
   * Directory that keeps the backend's state over restarts and the call log `calls.jsonl`; absent: memory only.
   *
   * @maxLength 4096
   * @pattern ^/[^%\p{Cc}\p{Zl}\p{Zp}]*$
   * @patternMessage must be an absolute path without "%" and control characters
   */
  readonly stateDirectory?: string;
  /**
   * Whether an update of a security service makes new access keys.
   *
   * @default false
   */
  readonly rotateKeysOnUpdate?: boolean;
  /**
   * Length of the access keys it makes, in characters. More than 255 are refused by the operator, which can be shown so.
   *
   * @default 40
   * @minimum 8
   * @maximum 4096
   */
  readonly accessKeyLength?: number;
  /**
   * Faults to inject, in order; the first match applies.
   *
   * @maxItems 64
   */
  readonly faults?: readonly DummyFault[];
}

/** A fault that the dummy driver injects into matching calls. */
export interface DummyFault {
  /**
   * Name of the driver method, for example `updateShareServerSecurityService`.
   *
   * @maxLength 63
   * @pattern ^[A-Za-z]+$
   * @patternMessage must be letters
   */
  readonly operation: string;
  /** Names that a call must concern; absent: every call of the operation. */
  readonly match?: DummyFaultMatch;
  /**
   * What happens to the call. rejected and unavailable: it fails with an error of that kind. hang: it does not answer.
   * incompatible: a check says no. ruleError: the matching rule fails, the others do not. inProgress: the work continues after
   * the call.
   */
  readonly kind: 'rejected' | 'unavailable' | 'hang' | 'incompatible' | 'ruleError' | 'inProgress';
  /**
   * Text of the error.
   *
   * @maxLength 32768
   */
  readonly message?: string;
  /** With kind rejected or incompatible: the directory refuses the credentials of the security services of the call. */
  readonly refusesCredentials?: boolean;
  /**
   * How often the fault strikes; 0 or absent: always.
   *
   * @minimum 0
   */
  readonly times?: number;
}

/**
 * Name of an object that a dummy fault is limited to.
 *
 * @maxLength 255
 */
type FaultSubject = string;

/** Object names that a dummy fault is limited to; all that are given must match. */
export interface DummyFaultMatch {
  /** Namespace of the object. */
  readonly namespace?: FaultSubject;
  /** Name of the ShareServer. */
  readonly shareServer?: FaultSubject;
  /** Name of the Share. */
  readonly share?: FaultSubject;
  /** accessTo of the rule. */
  readonly accessTo?: FaultSubject;
  /** Name of the new SecurityService. */
  readonly securityService?: FaultSubject;
}

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
