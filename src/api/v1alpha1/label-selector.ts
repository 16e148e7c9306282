/**
 * How namespaces are chosen.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.selector) == (self.from == 'Selector')",
 *   message: "from Selector needs a selector, from All takes none",
 *   fieldPath: ".selector",
 * }]
 */
export interface NamespaceSelection {
  /** `All`: every namespace. `Selector`: the namespaces whose labels match `selector`. */
  readonly from: 'All' | 'Selector';
  /** Label selector over Namespaces; needed with `from: Selector`. */
  readonly selector?: LabelSelector;
}

/** A label selector as Kubernetes knows it: everything in it must hold; an empty one matches everything. */
export interface LabelSelector {
  /**
   * Labels that must have exactly these values.
   *
   * @maxProperties 32
   */
  readonly matchLabels?: Readonly<Record<string, LabelValue>>;
  /**
   * Requirements that must all hold.
   *
   * @maxItems 32
   */
  readonly matchExpressions?: readonly LabelSelectorRequirement[];
}

/**
 * One requirement of a label selector.
 *
 * @x-kubernetes-validations [{
 *   rule: "has(self.values) == (self.operator in ['In', 'NotIn'])",
 *   message: "operators In and NotIn need values, Exists and DoesNotExist take none",
 *   fieldPath: ".values",
 * }]
 */
export interface LabelSelectorRequirement {
  /**
   * The label's key.
   *
   * @maxLength 317
   * @pattern ^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$
   */
  readonly key: string;
  /** How the label's value relates to `values`. */
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * Values for `In` and `NotIn`.
   *
   * @minItems 1
   * @maxItems 64
   */
  readonly values?: readonly LabelValue[];
}

/**
 * Value of a label.
 *
 * @maxLength 63
 * @pattern ^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$
 */
type LabelValue = string;
