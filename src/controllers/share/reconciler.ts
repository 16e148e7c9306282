import type { Share } from '../../api/v1alpha1/share.ts';
import { isLost, shareLost } from '../driver-calls/ensure-share.ts';
import { Reconciler } from '../reconcile/frame.ts';
import { pause, pauseDeletion } from '../reconcile/pause.ts';
import { requireStoredStatus } from '../reconcile/require-stored-status.ts';
import { done, type Step, stalled } from '../reconcile/step.ts';
import { when } from '../reconcile/when.ts';
import { shareAvailable } from '../status/readiness.ts';
import { creationPhases } from './creation.ts';
import { deletionPhases } from './deletion.ts';
import { resizeToSpec, showRefusedSize } from './resize.ts';
import type { ShareOperator } from './scope.ts';
import { type ShareScope, shareScope } from './scope.ts';
import { ShareMemory } from './share-memory.ts';
import { watchForShares } from './watches.ts';

/** Places, creates, resizes and deletes shares. */
export function shareReconciler(operator: ShareOperator): Reconciler<Share, ShareScope> {
  const memory = new ShareMemory(operator);
  return new Reconciler(operator, {
    name: 'share',
    informer: operator.informers.shares,
    watches: (controller) => watchForShares(operator, controller),
    scope: (pass) => shareScope(pass, memory),
    phases: [
      pause,
      requireStoredStatus,
      when(isToBeCreated, creationPhases),
      showLoss,
      showServerError,
      resizeToSpec,
      showRefusedSize,
      recordAvailable,
    ],
    deletion: [pauseDeletion, ...deletionPhases],
    ready: shareAvailable,
    forget: (share) => memory.forget(share),
  });
}

function isToBeCreated({ share: { status } }: ShareScope): boolean {
  return status?.identifier === undefined || status.operation?.name === 'createShare';
}

function showLoss({ share }: ShareScope): Step {
  return isLost(share) ? stalled(shareLost) : done;
}

function showServerError({ draft, server }: ShareScope): Step {
  if (server?.status?.phase !== 'error') return done;
  draft.set({ phase: 'available' });
  const message = `share server ${server.metadata.name} is in error: ${server.status.lastError?.message ?? ''}`;
  return stalled({ reason: 'ShareServerError', message });
}

function recordAvailable({ draft }: ShareScope): Step {
  draft.set({ phase: 'available', lastError: undefined });
  return done;
}
