import { parseQuantity } from '../api/quantity.ts';
import { paused } from '../api/v1alpha1/labels.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { BackendCapabilities, SecurityServiceType, StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { namespaceAllowed, segmentAllowed } from './selection.ts';
import { subnetForZone } from './subnets.ts';

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

/** Why a share waits for a place. */
export type PlacementReason = 'ShareNetworkNotFound' | 'BackendNotFound' | 'SecurityServiceRequired' | 'NoValidBackend';

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
  readonly reason: 'SecurityServiceRequired' | 'NoValidBackend';
}

/**
 * Chooses the backend and the share server of a share that is not placed yet ("Placing shares"): of the backends that qualify
 * the emptiest, by name when equal; on it a server of the share's subnet below its limit, else a new one.
 */
export function placeShare(input: PlacementInput): Placement {
  const { share, network, backends } = input;
  const { shareNetworkName, backendName } = share.spec;
  if (shareNetworkName !== undefined && network === undefined) {
    return wait('ShareNetworkNotFound', `share network ${shareNetworkName} does not exist`);
  }
  const asked = backends.filter(({ backend }) => backendName === undefined || backend.metadata.name === backendName);
  if (asked.length === 0) {
    const what =
      backendName === undefined ? 'there is no storage backend' : `storage backend ${backendName} does not exist`;
    return wait('BackendNotFound', what);
  }
  const candidates: Candidate[] = [];
  const obstacles: (Obstacle & { readonly name: string })[] = [];
  for (const placement of asked) {
    const result = examine(placement, input);
    if ('obstacle' in result) obstacles.push({ ...result, name: placement.backend.metadata.name });
    else candidates.push(result);
  }
  const [chosen] = candidates.sort(emptiestFirst);
  if (chosen !== undefined) return onBackend(chosen, input);
  // The one thing that the tenant can mend goes first.
  const required = obstacles.some(({ reason }) => reason === 'SecurityServiceRequired');
  return wait(
    required ? 'SecurityServiceRequired' : 'NoValidBackend',
    obstacles
      .map(({ name, obstacle }) => `${name}: ${obstacle}`)
      .sort()
      .join('; '),
  );
}

function examine({ backend, reservedBytes }: PlacementBackend, input: PlacementInput): Candidate | Obstacle {
  const { share, network, namespace, namespaceLabels, securityServiceTypes } = input;
  const { spec, status } = backend;
  const capabilities = status?.capabilities;
  if (spec.enabled === false) return unfit('is not enabled');
  if (backend.metadata.deletionTimestamp !== undefined) return unfit('is being deleted');
  if (!status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True')) {
    return unfit('is not ready');
  }
  if (capabilities === undefined) return unfit('has not told its capabilities yet');
  if (!namespaceAllowed(spec.allowedNamespaces, namespaceLabels)) return unfit(`does not allow namespace ${namespace}`);
  if (!capabilities.shareProtocols.includes(share.spec.protocol)) {
    return unfit(`does not support protocol ${share.spec.protocol}`);
  }
  const lacking = lackingCapability(share, capabilities);
  if (lacking !== undefined) return unfit(`lacks the required capability ${lacking}`);

  const size = parseQuantity(share.spec.size);
  if (size === undefined) return unfit(`can't read the size ${share.spec.size}`);
  const free = freeBytes(backend, reservedBytes);
  if (free !== undefined && free < size) return unfit(`has not enough free space for ${share.spec.size}`);

  if (!capabilities.driverHandlesShareServers) {
    return network === undefined
      ? { backend, free, subnet: undefined }
      : unfit('makes no share servers and so serves no share network');
  }
  if (network === undefined) return unfit('makes share servers and needs a shareNetworkName');
  const subnet = subnetForZone(network.spec, share.spec.availabilityZone);
  if (subnet === undefined) {
    const zone = share.spec.availabilityZone;
    return unfit(
      `share network ${network.metadata.name} has no subnet for ${zone === undefined ? 'shares without a zone' : `zone ${zone}`}`,
    );
  }
  if (!segmentAllowed(subnet, spec.allowedSegments, namespaceLabels)) {
    return unfit(`does not allow the segment of subnet ${subnet.name}`);
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

function onBackend({ backend, subnet }: Candidate, { share, servers, shareCount }: PlacementInput): Placement {
  const backendName = backend.metadata.name;
  if (subnet === undefined) return { kind: 'backend', backendName };
  const limit = backend.spec.maxSharesPerShareServer ?? Number.POSITIVE_INFINITY;
  const [server] = servers
    .filter(
      ({ spec, metadata, status }) =>
        spec.backendName === backendName &&
        spec.subnetName === subnet.name &&
        spec.shareNetworkName === share.spec.shareNetworkName &&
        metadata.deletionTimestamp === undefined &&
        metadata.annotations?.[paused] !== 'true' &&
        ['active', 'creating'].includes(status?.phase ?? 'creating') &&
        (share.spec.requiredCapabilities?.securityServiceUpdateSupport !== true ||
          spec.securityServiceUpdateSupport === true) &&
        shareCount(metadata.name) < limit,
    )
    .sort(
      (left, right) =>
        Number(isActive(right)) - Number(isActive(left)) ||
        shareCount(left.metadata.name) - shareCount(right.metadata.name) ||
        byName(left.metadata.name, right.metadata.name),
    );
  return server === undefined
    ? { kind: 'new-server', backendName, subnetName: subnet.name }
    : { kind: 'server', backendName, serverName: server.metadata.name };
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
  return (right.free ?? -1) - (left.free ?? -1) || byName(left.backend.metadata.name, right.backend.metadata.name);
}

function byName(left: string, right: string): number {
  if (left === right) return 0;
  return left < right ? -1 : 1;
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
