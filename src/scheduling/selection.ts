import type { ReservedCephxIDs } from '../api/v1alpha1/cephfs-backend.ts';
import type { LabelSelectorRequirement, NamespaceSelection } from '../api/v1alpha1/label-selector.ts';
import type { AllowedSegment } from '../api/v1alpha1/network-segments.ts';
import type { ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { contains, parseNetwork } from '../values/ip-address.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether a selection of namespaces chooses the one with these labels; no selection chooses all. */
export function namespaceAllowed(selection: NamespaceSelection | undefined, labels: Labels): boolean {
  if (selection === undefined || selection.from === 'All') return true;
  // As in Kubernetes: no selector chooses nothing, an empty one everything.
  if (selection.from !== 'Selector' || selection.selector === undefined) return false;
  const { matchLabels = {}, matchExpressions = [] } = selection.selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((requirement) => meets(requirement, labels))
  );
}

/**
 * Whether a backend lets subnets of a namespace live on their segment. Without a list only flat networks without a
 * segmentation id are allowed.
 */
export function segmentAllowed(
  subnet: ShareNetworkSubnet,
  allowedSegments: readonly AllowedSegment[] | undefined,
  namespaceLabels: Labels,
): boolean {
  const { networkType = 'flat' } = subnet;
  if (allowedSegments === undefined) return networkType === 'flat' && subnet.segmentationID === undefined;
  return allowedSegments.some(
    (segment) =>
      segment.networkType === networkType &&
      idAllowed(subnet.segmentationID, segment.segmentationIDs) &&
      cidrAllowed(subnet.cidr, segment.cidrs) &&
      namespaceAllowed(segment.namespaces, namespaceLabels),
  );
}

/**
 * Which cephx ids a namespace must not use: those that are reserved, unless an entry with the id gives it to the namespace.
 * @returns tells of an id whether it is one of them
 */
export function idsReservedFrom(
  namespaceLabels: Labels,
  reservedIDs: readonly ReservedCephxIDs[],
): (id: string) => boolean {
  const gathered = (isOwn: boolean): { readonly ids: ReadonlySet<string>; readonly prefixes: readonly string[] } => {
    const entries = reservedIDs.filter(
      ({ namespaces }) => (namespaces !== undefined && namespaceAllowed(namespaces, namespaceLabels)) === isOwn,
    );
    return {
      ids: new Set(entries.flatMap(({ ids = [] }) => ids)),
      prefixes: [...new Set(entries.flatMap(({ prefixes = [] }) => prefixes))],
    };
  };
  const [own, others] = [gathered(true), gathered(false)];
  const isIn = ({ ids, prefixes }: typeof own, id: string): boolean =>
    ids.has(id) || prefixes.some((prefix) => id.startsWith(prefix));
  return (id) => isIn(others, id) && !isIn(own, id);
}

function meets({ key, operator, values = [] }: LabelSelectorRequirement, labels: Labels): boolean {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** `labels.constructor` is not a label. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function idAllowed(id: number | undefined, allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true;
  if (id === undefined) return false;
  return allowed.some((text) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(text);
    return match !== null && Number(match[1]) <= id && id <= Number(match[2] ?? match[1]);
  });
}

function cidrAllowed(cidr: string, allowed: readonly string[] | undefined): boolean {
  if (allowed === undefined) return true;
  const network = parseNetwork(cidr);
  return (
    network !== undefined &&
    allowed.some((text) => {
      const outer = parseNetwork(text);
      return outer !== undefined && contains(outer, network);
    })
  );
}
