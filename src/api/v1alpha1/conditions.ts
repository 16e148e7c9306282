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
