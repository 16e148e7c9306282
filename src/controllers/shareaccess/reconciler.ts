import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Manager } from '../../runtime/manager.ts';
import { done, type Phase, requeueAfter, runPhases, type Step } from '../reconcile/step.ts';
import { reportingRefusals } from '../status/report-refusal.ts';
import { applyRules } from './apply-rules.ts';
import { showGranted, showPaused, showProblems } from './findings.ts';
import { ShareMemories } from './memory.ts';
import { reconcileWithoutShare } from './no-share.ts';
import { examinationPauseMs } from './recovery.ts';
import { abandonRules, removeUnknownRules } from './removal.ts';
import type { AccessOperator } from './scope.ts';
import { AccessScope } from './scope.ts';
import { writeAccessSummary } from './share-status.ts';
import { showWaits } from './waiting.ts';
import { watchForShareAccesses } from './watches.ts';

/** How often a Secret that has the name of a rule's Secret is looked for again. */
const secretConflictPauseMs = 300_000;

/** A pass over all rules of one share. */
const phases: readonly Phase<AccessScope>[] = [
  abandonRules,
  showPaused,
  showProblems,
  showGranted,
  removeUnknownRules,
  showWaits,
  applyRules,
  summarize,
  checkSecretConflicts,
  scheduleExamination,
];

/**
 * Applies the access rules of shares. The key of this controller is the Share: its rules are one batch, and one driver call at a
 * time.
 */
export class ShareAccessReconciler {
  readonly #operator: AccessOperator;
  readonly #memories = new ShareMemories();

  constructor(operator: AccessOperator) {
    this.#operator = operator;
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { informers } = this.#operator;
    const controller = manager.controller({
      name: 'shareaccess',
      keyField: 'share',
      workers,
      reconcile: reportingRefusals(this.#operator, 'shareaccess', informers.shares, (context) =>
        this.reconcile(context),
      ),
    });
    watchForShareAccesses(this.#operator, controller, this.#memories);
    return controller;
  }

  /** @param context its key is a Share */
  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    const share = this.#operator.informers.shares.cache.get(context.key);
    if (share === undefined) {
      this.#memories.forget(context.key);
      return await reconcileWithoutShare(this.#operator, context.key);
    }
    const scope = new AccessScope(this.#operator, context, this.#memories.of(share), share);
    const { requeueAfterMs } = await runPhases(scope, phases);
    return { requeueAfterMs };
  }

  /** Number of shares that this process remembers something of. */
  get remembered(): number {
    return this.#memories.size;
  }
}

async function summarize(scope: AccessScope): Promise<Step> {
  await writeAccessSummary(scope);
  return done;
}

/** A Secret without our labels is not watched. */
function checkSecretConflicts({ operator, namespace, share }: AccessScope): Step {
  const rules = namespaceView(operator, namespace).rulesOf(share.metadata.name);
  const hasConflict = rules.some(({ status }) => status?.failure === 'AccessKeySecret');
  return hasConflict ? requeueAfter(secretConflictPauseMs) : done;
}

function scheduleExamination(scope: AccessScope): Step {
  return requeueAfter(examinationPauseMs(scope));
}
