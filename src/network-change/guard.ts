import { admissionCodes } from '../api/v1alpha1/admission-codes.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { SecurityServiceType, StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { nameList } from '../values/name-list.ts';
import { takesChanges } from './backend-state.ts';
import {
  type CredentialsState,
  credentialsProblem,
  distinguishedNameProblem,
  securityServiceGaps,
} from './completeness.ts';
import { type ChangePlan, planChanges } from './plan.ts';
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

/** What the guard found. */
export interface GuardRefusal {
  /** HTTP status that admission answers with. */
  readonly code: (typeof admissionCodes)[GuardReason];
  readonly reason: GuardReason;
  /** Names the objects in the way. */
  readonly message: string;
  /** What the reconciler does: `wait` for the world to change, or be `stalled` until the spec changes. */
  readonly effect: 'wait' | 'stalled';
}

/** The facts that several checks use. */
interface Facts {
  readonly input: GuardInput;
  readonly plan: ChangePlan;
  /** Servers that count. */
  readonly servers: readonly GuardServer[];
}

type Check = (facts: Facts) => Omit<GuardRefusal, 'code'> | undefined;

/** Tried in this order: the first that refuses is told. */
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

/** What a network wishes, held against what is recorded, and whether it may be done now. */
export type ChangeJudgement =
  /** A network in use has what it wishes. */
  | { readonly kind: 'nothing'; readonly plan: ChangePlan }
  | { readonly kind: 'refused'; readonly plan: ChangePlan; readonly refusal: GuardRefusal }
  /** `servers` are those that count: none, where the network is not in use. */
  | { readonly kind: 'allowed'; readonly plan: ChangePlan; readonly servers: readonly ShareServer[] };

/**
 * Judges what a network wishes: the same for its reconciler and for admission. A network without servers that count is not in use:
 * only its phase, the types of its services and the operator's namespace count for it, since manifests may be applied in any order.
 * @param passedOver reasons that do not refuse here: the checks after theirs are made
 */
export function judgeChange(input: GuardInput, passedOver: readonly GuardReason[] = []): ChangeJudgement {
  const facts = factsOf(input);
  const { plan, servers } = facts;
  if (servers.length > 0 && !plan.wanted && !input.reapply) return { kind: 'nothing', plan };
  const refusal = firstRefusal(facts, passedOver);
  return refusal === undefined
    ? { kind: 'allowed', plan, servers: servers.map(({ server }) => server) }
    : { kind: 'refused', plan, refusal };
}

function factsOf(input: GuardInput): Facts {
  const services = new Map<string, SecurityService>();
  for (const [name, { service }] of input.services) if (service !== undefined) services.set(name, service);
  const all = input.servers.map(({ server }) => server);
  const plan = planChanges(input.network, services, input.reapply, all);
  return { input, plan, servers: input.servers.filter(({ server, busy }) => countsInGuard(server, busy)) };
}

function firstRefusal(facts: Facts, passedOver: readonly GuardReason[]): GuardRefusal | undefined {
  for (const check of checks) {
    const refusal = check(facts);
    if (refusal === undefined || passedOver.includes(refusal.reason)) continue;
    return { code: admissionCodes[refusal.reason], ...refusal };
  }
  return undefined;
}

/**
 * Whether a share server counts in the guard. One never set up and without a running call counts nowhere: it takes the new
 * association when it is set up.
 * @param busy whether a driver call for it is running; when absent a stored operation is taken for one
 */
export function countsInGuard(server: ShareServer, busy: boolean = server.status?.operation !== undefined): boolean {
  // A token means that the storage system is still at it, whoever asked.
  return busy || server.status?.operation?.token !== undefined || !neverSetUp(server);
}

function networkActive({ input: { network } }: Facts): ReturnType<Check> {
  const phase = network.status?.phase ?? 'active';
  if (phase === 'active') return undefined;
  return {
    reason: 'ShareNetworkNotActive',
    message: `share network ${network.metadata.name} is in ${phase}; may be retried after the status is active`,
    effect: 'wait',
  };
}

function servicesExist({ input: { network, services }, servers }: Facts): ReturnType<Check> {
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

function typesMatch({ input: { network, services } }: Facts): ReturnType<Check> {
  const wrong = references(network).flatMap(({ type, name }) => {
    const actual = services.get(name)?.service?.spec.type ?? type;
    return actual === type ? [] : [`${name} (is ${actual}, referred to as ${type})`];
  });
  if (wrong.length === 0) return undefined;
  return {
    reason: 'SecurityServiceTypeMismatch',
    message: `security services of another type than their entry: ${nameList(wrong)}`,
    effect: 'stalled',
  };
}

function nothingRemoved({ input: { network }, plan, servers }: Facts): ReturnType<Check> {
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

function updateSupported({ input: { network }, servers }: Facts): ReturnType<Check> {
  const unable = servers.filter(
    ({ server, backend }) =>
      server.spec.securityServiceUpdateSupport !== true ||
      backend?.status?.capabilities?.securityServiceUpdateSupport === false,
  );
  if (unable.length > 0) {
    return {
      reason: 'SecurityServiceUpdateNotSupported',
      message: `share servers that can't take a changed security service while in use: ${serverNames(unable)}`,
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

function backendsAvailable({ servers }: Facts): ReturnType<Check> {
  const unavailable = servers.filter(({ backend }) => !takesChanges(backend));
  if (unavailable.length === 0) return undefined;
  const backends = unavailable.map(({ server }) => server.spec.backendName);
  return conflict(
    'BackendUnavailable',
    `storage backends not ready or not enabled: ${nameList(backends)} (share servers ${serverNames(unavailable)})`,
  );
}

function serversActive({ servers }: Facts): ReturnType<Check> {
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

function sharesAndRulesSettled({ input: { busyShares, busyRules }, servers }: Facts): ReturnType<Check> {
  if (servers.length === 0) return undefined;
  if (busyShares.length > 0) {
    return conflict('ShareBusy', `driver calls are running for shares ${nameList(busyShares)}`);
  }
  if (busyRules.length > 0) {
    return conflict('AccessRulesNotActive', `driver calls are running for access rules ${nameList(busyRules)}`);
  }
  return undefined;
}

function servicesComplete({ input, plan, servers }: Facts): ReturnType<Check> {
  const { network, services, operatorNamespace } = input;
  if (network.metadata.namespace === operatorNamespace && references(network).length > 0) {
    return {
      reason: 'SecurityServiceNotAllowed',
      message: `security services in the operator's namespace ${operatorNamespace} are not used`,
      effect: 'stalled',
    };
  }
  if (servers.length === 0) return undefined;
  // Only what drivers would be handed: a Secret that went missing elsewhere must not keep the cure away.
  const incomplete = plan.changes.flatMap(({ to: { name } }) => {
    const entry = services.get(name);
    const lacks = entry === undefined ? undefined : whatLacks(entry);
    return lacks === undefined ? [] : [`${name} (${lacks})`];
  });
  if (incomplete.length === 0) return undefined;
  return {
    reason: 'SecurityServiceIncomplete',
    message: `incomplete security services: ${nameList(incomplete)}`,
    effect: 'wait',
  };
}

function whatLacks({ service, credentials }: GuardService): string | undefined {
  if (service === undefined) return undefined;
  const gaps = securityServiceGaps(service.spec);
  if (gaps.length > 0) return `missing: ${gaps.join(', ')}`;
  return distinguishedNameProblem(service.spec) ?? credentialsProblem(credentials, service.spec);
}

function conflict(reason: GuardReason, message: string): ReturnType<Check> {
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
