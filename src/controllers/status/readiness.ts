import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';

/** What an object's Ready, Reconciling and Stalled conditions say, in the terms of kstatus. */
export interface Readiness extends Finding {
  /**
   * - `ready`: the object matches its spec.
   * - `working`: under way, or waiting for another object (Reconciling).
   * - `stalled`: nothing more happens until a person changes something (Stalled).
   */
  readonly state: 'ready' | 'working' | 'stalled';
}

/** Readiness of a paused object. */
export const pausedReadiness: Readiness = {
  state: 'working',
  reason: 'Paused',
  message: `reconciliation is paused by the annotation ${labels.paused}; remove it to resume`,
};

/** Readiness of a backend that answers its probes. */
export const backendAvailable = available('the backend answers');

/** Readiness of a network whose share servers have the services that it records. */
export const networkAvailable = available('the network can be used');

/** Readiness of a share server that serves. */
export const serverAvailable = available('the share server serves');

/** Readiness of a share that matches its spec. */
export const shareAvailable = available('the share can be mounted');

function available(message: string): Readiness {
  return { state: 'ready', reason: 'Available', message };
}
