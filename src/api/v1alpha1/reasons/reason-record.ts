import type { ConditionType } from '../condition-types.ts';

/** Where a reason is found: on a condition, on an event, or in the answer to a check request. */
export type ReasonPlace = ConditionType | 'event' | 'status.check';

/**
 * What kind of action resolves a problem.
 * - `none`: nothing has to be done.
 * - `wait`: it resolves without anyone's action.
 * - `correct`: the owner of the object corrects, creates or deletes what the message names.
 * - `administrator`: an administrator acts, outside of what a command of the plugin does.
 * - `reapply`: apply the recorded security services of the share network again.
 * - `reconcile`, `reconcileShare`: request a new attempt on the object, or on the share of the rule.
 * - `resume`, `resumeShare`: end the pause of the object, or of the share of the rule.
 * - `abort`: stop the change in progress.
 * - `resetStatus`: an administrator sets the phase to active.
 */
export type RemedyKind =
  | 'none'
  | 'wait'
  | 'correct'
  | 'administrator'
  | 'reapply'
  | 'reconcile'
  | 'reconcileShare'
  | 'resume'
  | 'resumeShare'
  | 'abort'
  | 'resetStatus';

/** What a person does about a reason. */
export interface ReasonRemedy {
  readonly kind: RemedyKind;
  /** A second way, for those who may not take the first. */
  readonly otherKind?: RemedyKind;
  readonly text: string;
}

/** What the documentation and the plugin say about a reason. */
export interface ReasonRecord {
  readonly places: readonly ReasonPlace[];
  readonly meaning: string;
  readonly remedy: ReasonRemedy;
}

/** The reasons of a kind, by name. */
export type ReasonRecords = Readonly<Record<string, ReasonRecord>>;

export const ready = ['Ready'] as const satisfies readonly ReasonPlace[];
export const working = ['Ready', 'Reconciling'] as const satisfies readonly ReasonPlace[];
export const stalled = ['Ready', 'Stalled'] as const satisfies readonly ReasonPlace[];
export const failed = ['Ready', 'Stalled', 'event'] as const satisfies readonly ReasonPlace[];
export const blocked = ['DeletionBlocked'] as const satisfies readonly ReasonPlace[];
export const event = ['event'] as const satisfies readonly ReasonPlace[];

export const nothing: ReasonRemedy = { kind: 'none', text: 'Nothing.' };

/** The remedy of what resolves by itself. */
export const wait: ReasonRemedy = { kind: 'wait', text: 'Nothing: this resolves automatically.' };

/** The remedy of what resolves by itself, with what to do if it does not. */
export function waitOr(text: string): ReasonRemedy {
  return { kind: 'wait', text: `${wait.text} ${text}` };
}
