import { z } from 'zod';
import type { DriverAccessRule } from '../../driver.ts';

/** Whose a document is. */
export const ownerFields = { installationID: z.string(), namespaceUID: z.string() };

/** A share server as the backend keeps it. */
export const serverSchema = z.object({
  ...ownerFields,
  id: z.string(),
  name: z.string(),
  namespace: z.string(),
  hostname: z.string(),
  addresses: z.array(z.string()),
  /** The services by type, without passwords. */
  securityServices: z.record(z.string(), z.record(z.string(), z.unknown())),
  /** Set by a person or a test in the state directory: ensureServer then reports the server as not healthy. */
  unhealthyReason: z.string().optional(),
  /** Set likewise: what is wrong in CamelCase. */
  unhealthyCode: z.string().optional(),
  /** Set likewise: when the credentials of the server expire, RFC 3339. */
  credentialsExpireTime: z.string().optional(),
});
export type ServerDocument = z.infer<typeof serverSchema>;

const accessRuleSchema = z.object({
  id: z.string(),
  name: z.string(),
  accessType: z.enum(['ip', 'user', 'cert', 'cephx']),
  accessTo: z.string(),
  accessLevel: z.enum(['rw', 'ro']),
});

/** A share as the backend keeps it. */
export const shareSchema = z.object({
  ...ownerFields,
  id: z.string(),
  name: z.string(),
  namespace: z.string(),
  /** Absent where the backend does not make share servers. */
  serverID: z.string().optional(),
  protocol: z.enum(['NFS', 'CIFS', 'CEPHFS']),
  /** Bytes. */
  size: z.int(),
  /** Bytes of data; may be set in the state directory to try shrinking. */
  usedBytes: z.int(),
  /** Granted rules by {@link targetOf}. */
  rules: z.record(z.string(), accessRuleSchema),
  /** Set in the state directory: ensureShare then asks for recovery. */
  reapplyAccess: z.boolean().optional(),
});
export type ShareDocument = z.infer<typeof shareSchema>;

/** Whom a rule grants access; the backend has at most one rule for it on a share. */
export function targetOf(rule: Pick<DriverAccessRule, 'accessType' | 'accessTo'>): string {
  return `${rule.accessType}:${rule.accessTo}`;
}
