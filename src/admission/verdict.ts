import { type AdmissionReason, admissionCodes } from '../api/v1alpha1/admission-codes.ts';
import { safeText } from '../values/safe-text.ts';

/** The answer to a write. `code` and `reason` reach the client as they are. */
export type Verdict = { readonly allowed: true; readonly warnings?: readonly string[] } | Refusal;

/** A refused write. */
export interface Refusal {
  readonly allowed: false;
  /** HTTP status. */
  readonly code: 400 | 403 | 404 | 409 | 422;
  /** The condition's reason in the reconciler, where the refusal is not about the request itself. */
  readonly reason: AdmissionReason | 'Invalid' | 'AdmissionProbe';
  /** One line that names the objects and what can be done. */
  readonly message: string;
}

export const allowed: Verdict = { allowed: true };

/** Refuses a write with a message of one bounded line, whatever tenants wrote into it. */
export function refuse(reason: AdmissionReason, message: string): Refusal {
  return { allowed: false, code: admissionCodes[reason], reason, message: safeText(message) };
}
