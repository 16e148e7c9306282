import { isNamespaceTerminating, isNotFound, RefusedWrite } from '../../runtime/api-error.ts';
import type { Reconcile } from '../../runtime/controller.ts';
import type { Informer } from '../../runtime/informer.ts';
import { nameOf, uidOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import type { Operator } from '../operator.ts';
import { writeDriverResult } from './driver-result.ts';
import { namespaceTerminating } from './findings.ts';
import type { Readiness } from './readiness.ts';
import { refusalAdvice } from './refusal-advice.ts';
import { workOf } from './refused-writes.ts';
import { draftOf, latestOf, type ManagedObject, type StatusDraft } from './status-draft.ts';

/** Reason of an object for which the API server refused a write of the operator. */
const writeRefused = 'WriteRefused';

/** Most characters of the API server's sentence: what is to be done about it follows in the same message. */
const maxSentenceLength = 640;

/** Readiness of an object for which the API server refused a write. */
function readinessOfRefusal(refused: RefusedWrite): Readiness {
  if (isNamespaceTerminating(refused)) return { state: 'working', ...namespaceTerminating };
  const { verb, kind, subresource, object } = refused.write;
  const what = `${subresource === undefined ? '' : `the ${subresource} of `}${kind} ${object.name}`;
  const sentence = safeText(refused.explanation ?? `${refused.status} ${refused.reason}`, maxSentenceLength);
  return {
    // A webhook that does not answer may recover without a change of this object.
    state: refused.status >= 500 ? 'working' : 'stalled',
    reason: writeRefused,
    message: `the API server refuses to ${verb} ${what}: ${sentence}. ${refusalAdvice(refused)} The operator tries again every minute.`,
  };
}

/**
 * Shows on an object that the API server refused a write for it: condition and event. Where even that status is refused, the event
 * and the log say it.
 * @param by the work that is repeated; its success takes the condition away
 * @param options `change`: what else the status has to say now; `isDone`: see RefusedWrites.isDone
 */
export async function reportRefusal<T extends ManagedObject>(
  operator: Operator,
  informer: Informer<T>,
  object: T,
  refused: RefusedWrite,
  by: string,
  { isDone = false, change }: { readonly isDone?: boolean; readonly change?: (draft: StatusDraft<T>) => void } = {},
): Promise<void> {
  const readiness = readinessOfRefusal(refused);
  const { reason, message } = readiness;
  if (operator.refusedWrites.note(uidOf(object), by, refused, readiness, isDone) && reason === writeRefused) {
    operator.recorder.event(object, { type: 'Warning', reason, action: 'WriteObject', note: message });
  }
  try {
    await writeDriverResult(operator, informer, latestOf(informer, object), (fresh) => {
      const draft = draftOf(operator, fresh);
      change?.(draft);
      draft.setReadiness(readiness);
      if (fresh.metadata.deletionTimestamp !== undefined) {
        draft.setCondition('DeletionBlocked', 'True', reason, message);
      }
      return draft.write(operator.client, informer);
    });
  } catch (error) {
    if (isNotFound(error)) return;
    operator.driverLogger.warn(
      { err: error, kind: informer.type.kind, ...nameOf(object) },
      'the status of an object could not say that the API server refuses a write for it',
    );
  }
}

/**
 * Wraps the reconcile of a kind: a write that the API server refused becomes a condition of the object, until a pass succeeds. The
 * controller's queue repeats it with a growing pause.
 */
export function reportingRefusals<T extends ManagedObject>(
  operator: Operator,
  controller: string,
  informer: Informer<T>,
  reconcile: Reconcile,
): Reconcile {
  return async (context) => {
    const work = workOf(controller, context.key);
    const since = operator.refusedWrites.tick();
    try {
      const result = await reconcile(context);
      const refused = operator.refusedWrites.reported(work, since);
      // The refusal covered what this pass showed of the object: the next one shows its real state.
      const settled = operator.refusedWrites.settle(work, since);
      if (refused !== undefined) throw operator.refusedWrites.markReported(refused);
      return settled ? { requeueAfterMs: 1 } : result;
    } catch (error) {
      const object = informer.cache.get(context.key);
      if (error instanceof RefusedWrite && object !== undefined && !operator.refusedWrites.isReported(error)) {
        await reportRefusal(operator, informer, object, error, work);
      }
      throw error;
    }
  };
}
