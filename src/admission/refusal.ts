import { isDeepStrictEqual } from 'node:util';
import { type AdmissionReason, admissionCodes } from '../api/v1alpha1/admission-codes.ts';
import { safeText } from '../values/safe-text.ts';
import type { Verdict } from './verdict.ts';

/** A refused write. */
export type Refusal = Extract<Verdict, { allowed: false }>;

/** A refusal whose message is one bounded line, whatever tenants wrote into it. */
export function refusedWith(reason: AdmissionReason, message: string): Refusal {
  return { allowed: false, code: admissionCodes[reason], reason, message: safeText(message) };
}

/** Whether a write says anything new: an object whose spec stays is never refused, whatever became of the world since. */
export function specChanges(write: {
  readonly object: { readonly spec: unknown };
  readonly oldObject?: { readonly spec: unknown };
}): boolean {
  return write.oldObject === undefined || !isDeepStrictEqual(write.object.spec, write.oldObject.spec);
}
