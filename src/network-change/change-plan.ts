import type { SecurityService, SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import type { RecordedSecurityService, SecurityServiceChange, ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer } from '../api/v1alpha1/share-server.ts';
import { updateFailed } from './server-state.ts';

/** What a share network's spec asks for, compared with its recorded association. */
export interface ChangePlan {
  /** Steps that drivers would be asked for, in spec order. References to services that don't exist are not among them. */
  readonly changes: readonly SecurityServiceChange[];
  /** Recorded services whose type the spec no longer names. */
  readonly removed: readonly RecordedSecurityService[];
  /** Names of referenced services that don't exist. */
  readonly unresolved: readonly string[];
  /**
   * Whether something is to be done: a change, a removal, or a new reference that can't be resolved yet. A recorded service that
   * is gone asks for nothing by itself.
   */
  readonly wanted: boolean;
  /** The association after the change, in spec order; a recorded service that is gone stays as it was recorded. */
  readonly association: readonly RecordedSecurityService[];
  /** The association with new uids, when the only difference is that services were re-created with equal content. */
  readonly silent: readonly RecordedSecurityService[] | undefined;
}

/**
 * Compares the references of a network with its recorded association by type, name and uid.
 * @param services services of the namespace by name
 * @param reapply whether an unhandled reapply token is there: then unchanged services are steps too
 * @param servers share servers of the network; their applied services tell whether a re-created service is the same
 */
export function planChanges(
  network: Pick<ShareNetwork, 'spec' | 'status'>,
  services: ReadonlyMap<string, SecurityService>,
  reapply: boolean,
  servers: readonly ShareServer[],
): ChangePlan {
  const references = network.spec.securityServices ?? [];
  const recorded = network.status?.securityServices ?? [];
  const changes: SecurityServiceChange[] = [];
  const unresolved: string[] = [];
  const association: RecordedSecurityService[] = [];
  let newUnresolved = false;
  let recreated = false;

  for (const { type, name } of references) {
    const from = recorded.find((entry) => entry.type === type);
    const service = services.get(name);
    if (service === undefined) {
      unresolved.push(name);
      if (from?.name === name) association.push(from);
      else newUnresolved = true;
      continue;
    }
    const to = { type, name, uid: service.metadata.uid ?? '', generation: service.metadata.generation ?? 0 };
    if (from === undefined) {
      changes.push({ type, operation: 'add', to });
      association.push(to);
      continue;
    }
    const same = from.name === name && from.uid === to.uid;
    const equal = !same && from.name === name && recreatedEqual(from, service.spec, servers);
    if (!same && !equal) changes.push({ type, operation: 'update', from, to });
    else if (reapply) changes.push({ type, operation: 'reapply', from, to });
    recreated ||= equal;
    // The generation is informational: a description edit must not become a write.
    association.push(same && !reapply ? from : to);
  }

  const removed = recorded.filter((entry) => !references.some(({ type }) => type === entry.type));
  const wanted = changes.length > 0 || removed.length > 0 || newUnresolved;
  return { changes, removed, unresolved, wanted, association, silent: recreated && !wanted ? association : undefined };
}

/**
 * Whether a service says what a share server was given: every field but the description. The password itself is not compared
 * (a changed one shows as `CredentialsChanged`), only whether there is one.
 */
export function sameContent(applied: AppliedSecurityService | undefined, spec: SecurityServiceSpec): boolean {
  return (
    applied !== undefined &&
    applied.type === spec.type &&
    applied.domain === spec.domain &&
    applied.user === spec.user &&
    applied.ou === spec.ou &&
    applied.defaultADSite === spec.defaultADSite &&
    sameList(applied.dnsIPs, spec.dnsIPs) &&
    sameList(applied.servers, spec.servers) &&
    sameTLS(applied.tls, spec.tls) &&
    (applied.credentialsVersion === undefined) === (spec.passwordSecretRef === undefined)
  );
}

/**
 * The recorded service is gone; only the servers know what it said. Servers whose last update failed don't have it, and
 * without any server that has, equality can't be shown: then it is an update, which is safe.
 */
function recreatedEqual(
  from: RecordedSecurityService,
  spec: SecurityServiceSpec,
  servers: readonly ShareServer[],
): boolean {
  const applied = servers
    .filter((server) => !updateFailed(server))
    .flatMap((server) => server.status?.securityServices ?? [])
    .filter((service) => service.type === from.type && service.name === from.name);
  return applied.length > 0 && applied.every((service) => sameContent(service, spec));
}

/** Without mode it is Required, as without tls. */
function sameTLS(left: SecurityServiceSpec['tls'], right: SecurityServiceSpec['tls']): boolean {
  return (
    (left?.mode ?? 'Required') === (right?.mode ?? 'Required') &&
    left?.caBundle === right?.caBundle &&
    left?.caSecretRef?.name === right?.caSecretRef?.name &&
    left?.caSecretRef?.key === right?.caSecretRef?.key
  );
}

/** An empty list and none are the same: the API server may keep either. */
function sameList(left: readonly string[] = [], right: readonly string[] = []): boolean {
  return left.length === right.length && left.every((entry, index) => entry === right[index]);
}
