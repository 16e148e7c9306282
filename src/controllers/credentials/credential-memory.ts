import type { CredentialRefusals } from './refusals.ts';
import type { CredentialTrials } from './trials.ts';

/** For controllers that pass credentials to drivers: refused ones are not tried again without a request, new ones by one call at a time. */
export interface CredentialMemory {
  readonly refusals: CredentialRefusals;
  readonly trials: CredentialTrials;
}
