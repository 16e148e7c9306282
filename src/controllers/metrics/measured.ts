import type { OperatorMetrics } from './operator-metrics.ts';

/** For controllers with metrics of their own. */
export interface Measured {
  readonly metrics: OperatorMetrics;
}
