import type { CephFSBackendConfig } from '../../drivers/cephfs/config.ts';
import type { NamespaceSelection } from './label-selector.ts';

/** Configuration of a CephFS backend: the driver's, and what the operator ensures before it calls the driver. */
export interface CephFSBackend extends CephFSBackendConfig {
  /**
   * Cephx ids that access rules of other namespaces must not use. Of several entries for one id each adds its namespaces. An id that a
   * rule was granted before stays granted.
   *
   * @maxItems 32
   */
  readonly reservedIDs?: readonly ReservedCephxIDs[];
}

/**
 * Cephx ids, and who may use them.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.ids) || has(self.prefixes)",
 *   message: "needs ids or prefixes",
 * }]
 */
export interface ReservedCephxIDs {
  /**
   * Ids without `client.`, compared to the letter.
   *
   * @minItems 1
   * @maxItems 128
   * @x-kubernetes-list-type set
   */
  readonly ids?: readonly CephxID[];
  /**
   * Beginnings of ids.
   *
   * @minItems 1
   * @maxItems 32
   * @x-kubernetes-list-type set
   */
  readonly prefixes?: readonly CephxID[];
  /** Namespaces whose rules may use them; absent: none, the ids are for the administrators of the Ceph cluster. */
  readonly namespaces?: NamespaceSelection;
}

/**
 * Id of the Ceph cluster, or its beginning, as access rules can name it.
 *
 * @minLength 1
 * @maxLength 64
 * @pattern ^[!-$&-,/-?A-~][ -$&-\-/-~]*$
 * @patternMessage must be printable ASCII characters without "%" and ".", not beginning with "-", "@" or a blank
 */
type CephxID = string;
