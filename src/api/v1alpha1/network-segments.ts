import type { CIDR } from './formats.ts';
import type { NamespaceSelection } from './label-selector.ts';

/**
 * Network segments that subnets on this backend may use.
 *
 * @x-kubernetes-validations [{
 *   rule: "self.networkType != 'flat' || !has(self.segmentationIDs)",
 *   message: "a flat network has no segmentation ids",
 *   fieldPath: ".segmentationIDs",
 * }]
 */
export interface AllowedSegment {
  /** Kind of segment. */
  readonly networkType: NetworkType;
  /**
   * Segmentation ids, each a number or an inclusive range `first-last`; absent: any.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly segmentationIDs?: readonly SegmentationIDRange[];
  /**
   * CIDRs that a subnet's `cidr` must lie in; absent: any.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly cidrs?: readonly CIDR[];
  /** Namespaces that may use the segment; absent: all. */
  readonly namespaces?: NamespaceSelection;
}

/**
 * Segmentation id or inclusive range of them.
 *
 * @maxLength 21
 * @x-kubernetes-validations [{
 *   rule: "self.matches('^[0-9]{1,10}(-[0-9]{1,10})?$') \
 *     && int(self.split('-')[0]) >= 1 && int(self.split('-')[0]) <= int(self.split('-')[self.split('-').size() - 1]) \
 *     && int(self.split('-')[self.split('-').size() - 1]) <= 4294967295",
 *   message: "must be a number or first-last, from 1 to 4294967295, first not above last",
 * }]
 */
type SegmentationIDRange = string;

/** Kind of network segment a subnet lives on. */
export type NetworkType = 'flat' | 'vlan' | 'vxlan' | 'gre';
