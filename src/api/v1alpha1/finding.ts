import type { LabelName, ResourceName } from './formats.ts';
import type { Reason } from './reasons/reason.ts';

/** An object that another one waits for: of this project, or a Secret. */
export interface ObjectReference {
  /**
   * Kind of the object.
   *
   * @maxLength 63
   */
  readonly kind: string;
  /** Name of the object. */
  readonly name: ResourceName;
  /** Namespace of the object; absent: that of the object that refers to it, or none. */
  readonly namespace?: LabelName;
}

/** What was found of an object, as its conditions and events tell it. */
export interface Finding {
  readonly reason: Reason;
  readonly message: string;
  /** The object that is waited for. */
  readonly subject?: ObjectReference;
}
