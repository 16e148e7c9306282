import type { Reason } from './reasons/reason.ts';

/** An object of this project, or a Secret, as a status refers to it. */
export interface ObjectReference {
  readonly kind: string;
  readonly name: string;
  /** That of the object that refers to it, when absent. */
  readonly namespace?: string;
}

/** What was found of an object, as its conditions and events tell it. */
export interface Finding {
  readonly reason: Reason;
  readonly message: string;
  /** The object that is waited for. */
  readonly subject?: ObjectReference;
}
