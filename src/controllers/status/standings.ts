import * as labels from '../../api/v1alpha1/labels.ts';
import type { Standing } from './status-draft.ts';

/** How a paused object stands. */
export const pausedStanding: Standing = {
  state: 'working',
  reason: 'Paused',
  message: `left alone because of the annotation ${labels.paused}; remove it to go on`,
};

/** How a backend stands that answers its probes. */
export const backendAvailable = available('the backend answers');

/** How a network stands whose share servers have what it records. */
export const networkAvailable = available('the network can be used');

/** How a share server stands that serves. */
export const serverAvailable = available('the share server serves');

/** How a share stands that is as wished. */
export const shareAvailable = available('the share can be mounted');

function available(message: string): Standing {
  return { state: 'ready', reason: 'Available', message };
}
