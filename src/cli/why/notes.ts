import type { ConditionType } from '../../api/v1alpha1/condition-types.ts';
import type { Condition } from '../../api/v1alpha1/conditions.ts';
import type { ManagedObject } from '../managed-object.ts';

/** Something that a person should know of an object that is not as it should be. */
export interface Note {
  /** Type of the condition; absent where it is none. */
  readonly condition?: string | undefined;
  readonly reason?: string | undefined;
  readonly message: string;
  /** When the condition came to be so. */
  readonly since?: string | undefined;
}

/** Conditions that tell something bad, with the status in which they do, the most telling first. */
const telling: readonly (readonly [ConditionType, Condition['status']])[] = [
  ['Ready', 'False'],
  ['Ready', 'Unknown'],
  ['DeletionBlocked', 'True'],
  ['SecurityServicesUpToDate', 'False'],
  ['InvalidRequestToken', 'True'],
  ['Warning', 'True'],
];

/** What is to be known of an object; nothing where all is well. */
export function notesOf(object: ManagedObject): readonly Note[] {
  const { metadata, status } = object;
  const notes: Note[] = [];
  for (const [type, bad] of telling) {
    const found = status?.conditions?.find((condition) => condition.type === type && condition.status === bad);
    if (found === undefined) continue;
    const { reason, message, lastTransitionTime: since } = found;
    // Two conditions often have one cause.
    if (!notes.some((note) => note.reason === reason && note.message === message)) {
      notes.push({ condition: type, reason, message, since });
    }
  }
  if (metadata.deletionTimestamp !== undefined && !status?.phase?.includes('deleting')) {
    notes.push({ message: 'is being deleted' });
  }
  if ((status?.observedGeneration ?? -1) < (metadata.generation ?? 0)) {
    notes.push({ message: 'the operator has not seen the last change of it yet' });
  }
  return notes;
}

/** The most telling note. */
export function firstNote(object: ManagedObject): Note | undefined {
  return notesOf(object)[0];
}

/** A note on one line. */
export function noteText(note: Note | undefined): string {
  if (note === undefined) return '';
  const { reason, message } = note;
  return reason === undefined || message === '' ? (reason ?? message) : `${reason}: ${message}`;
}
