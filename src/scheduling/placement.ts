import type { BackendCapabilities, SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import { isReady } from '../api/v1alpha1/conditions.ts';
import { paused } from '../api/v1alpha1/labels.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { compare } from '../values/compare.ts';
import { parseQuantity } from '../values/quantity.ts';
import { segmentOf, segmentTexts } from './segments.ts';
import { namespaceAllowed, segmentAllowed } from './selection.ts';
import { sizeProblem } from './share-size.ts';
import { type SubnetProblem, subnetForZone, subnetProblem } from './subnets.ts';

/** A backend with what was placed on it since it last told its space. */
export interface PlacementBackend {
  readonly backend: StorageBackend;
  /** Bytes of shares placed since the last probe. */
  readonly reservedBytes: number;
}

/** Everything that a placement is decided on. */
export interface PlacementInput {
  readonly share: Share;
  /** The network that the share names; undefined when it names none or the network does not exist. */
  readonly network: ShareNetwork | undefined;
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly backends: readonly PlacementBackend[];
  /** Share servers of the network. */
  readonly servers: readonly ShareServer[];
  /** How many shares a share server has. */
  readonly shareCount: (serverName: string) => number;
  /** Types of the security services on the network. */
  readonly securityServiceTypes: readonly SecurityServiceType[];
}

/**
 * Why a backend is ruled out for a share until somebody changes the share, its network or the backend. Where it is the same for
 * all, it is the reason that the share waits.
 */
type LastingReason =
  | 'NamespaceNotAllowed'
  | 'ProtocolNotSupported'
  | 'CapabilityNotSupported'
  | 'ShareNetworkRequired'
  | 'ShareNetworkNotSupported'
  | 'SegmentNotAllowed';

/** Why a share waits for a place. */
type PlacementReason =
  | 'ShareNetworkNotFound'
  | 'BackendNotFound'
  | 'SecurityServiceRequired'
  | 'NoValidBackend'
  | LastingReason
  | SubnetProblem['reason'];

/** A share with what decides which backends it may use. */
type AskingShare = Pick<PlacementInput, 'share' | 'network' | 'namespace' | 'namespaceLabels'>;

/** What a share is refused for before anything is known of free space, readiness and servers. */
export type LastingInput = AskingShare & {
  readonly backends: readonly StorageBackend[];
};

/** Where a share goes. */
export type Placement =
  | { readonly kind: 'backend'; readonly backendName: string }
  | { readonly kind: 'server'; readonly backendName: string; readonly serverName: string }
  | { readonly kind: 'new-server'; readonly backendName: string; readonly subnetName: string }
  | { readonly kind: 'wait'; readonly reason: PlacementReason; readonly message: string };

interface Candidate {
  readonly backend: StorageBackend;
  /** Bytes; undefined when the backend does not tell. */
  readonly free: number | undefined;
  /** Set when the backend makes share servers. */
  readonly subnet: ShareNetworkSubnet | undefined;
}

interface Obstacle {
  readonly obstacle: string;
  readonly reason: 'SecurityServiceRequired' | 'NoValidBackend' | LastingReason;
}

interface NamedObstacle extends Obstacle {
  readonly name: string;
}

/** Most backends that a message tells of. */
const shownBackends = 5;

/**
 * Chooses the backend and the share server of a share that is not placed yet: of the backends that qualify
 * the emptiest, by name when equal; on it a server of the share's subnet below its limit, else a new one.
 */
export function placeShare(input: PlacementInput): Placement {
  const { share, network, backends } = input;
  const { shareNetworkName } = share.spec;
  if (shareNetworkName !== undefined && network === undefined) {
    return wait('ShareNetworkNotFound', `share network ${shareNetworkName} does not exist`);
  }
  const asked = backends.filter(({ backend }) => isAsked(backend, input));
  if (asked.length === 0) {
    const { backendName } = share.spec;
    const what =
      backendName === undefined
        ? 'there is no storage backend'
        : `storage backend ${backendName} does not exist or does not allow namespace ${input.namespace}`;
    return wait('BackendNotFound', what);
  }
  const candidates: Candidate[] = [];
  const obstacles: NamedObstacle[] = [];
  for (const placement of asked) {
    const result = examine(placement, input);
    if ('obstacle' in result) obstacles.push({ ...result, name: placement.backend.metadata.name });
    else candidates.push(result);
  }
  const [chosen] = candidates.sort(emptiestFirst);
  return chosen === undefined ? { kind: 'wait', ...sumOf(obstacles, input.namespace) } : onBackend(chosen, input);
}

/**
 * Tells why no backend will ever take the share as it, its network and the backends are: its size is below the minimum, or every
 * backend that could be asked is known, was probed as it is configured, and is ruled out for good.
 */
export function lastingRefusal(
  input: LastingInput,
): { readonly reason: LastingReason | 'NoValidBackend' | 'InvalidSize'; readonly message: string } | undefined {
  const tooSmall = sizeProblem(input.share.spec.size);
  if (tooSmall !== undefined) return { reason: 'InvalidSize', message: tooSmall };
  const obstacles: (NamedObstacle & { readonly reason: LastingReason })[] = [];
  for (const backend of input.backends.filter((candidate) => isAsked(candidate, input))) {
    const { metadata, status } = backend;
    const obstacle = lastingObstacle(backend, input);
    // What it was probed with may be about to change.
    const isCurrent = status?.capabilities !== undefined && status.observedGeneration === metadata.generation;
    if (obstacle === undefined || !(isCurrent || obstacle.reason === 'NamespaceNotAllowed')) return undefined;
    obstacles.push({ ...obstacle, name: metadata.name });
  }
  return obstacles.length === 0 ? undefined : sumOf(obstacles, input.namespace);
}

/** A backend that is named but not offered to the namespace is answered like one that does not exist: nobody learns of it. */
function isAsked({ metadata, spec }: StorageBackend, { share, namespaceLabels }: AskingShare): boolean {
  const { backendName } = share.spec;
  if (backendName === undefined) return true;
  return backendName === metadata.name && namespaceAllowed(spec.allowedNamespaces, namespaceLabels);
}

/** One reason and one message for all obstacles: each backend's by name, and only the number of those that are not offered. */
function sumOf<R extends Obstacle['reason']>(
  obstacles: readonly { readonly name: string; readonly obstacle: string; readonly reason: R }[],
  namespace: string,
): { readonly reason: R | 'NoValidBackend'; readonly message: string } {
  const offered = obstacles.filter(({ reason }) => reason !== 'NamespaceNotAllowed');
  const others = obstacles.length - offered.length;
  if (offered.length === 0) {
    const message = `no storage backend allows namespace ${namespace} (there ${others === 1 ? 'is 1' : `are ${others}`})`;
    return { reason: reasonOf(obstacles.map(({ reason }) => reason)), message };
  }
  const sorted = offered.toSorted((left, right) => compare(left.name, right.name));
  const clauses = sorted.slice(0, shownBackends).map(({ name, obstacle }) => `${name}: ${obstacle}`);
  if (sorted.length > shownBackends) clauses.push(`and ${sorted.length - shownBackends} more backends`);
  if (others > 0) clauses.push(`${others} more ${others === 1 ? 'does' : 'do'} not allow namespace ${namespace}`);
  return { reason: reasonOf(offered.map(({ reason }) => reason)), message: clauses.join('; ') };
}

function reasonOf<R extends string>(reasons: readonly R[]): R | 'NoValidBackend' {
  // The one thing that the tenant can mend goes first.
  const required = reasons.find((reason) => reason === 'SecurityServiceRequired');
  if (required !== undefined) return required;
  const [first] = reasons;
  return first !== undefined && reasons.every((reason) => reason === first) ? first : 'NoValidBackend';
}

/** Why the backend can't take the share until somebody changes something; what it can do counts only once it was probed. */
function lastingObstacle(
  { spec, status }: StorageBackend,
  { share, network, namespaceLabels }: AskingShare,
): (Obstacle & { readonly reason: LastingReason }) | undefined {
  const { protocol, shareNetworkName } = share.spec;
  const capabilities = status?.capabilities;
  if (!namespaceAllowed(spec.allowedNamespaces, namespaceLabels)) {
    return { obstacle: 'does not allow the namespace', reason: 'NamespaceNotAllowed' };
  }
  if (capabilities === undefined) return undefined;
  if (!capabilities.shareProtocols.includes(protocol)) {
    const known = capabilities.shareProtocols.join(', ') || 'none';
    return { obstacle: `does not support protocol ${protocol}, only: ${known}`, reason: 'ProtocolNotSupported' };
  }
  const lacking = lackingCapability(share, capabilities);
  if (lacking !== undefined) {
    return { obstacle: `lacks the required capability ${lacking}`, reason: 'CapabilityNotSupported' };
  }
  if (!capabilities.driverHandlesShareServers) {
    return shareNetworkName === undefined
      ? undefined
      : { obstacle: 'makes no share servers and so serves no share network', reason: 'ShareNetworkNotSupported' };
  }
  if (shareNetworkName === undefined) {
    return { obstacle: 'makes share servers and needs a shareNetworkName', reason: 'ShareNetworkRequired' };
  }
  const subnet = network === undefined ? undefined : subnetForZone(network.spec, share.spec.availabilityZone);
  if (subnet === undefined || segmentAllowed(subnet, spec.allowedSegments, namespaceLabels)) return undefined;
  const allowed = segmentTexts(spec.allowedSegments, namespaceLabels).join(', ') || 'none';
  return {
    obstacle: `does not allow the segment of subnet ${subnet.name}, ${segmentOf(subnet)} (it allows: ${allowed})`,
    reason: 'SegmentNotAllowed',
  };
}

function examine({ backend, reservedBytes }: PlacementBackend, input: PlacementInput): Candidate | Obstacle {
  const { share, network, securityServiceTypes } = input;
  const { spec, status } = backend;
  const lasting = lastingObstacle(backend, input);
  if (lasting !== undefined) return lasting;
  const capabilities = status?.capabilities;
  if (spec.enabled === false) return unfit('is not enabled');
  if (backend.metadata.deletionTimestamp !== undefined) return unfit('is being deleted');
  if (!isReady(backend)) {
    return unfit('is not ready');
  }
  if (capabilities === undefined) return unfit('has not told its capabilities yet');

  const size = parseQuantity(share.spec.size);
  if (size === undefined) return unfit(`can't read the size ${share.spec.size}`);
  const free = freeBytes(backend, reservedBytes);
  if (free !== undefined && free < size) return unfit(`has not enough free space for ${share.spec.size}`);

  if (network === undefined) return { backend, free, subnet: undefined };
  const subnet = subnetForZone(network.spec, share.spec.availabilityZone);
  if (subnet === undefined) {
    const zone = share.spec.availabilityZone;
    return unfit(
      `share network ${network.metadata.name} has no subnet for ${zone === undefined ? 'shares without a zone' : `zone ${zone}`}`,
    );
  }
  const unsupported = securityServiceTypes.filter((type) => !capabilities.securityServiceTypes.includes(type));
  if (unsupported.length > 0) {
    return unfit(`does not support security services of type ${[...unsupported].sort().join(', ')}`);
  }
  const anyOf = capabilities.requiredSecurityServices?.[share.spec.protocol] ?? [];
  if (anyOf.length > 0 && !anyOf.some((type) => securityServiceTypes.includes(type))) {
    const obstacle = `needs a security service of type ${anyOf.join(' or ')} on share network ${network.metadata.name}`;
    return { obstacle, reason: 'SecurityServiceRequired' };
  }
  return { backend, free, subnet };
}

function onBackend({ backend, subnet }: Candidate, input: PlacementInput): Placement {
  const { share, network, servers, shareCount } = input;
  const backendName = backend.metadata.name;
  if (subnet === undefined) return { kind: 'backend', backendName };
  const limit = backend.spec.maxSharesPerShareServer ?? Number.POSITIVE_INFINITY;
  const [chosen] = servers
    .filter(
      ({ spec, metadata, status }) =>
        spec.backendName === backendName &&
        spec.subnetName === subnet.name &&
        spec.shareNetworkName === share.spec.shareNetworkName &&
        metadata.deletionTimestamp === undefined &&
        metadata.annotations?.[paused] !== 'true' &&
        ['active', 'creating'].includes(status?.phase ?? 'creating') &&
        (share.spec.requiredCapabilities?.securityServiceUpdateSupport !== true ||
          spec.securityServiceUpdateSupport === true),
    )
    // Counted once: a sort asks for each many times.
    .map((server) => ({ server, count: shareCount(server.metadata.name) }))
    .filter(({ count }) => count < limit)
    .sort(
      (left, right) =>
        Number(isActive(right.server)) - Number(isActive(left.server)) ||
        left.count - right.count ||
        compare(left.server.metadata.name, right.server.metadata.name),
    );
  if (chosen !== undefined) return { kind: 'server', backendName, serverName: chosen.server.metadata.name };
  // Those that are there know what they were given; another one would be set up on what is wrong.
  const problem = network === undefined ? undefined : subnetProblem(network.spec, servers);
  return problem === undefined
    ? { kind: 'new-server', backendName, subnetName: subnet.name }
    : wait(problem.reason, `share network ${network?.metadata.name}: ${problem.message}`);
}

function lackingCapability(share: Share, capabilities: BackendCapabilities): string | undefined {
  const required = share.spec.requiredCapabilities ?? {};
  const access = capabilities.accessTypesByProtocol[share.spec.protocol] ?? [];
  for (const flag of ['securityServiceUpdateSupport', 'driverHandlesShareServers'] as const) {
    if (required[flag] !== undefined && required[flag] !== capabilities[flag]) return `${flag}=${required[flag]}`;
  }
  const type = required.securityServiceTypes?.find((wanted) => !capabilities.securityServiceTypes.includes(wanted));
  if (type !== undefined) return `securityServiceTypes ${type}`;
  const accessType = required.accessTypes?.find((wanted) => !access.includes(wanted));
  return accessType === undefined ? undefined : `accessTypes ${accessType} for ${share.spec.protocol}`;
}

/** Bytes free and not yet promised; undefined when the backend does not tell. */
function freeBytes({ status }: StorageBackend, reservedBytes: number): number | undefined {
  const available = status?.capacity === undefined ? undefined : parseQuantity(status.capacity.available);
  return available === undefined ? undefined : available - reservedBytes;
}

/** A backend that does not tell its space comes after all that do. */
function emptiestFirst(left: Candidate, right: Candidate): number {
  return (right.free ?? -1) - (left.free ?? -1) || compare(left.backend.metadata.name, right.backend.metadata.name);
}

function isActive({ status }: ShareServer): boolean {
  return status?.phase === 'active';
}

function unfit(obstacle: string): Obstacle {
  return { obstacle, reason: 'NoValidBackend' };
}

function wait(reason: PlacementReason, message: string): Placement {
  return { kind: 'wait', reason, message };
}
