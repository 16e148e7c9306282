import type { SecurityServiceType } from '../api/v1alpha1/backend-capabilities.ts';
import type { Finding } from '../api/v1alpha1/finding.ts';
import { paused } from '../api/v1alpha1/labels.ts';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { compare } from '../values/compare.ts';
import {
  type BackendFinding,
  type Candidate,
  filterBackend,
  isConsidered,
  type LastingFinding,
  lastingFinding,
  type PlacementBackend,
  type PlacementRequest,
} from './filters.ts';
import { sizeProblem } from './share-size.ts';
import { subnetProblem } from './subnets.ts';
import { bestBackend, bestServer } from './weigher.ts';

/** Everything that a placement is decided on. */
export interface PlacementInput extends PlacementRequest {
  readonly backends: readonly PlacementBackend[];
  /** Share servers of the network. */
  readonly servers: readonly ShareServer[];
  /** How many shares a share server has. */
  readonly shareCount: (serverName: string) => number;
  /** Types of the security services on the network. */
  readonly securityServiceTypes: readonly SecurityServiceType[];
}

/** What a share is refused for before free space, readiness and servers are known. */
export interface LastingInput extends PlacementRequest {
  readonly backends: readonly StorageBackend[];
}

/** Where a share goes. */
export type Placement =
  | { readonly kind: 'backend'; readonly backendName: string }
  | { readonly kind: 'server'; readonly backendName: string; readonly serverName: string }
  | { readonly kind: 'new-server'; readonly backendName: string; readonly subnetName: string }
  | (Finding & { readonly kind: 'wait' });

/** Most backends that a message names. */
const maxNamedBackends = 5;

/**
 * Chooses the backend and the share server of a share that is not placed yet: the backends are filtered and weighed; on the best
 * one a server of the share's subnet below its limit is used, else a new one is set up.
 */
export function placeShare(input: PlacementInput): Placement {
  const { share, network, namespace, backends, securityServiceTypes } = input;
  const { shareNetworkName, backendName } = share.spec;
  if (shareNetworkName !== undefined && network === undefined) {
    return wait({ reason: 'ShareNetworkNotFound', message: `share network ${shareNetworkName} does not exist` });
  }
  const considered = backends.filter(({ backend }) => isConsidered(backend, input));
  if (considered.length === 0) {
    const message =
      backendName === undefined
        ? 'there is no storage backend'
        : `storage backend ${backendName} does not exist or does not allow namespace ${namespace}`;
    return wait({ reason: 'BackendNotFound', message });
  }
  const candidates: Candidate[] = [];
  const findings = new Map<string, BackendFinding>();
  for (const one of considered) {
    const result = filterBackend(one, input, securityServiceTypes);
    if ('reason' in result) findings.set(one.backend.metadata.name, result);
    else candidates.push(result);
  }
  const best = bestBackend(candidates);
  return best === undefined
    ? wait(summaryOf<BackendFinding['reason']>(findings, namespace))
    : placeOnBackend(best, input);
}

/**
 * Why no backend will ever take the share as it, its network and the backends are: its size is below the minimum, or every
 * backend to consider was probed as it is configured and is ruled out until a user changes something.
 */
export function lastingRefusal(
  input: LastingInput,
):
  | { readonly reason: LastingFinding['reason'] | 'NoValidBackend' | 'InvalidSize'; readonly message: string }
  | undefined {
  const tooSmall = sizeProblem(input.share.spec.size);
  if (tooSmall !== undefined) return { reason: 'InvalidSize', message: tooSmall };
  const findings = new Map<string, LastingFinding>();
  for (const backend of input.backends.filter((candidate) => isConsidered(candidate, input))) {
    const { metadata, status } = backend;
    const finding = lastingFinding(backend, input);
    // The capabilities of an earlier configuration may be about to change.
    const isCurrent = status?.capabilities !== undefined && status.observedGeneration === metadata.generation;
    if (finding === undefined || !(isCurrent || finding.reason === 'NamespaceNotAllowed')) return undefined;
    findings.set(metadata.name, finding);
  }
  return findings.size === 0 ? undefined : summaryOf(findings, input.namespace);
}

/** One finding for all backends: each by name, but only the number of those that the namespace may not use. */
function summaryOf<R extends BackendFinding['reason']>(
  findings: ReadonlyMap<string, Finding & { readonly reason: R }>,
  namespace: string,
): { readonly reason: R | 'NoValidBackend'; readonly message: string } {
  const named = [...findings].filter(([, { reason }]) => reason !== 'NamespaceNotAllowed');
  const hidden = findings.size - named.length;
  if (named.length === 0) {
    const message = `no storage backend allows namespace ${namespace} (there ${hidden === 1 ? 'is 1' : `are ${hidden}`})`;
    return { reason: commonReason([...findings.values()].map(({ reason }) => reason)), message };
  }
  const sorted = named.toSorted(([left], [right]) => compare(left, right));
  const clauses = sorted.slice(0, maxNamedBackends).map(([name, { message }]) => `${name}: ${message}`);
  if (sorted.length > maxNamedBackends) clauses.push(`and ${sorted.length - maxNamedBackends} more backends`);
  if (hidden > 0) clauses.push(`${hidden} more ${hidden === 1 ? 'does' : 'do'} not allow namespace ${namespace}`);
  return { reason: commonReason(named.map(([, { reason }]) => reason)), message: clauses.join('; ') };
}

function commonReason<R extends string>(reasons: readonly R[]): R | 'NoValidBackend' {
  // What the tenant can fix goes first.
  const required = reasons.find((reason) => reason === 'SecurityServiceRequired');
  if (required !== undefined) return required;
  const [first] = reasons;
  return first !== undefined && reasons.every((reason) => reason === first) ? first : 'NoValidBackend';
}

function placeOnBackend({ backend, subnet }: Candidate, input: PlacementInput): Placement {
  const { network, servers, shareCount } = input;
  const backendName = backend.metadata.name;
  if (subnet === undefined) return { kind: 'backend', backendName };
  const usable = servers.filter((server) => canTakeShare(server, backendName, subnet, input));
  const server = bestServer(usable, shareCount, backend.spec.maxSharesPerShareServer ?? Number.POSITIVE_INFINITY);
  if (server !== undefined) return { kind: 'server', backendName, serverName: server.metadata.name };
  // Existing servers keep the subnet that they were set up with; a new one would be set up with the faulty one.
  const problem = network === undefined ? undefined : subnetProblem(network.spec, servers);
  return problem === undefined
    ? { kind: 'new-server', backendName, subnetName: subnet.name }
    : wait({ reason: problem.reason, message: `share network ${network?.metadata.name}: ${problem.message}` });
}

function canTakeShare(
  { metadata, spec, status }: ShareServer,
  backendName: string,
  subnet: ShareNetworkSubnet,
  { share }: PlacementInput,
): boolean {
  return (
    spec.backendName === backendName &&
    spec.subnetName === subnet.name &&
    spec.shareNetworkName === share.spec.shareNetworkName &&
    metadata.deletionTimestamp === undefined &&
    metadata.annotations?.[paused] !== 'true' &&
    ['active', 'creating'].includes(status?.phase ?? 'creating') &&
    (share.spec.requiredCapabilities?.securityServiceUpdateSupport !== true ||
      spec.securityServiceUpdateSupport === true)
  );
}

function wait(finding: Finding): Placement {
  return { kind: 'wait', ...finding };
}
