import type { SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { Finding } from '../api/v1alpha1/finding.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { nameList } from '../values/name-list.ts';
import { takesChanges } from './backend-state.ts';
import { type ChangePlan, planChanges } from './change-plan.ts';
import {
  type CredentialsState,
  credentialsProblem,
  distinguishedNameProblem,
  securityServiceGaps,
} from './completeness.ts';
import { neverSetUp, updateFailed } from './server-state.ts';

/** A share server of the network, as the guard sees it. */
export interface GuardServer {
  readonly server: ShareServer;
  /** Absent when the StorageBackend does not exist. */
  readonly backend: StorageBackend | undefined;
  readonly paused: boolean;
  /** Whether a driver call for the server itself is running or handed over to the storage system. */
  readonly busy: boolean;
}

/** A security service that the network refers to or that is on the way to it. */
export interface GuardService {
  /** Absent when it does not exist. */
  readonly service: SecurityService | undefined;
  readonly credentials: CredentialsState;
}

/** Everything that the guard decides on. */
export interface GuardInput {
  readonly network: ShareNetwork;
  /** Whether an unhandled reapply token is there. */
  readonly reapply: boolean;
  /** By name. */
  readonly services: ReadonlyMap<string, GuardService>;
  /** All share servers of the network. */
  readonly servers: readonly GuardServer[];
  /** Names of the network's shares with a driver call running or handed over. */
  readonly busyShares: readonly string[];
  /** Names of the access rules on the network with a driver call running or handed over. */
  readonly busyRules: readonly string[];
  /** Namespace that the operator runs in. */
  readonly operatorNamespace: string;
}

/** Reason of a refusal: the condition's reason in the reconciler. */
export type GuardReason =
  | 'ShareNetworkNotActive'
  | 'SecurityServiceNotFound'
  | 'SecurityServiceTypeMismatch'
  | 'ShareNetworkInUse'
  | 'SecurityServiceUpdateNotSupported'
  | 'SecurityServiceTypeNotSupported'
  | 'BackendUnavailable'
  | 'ShareServerNotActive'
  | 'ShareBusy'
  | 'AccessRulesNotActive'
  | 'SecurityServiceIncomplete'
  | 'SecurityServiceNotAllowed';

/** What is in the way of a change; its message names the objects. */
export interface GuardFinding extends Finding {
  readonly reason: GuardReason;
  /** What the reconciler does: `wait` until something else changes, or be `stalled` until the spec changes. */
  readonly effect: 'wait' | 'stalled';
}

/** The facts that several checks use. */
interface Facts {
  readonly input: GuardInput;
  readonly plan: ChangePlan;
  /** Servers that count. */
  readonly servers: readonly GuardServer[];
}

type Check = (facts: Facts) => GuardFinding | undefined;

/** In this order: the first that finds something in the way decides. */
const checks: readonly Check[] = [
  networkActive,
  servicesExist,
  typesMatch,
  nothingRemoved,
  updateSupported,
  backendsAvailable,
  serversActive,
  sharesAndRulesSettled,
  servicesComplete,
];

/** What a network's spec asks for, compared with what is recorded, and whether it may be done now. */
export type ChangeJudgement =
  /** A network in use has what its spec asks for. */
  | { readonly kind: 'nothing'; readonly plan: ChangePlan }
  | { readonly kind: 'refused'; readonly plan: ChangePlan; readonly finding: GuardFinding }
  /** `servers` are those that count: none, where the network is not in use. */
  | { readonly kind: 'allowed'; readonly plan: ChangePlan; readonly servers: readonly ShareServer[] };

/**
 * Judges what a network's spec asks for: the same for its reconciler and for admission. A network without servers that count is not in use:
 * only its phase, the types of its services and the operator's namespace count for it, since manifests may be applied in any order.
 * @param ignored reasons that do not refuse here: the checks after theirs are made
 */
export function judgeChange(input: GuardInput, ignored: readonly GuardReason[] = []): ChangeJudgement {
  const facts = factsOf(input);
  const { plan, servers } = facts;
  if (servers.length > 0 && !plan.wanted && !input.reapply) return { kind: 'nothing', plan };
  const finding = firstFinding(facts, ignored);
  return finding === undefined
    ? { kind: 'allowed', plan, servers: servers.map(({ server }) => server) }
    : { kind: 'refused', plan, finding };
}

function factsOf(input: GuardInput): Facts {
  const services = new Map<string, SecurityService>();
  for (const [name, { service }] of input.services) if (service !== undefined) services.set(name, service);
  const all = input.servers.map(({ server }) => server);
  const plan = planChanges(input.network, services, input.reapply, all);
  return { input, plan, servers: input.servers.filter(({ server, busy }) => countsInGuard(server, busy)) };
}

function firstFinding(facts: Facts, ignored: readonly GuardReason[]): GuardFinding | undefined {
  for (const check of checks) {
    const finding = check(facts);
    if (finding !== undefined && !ignored.includes(finding.reason)) return finding;
  }
  return undefined;
}

/**
 * Whether a share server counts in the guard. One never set up and without a running call counts nowhere: it takes the new
 * association when it is set up.
 * @param busy whether a driver call for it is running; when absent a stored operation is taken for one
 */
export function countsInGuard(server: ShareServer, busy: boolean = server.status?.operation !== undefined): boolean {
  // A token means that the storage system has not finished, whoever asked.
  return busy || server.status?.operation?.token !== undefined || !neverSetUp(server);
}

function networkActive({ input: { network } }: Facts): GuardFinding | undefined {
  const phase = network.status?.phase ?? 'active';
  if (phase === 'active') return undefined;
  return {
    reason: 'ShareNetworkNotActive',
    message: `share network ${network.metadata.name} is in ${phase}; retry once the network is active`,
    effect: 'wait',
  };
}

function servicesExist({ input: { network, services }, servers }: Facts): GuardFinding | undefined {
  if (servers.length === 0) return undefined;
  const names = references(network).map(({ name }) => name);
  const missing = names.filter((name) => services.get(name)?.service === undefined);
  const leaving = names.filter((name) => services.get(name)?.service?.metadata.deletionTimestamp !== undefined);
  if (missing.length === 0 && leaving.length === 0) return undefined;
  return {
    reason: 'SecurityServiceNotFound',
    message: clauses([
      missing.length > 0 && `security services that do not exist: ${nameList(missing)}`,
      leaving.length > 0 && `security services that are being deleted: ${nameList(leaving)}`,
    ]),
    effect: 'wait',
  };
}

function typesMatch({ input: { network, services } }: Facts): GuardFinding | undefined {
  const wrong = references(network).flatMap(({ type, name }) => {
    const actual = services.get(name)?.service?.spec.type ?? type;
    return actual === type ? [] : [`${name} has type ${actual} but is referenced as ${type}`];
  });
  if (wrong.length === 0) return undefined;
  return {
    reason: 'SecurityServiceTypeMismatch',
    message: `security services with another type than their reference: ${nameList(wrong)}`,
    effect: 'stalled',
  };
}

function nothingRemoved({ input: { network }, plan, servers }: Facts): GuardFinding | undefined {
  if (servers.length === 0 || plan.removed.length === 0) return undefined;
  const removed = nameList(plan.removed.map(({ type, name }) => `${type} (${name})`));
  return {
    reason: 'ShareNetworkInUse',
    message:
      `share network ${network.metadata.name} is used by share servers ${serverNames(servers)}: ` +
      `its security services can be replaced or added, not removed: ${removed}`,
    effect: 'stalled',
  };
}

function updateSupported({ input: { network }, servers }: Facts): GuardFinding | undefined {
  const unable = servers.filter(
    ({ server, backend }) =>
      server.spec.securityServiceUpdateSupport !== true ||
      backend?.status?.capabilities?.securityServiceUpdateSupport === false,
  );
  if (unable.length > 0) {
    return {
      reason: 'SecurityServiceUpdateNotSupported',
      message: `share servers whose security services cannot be changed while they are in use: ${serverNames(unable)}`,
      effect: 'stalled',
    };
  }
  const types = references(network).map(({ type }) => type);
  const unfit = servers.filter(({ backend }) => !supportsTypes(backend, types));
  if (unfit.length === 0) return undefined;
  return {
    reason: 'SecurityServiceTypeNotSupported',
    message: `the backends of share servers ${serverNames(unfit)} do not support the security service types ${nameList(types)} together`,
    effect: 'stalled',
  };
}

function backendsAvailable({ servers }: Facts): GuardFinding | undefined {
  const unavailable = servers.filter(({ backend }) => !takesChanges(backend));
  if (unavailable.length === 0) return undefined;
  const backends = unavailable.map(({ server }) => server.spec.backendName);
  return conflict(
    'BackendUnavailable',
    `storage backends not ready or not enabled: ${nameList(backends)} (share servers ${serverNames(unavailable)})`,
  );
}

function serversActive({ servers }: Facts): GuardFinding | undefined {
  const inTheWay = servers.flatMap((candidate) => {
    const why = whyNotActive(candidate);
    return why === undefined ? [] : [`${candidate.server.metadata.name} (${why})`];
  });
  if (inTheWay.length === 0) return undefined;
  return conflict('ShareServerNotActive', `share servers not active: ${nameList(inTheWay)}`);
}

function whyNotActive({ server, paused, busy }: GuardServer): string | undefined {
  const phase = server.status?.phase ?? 'creating';
  // A failed update is retried by the next change: that is how a tenant repairs it.
  if (phase !== 'active' && !(phase === 'error' && updateFailed(server))) return phase;
  if (paused) return 'paused';
  return busy ? 'a driver call is running' : undefined;
}

function sharesAndRulesSettled({ input: { busyShares, busyRules }, servers }: Facts): GuardFinding | undefined {
  if (servers.length === 0) return undefined;
  if (busyShares.length > 0) {
    return conflict('ShareBusy', `driver calls are running for shares ${nameList(busyShares)}`);
  }
  if (busyRules.length > 0) {
    return conflict('AccessRulesNotActive', `driver calls are running for access rules ${nameList(busyRules)}`);
  }
  return undefined;
}

function servicesComplete({ input, plan, servers }: Facts): GuardFinding | undefined {
  const { network, services, operatorNamespace } = input;
  if (network.metadata.namespace === operatorNamespace && references(network).length > 0) {
    return {
      reason: 'SecurityServiceNotAllowed',
      message: `security services in the operator's namespace ${operatorNamespace} are not used`,
      effect: 'stalled',
    };
  }
  if (servers.length === 0) return undefined;
  // Only what drivers would be given: a missing Secret of another service must not prevent the repair.
  const incomplete = plan.changes.flatMap(({ to: { name } }) => {
    const entry = services.get(name);
    const problem = entry === undefined ? undefined : serviceProblem(entry);
    return problem === undefined ? [] : [`${name} (${problem})`];
  });
  if (incomplete.length === 0) return undefined;
  return {
    reason: 'SecurityServiceIncomplete',
    message: `incomplete security services: ${nameList(incomplete)}`,
    effect: 'wait',
  };
}

function serviceProblem({ service, credentials }: GuardService): string | undefined {
  if (service === undefined) return undefined;
  const gaps = securityServiceGaps(service.spec);
  if (gaps.length > 0) return `missing: ${gaps.join(', ')}`;
  return distinguishedNameProblem(service.spec) ?? credentialsProblem(credentials, service.spec);
}

function conflict(reason: GuardReason, message: string): GuardFinding | undefined {
  // kubectl takes every 409 for a conflict of field managers and suggests force.
  return { reason, message: `not a field conflict; retry later: ${message}`, effect: 'wait' };
}

/** Unknown capabilities refuse nothing here: such a backend is not Ready, which is checked next. */
function supportsTypes(backend: StorageBackend | undefined, types: readonly SecurityServiceType[]): boolean {
  const capabilities = backend?.status?.capabilities;
  if (capabilities === undefined) return true;
  if (!types.every((type) => capabilities.securityServiceTypes.includes(type))) return false;
  const combinations = capabilities.securityServiceCombinations;
  return (
    new Set(types).size < 2 ||
    combinations === undefined ||
    combinations.some((combination) => types.every((type) => combination.includes(type)))
  );
}

function references(network: ShareNetwork): NonNullable<ShareNetwork['spec']['securityServices']> {
  return network.spec.securityServices ?? [];
}

function serverNames(servers: readonly GuardServer[]): string {
  return nameList(servers.map(({ server }) => server.metadata.name));
}

function clauses(parts: readonly (string | false)[]): string {
  return parts.filter((part) => part !== false).join('; ');
}
