import type { Message, Time } from './formats.ts';

/** One condition of an object, as the Kubernetes API conventions define it. */
export interface Condition {
  /**
   * Type of the condition in CamelCase.
   *
   * @maxLength 316
   */
  readonly type: string;
  /** Whether the condition holds. */
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * Machine-readable reason in CamelCase.
   *
   * @maxLength 1024
   */
  readonly reason: string;
  /** What it means and what to do. */
  readonly message: Message;
  /** Generation of the spec that the condition was set for. */
  readonly observedGeneration?: number;
  /** When `status` last changed. */
  readonly lastTransitionTime: Time;
}

/**
 * Conditions of an object, one of each type.
 *
 * @maxItems 32
 * @x-kubernetes-list-type map
 * @x-kubernetes-list-map-keys ["type"]
 */
export type Conditions = readonly Condition[];

/** The condition of a type, where an object has it. */
export function findCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether an object matches its spec: its condition Ready is True. */
export function isReady(object: { readonly status?: { readonly conditions?: readonly Condition[] } }): boolean {
  return findCondition(object.status?.conditions, 'Ready')?.status === 'True';
}
