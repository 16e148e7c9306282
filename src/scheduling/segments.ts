import type { AllowedSegment } from '../api/v1alpha1/network-segments.ts';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { namespaceAllowed, segmentAllowed } from './selection.ts';

/** Where segments are judged: a namespace and the backends there are. */
export interface SegmentInput {
  readonly namespace: string;
  readonly namespaceLabels: Readonly<Record<string, string>>;
  readonly backends: readonly StorageBackend[];
}

/** A backend that is going takes nothing new, whatever it allowed. */
function isOpen({ namespaceLabels }: SegmentInput): (backend: StorageBackend) => boolean {
  return ({ metadata, spec }) =>
    metadata.deletionTimestamp === undefined && namespaceAllowed(spec.allowedNamespaces, namespaceLabels);
}

/**
 * Judges the segments of subnets (`SegmentNotAllowed`): of the backends that a namespace may use and that make share servers, one
 * at least must allow each. A backend that was never probed may turn out to make share servers; with none that does, nothing
 * is refused.
 * @returns one sentence that names the first subnet and what the namespace may use, undefined when all are allowed
 */
export function segmentProblem(subnets: readonly ShareNetworkSubnet[], input: SegmentInput): string | undefined {
  const { namespace, namespaceLabels } = input;
  const open = input.backends.filter(isOpen(input));
  const possible = open.filter(({ status }) => status?.capabilities?.driverHandlesShareServers !== false);
  if (!possible.some(({ status }) => status?.capabilities?.driverHandlesShareServers === true)) return undefined;
  const refused = subnets.find(
    (subnet) => !possible.some(({ spec }) => segmentAllowed(subnet, spec.allowedSegments, namespaceLabels)),
  );
  if (refused === undefined) return undefined;
  const allowed = possible.flatMap(({ metadata, spec }) =>
    segmentTexts(spec.allowedSegments, namespaceLabels).map((text) => `${text} (${metadata.name})`),
  );
  return `subnet ${refused.name}: no storage backend lets namespace ${namespace} use ${segmentOf(refused)}; it may use: ${listed(allowed.sort(), '; ') || 'no segment'}`;
}

/** A subnet's segment and network, for a message. */
export function segmentOf({ networkType = 'flat', segmentationID, cidr }: ShareNetworkSubnet): string {
  return `${networkType}${segmentationID === undefined ? '' : ` ${segmentationID}`} with ${cidr}`;
}

/** The segments that a backend lets a namespace use, for a message. Whom else it allows others is not told. */
export function segmentTexts(
  allowedSegments: readonly AllowedSegment[] | undefined,
  namespaceLabels: Readonly<Record<string, string>>,
): readonly string[] {
  if (allowedSegments === undefined) return ['flat'];
  return allowedSegments
    .filter(({ namespaces }) => namespaceAllowed(namespaces, namespaceLabels))
    .map(({ networkType, segmentationIDs, cidrs }) => {
      const ids = segmentationIDs === undefined ? '' : ` ${listed(segmentationIDs)}`;
      return `${networkType}${ids}${cidrs === undefined ? '' : ` in ${listed(cidrs)}`}`;
    });
}

/** The first five and a count. */
function listed(texts: readonly string[], separator = ', '): string {
  const shown = texts.slice(0, 5).join(separator);
  return texts.length > 5 ? `${shown} and ${texts.length - 5} more` : shown;
}
