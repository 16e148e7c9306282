import type { BackendCapabilities, SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import { isReady } from '../api/v1alpha1/conditions.ts';
import type { Finding } from '../api/v1alpha1/finding.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { parseQuantity } from '../values/quantity.ts';
import { segmentOf, segmentTexts } from './segments.ts';
import { namespaceAllowed, segmentAllowed } from './selection.ts';
import { subnetForZone } from './subnets.ts';

/** A share with what decides which backends it may use. */
export interface PlacementRequest {
  readonly share: Share;
  /** The network that the share names; undefined when it names none or the network does not exist. */
  readonly network: ShareNetwork | undefined;
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

/** A backend with what was placed on it since it last reported its capacity. */
export interface PlacementBackend {
  readonly backend: StorageBackend;
  /** Bytes of shares placed since the last probe. */
  readonly reservedBytes: number;
}

/** A backend that can take the share. */
export interface Candidate {
  readonly backend: StorageBackend;
  /** Bytes; undefined when the backend does not report its capacity. */
  readonly free: number | undefined;
  /** Set when the backend uses share servers. */
  readonly subnet: ShareNetworkSubnet | undefined;
}

/** Why a backend is ruled out for a share until a user changes the share, its network or the backend. */
export interface LastingFinding extends Finding {
  readonly reason:
    | 'NamespaceNotAllowed'
    | 'ProtocolNotSupported'
    | 'CapabilityNotSupported'
    | 'ShareNetworkRequired'
    | 'ShareNetworkNotSupported'
    | 'SegmentNotAllowed';
}

/** Why a backend is ruled out for a share now. */
export interface BackendFinding extends Finding {
  readonly reason: LastingFinding['reason'] | 'SecurityServiceRequired' | 'NoValidBackend';
}

/** Whether a backend is considered at all: a named backend that the namespace may not use is treated as one that does not exist. */
export function isConsidered(
  { metadata, spec }: StorageBackend,
  { share, namespaceLabels }: PlacementRequest,
): boolean {
  const { backendName } = share.spec;
  if (backendName === undefined) return true;
  return backendName === metadata.name && namespaceAllowed(spec.allowedNamespaces, namespaceLabels);
}

/** Why the backend can't take the share until a user changes something; its capabilities count only once it was probed. */
export function lastingFinding(
  { spec, status }: StorageBackend,
  { share, network, namespaceLabels }: PlacementRequest,
): LastingFinding | undefined {
  const { protocol, shareNetworkName } = share.spec;
  const capabilities = status?.capabilities;
  if (!namespaceAllowed(spec.allowedNamespaces, namespaceLabels)) {
    return { reason: 'NamespaceNotAllowed', message: 'does not allow the namespace' };
  }
  if (capabilities === undefined) return undefined;
  if (!capabilities.shareProtocols.includes(protocol)) {
    const known = capabilities.shareProtocols.join(', ') || 'none';
    return { reason: 'ProtocolNotSupported', message: `does not support protocol ${protocol}, only: ${known}` };
  }
  const lacking = lackingCapability(share, capabilities);
  if (lacking !== undefined) {
    return { reason: 'CapabilityNotSupported', message: `lacks the required capability ${lacking}` };
  }
  if (!capabilities.driverHandlesShareServers) {
    return shareNetworkName === undefined
      ? undefined
      : { reason: 'ShareNetworkNotSupported', message: 'has no share servers and supports no share networks' };
  }
  if (shareNetworkName === undefined) {
    return { reason: 'ShareNetworkRequired', message: 'uses share servers and requires a shareNetworkName' };
  }
  const subnet = network === undefined ? undefined : subnetForZone(network.spec, share.spec.availabilityZone);
  if (subnet === undefined || segmentAllowed(subnet, spec.allowedSegments, namespaceLabels)) return undefined;
  const allowed = segmentTexts(spec.allowedSegments, namespaceLabels).join(', ') || 'none';
  return {
    reason: 'SegmentNotAllowed',
    message: `does not allow the segment of subnet ${subnet.name}, ${segmentOf(subnet)} (it allows: ${allowed})`,
  };
}

/** Filters one backend: why it can't take the share now, or what a weigher needs to know of it. */
export function filterBackend(
  { backend, reservedBytes }: PlacementBackend,
  request: PlacementRequest,
  securityServiceTypes: readonly SecurityServiceType[],
): Candidate | BackendFinding {
  const { share, network } = request;
  const { spec, status } = backend;
  const lasting = lastingFinding(backend, request);
  if (lasting !== undefined) return lasting;
  const capabilities = status?.capabilities;
  if (spec.enabled === false) return notValid('is not enabled');
  if (backend.metadata.deletionTimestamp !== undefined) return notValid('is being deleted');
  if (!isReady(backend)) return notValid('is not ready');
  if (capabilities === undefined) return notValid('has not reported its capabilities yet');

  const size = parseQuantity(share.spec.size);
  if (size === undefined) return notValid(`cannot parse the size ${share.spec.size}`);
  const free = freeBytes(backend, reservedBytes);
  if (free !== undefined && free < size) return notValid(`does not have enough free space for ${share.spec.size}`);

  if (network === undefined) return { backend, free, subnet: undefined };
  const zone = share.spec.availabilityZone;
  const subnet = subnetForZone(network.spec, zone);
  if (subnet === undefined) {
    const shares = zone === undefined ? 'shares without a zone' : `zone ${zone}`;
    return notValid(`share network ${network.metadata.name} has no subnet for ${shares}`);
  }
  const unsupported = securityServiceTypes.filter((type) => !capabilities.securityServiceTypes.includes(type));
  if (unsupported.length > 0) {
    return notValid(`does not support security services of type ${[...unsupported].sort().join(', ')}`);
  }
  const anyOf = capabilities.requiredSecurityServices?.[share.spec.protocol] ?? [];
  if (anyOf.length > 0 && !anyOf.some((type) => securityServiceTypes.includes(type))) {
    const message = `requires a security service of type ${anyOf.join(' or ')} on share network ${network.metadata.name}`;
    return { reason: 'SecurityServiceRequired', message };
  }
  return { backend, free, subnet };
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

/** Bytes free and not yet promised; undefined when the backend does not report its capacity. */
function freeBytes({ status }: StorageBackend, reservedBytes: number): number | undefined {
  const available = status?.capacity === undefined ? undefined : parseQuantity(status.capacity.available);
  return available === undefined ? undefined : available - reservedBytes;
}

function notValid(message: string): BackendFinding {
  return { reason: 'NoValidBackend', message };
}
