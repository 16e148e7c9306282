import { readFile } from 'node:fs/promises';
import type { ControlPlane } from '../kube/control-plane.ts';

/** A finished request in the API server's audit log (audit.k8s.io/v1 Event, level Metadata). A watch shows when it has ended. */
export interface AuditEvent {
  readonly verb: string;
  /** Path and query. */
  readonly requestURI: string;
  readonly stageTimestamp: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  /** Absent for requests that are not about a resource. */
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
  /** Among them `authorization.k8s.io/decision` (allow or forbid) and `authorization.k8s.io/reason`, which names the binding. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** All finished requests so far, in the order in which they ended. @throws when the control plane keeps no audit log */
export async function readAuditLog(plane: ControlPlane): Promise<readonly AuditEvent[]> {
  if (plane.auditLogPath === undefined) throw new Error('this control plane keeps no audit log');
  const lines = (await readFile(plane.auditLogPath, 'utf8')).split('\n');
  // The last line may be half written.
  return lines.slice(0, -1).map((line): AuditEvent => JSON.parse(line));
}

/**
 * Whether the API server refused the request for want of rights: by RBAC, or because of an owner reference that the user may not
 * set. Other refusals with 403, such as of what is made in a terminating namespace, are not about rights.
 */
export function lacksRights({ annotations, responseStatus }: AuditEvent): boolean {
  return (
    annotations?.['authorization.k8s.io/decision'] === 'forbid' ||
    (responseStatus?.code === 403 && /cannot set (blockOwnerDeletion|an ownerRef)/.test(responseStatus.message ?? ''))
  );
}

/** The request in one line. */
export function describeRequest({ verb, requestURI, responseStatus }: AuditEvent): string {
  return `${verb} ${requestURI}: ${responseStatus?.code} ${responseStatus?.message ?? ''}`.trimEnd();
}
