import type { CredentialsRefusal, SecurityService } from '../../api/v1alpha1/security-service.ts';
import { findPassword, type PasswordLookup } from '../../cluster-state/credentials.ts';
import type { Pass } from '../reconcile/pass.ts';

/** What one pass over a SecurityService works with. */
export interface ServiceScope extends Pass<SecurityService> {
  readonly service: SecurityService;
  readonly password: PasswordLookup;
  /** A directory's refusal of the present credentials. */
  readonly refusal: CredentialsRefusal | undefined;
}

export function serviceScope(pass: Pass<SecurityService>): ServiceScope {
  const { operator, draft } = pass;
  const service = draft.object;
  return {
    ...pass,
    service,
    password: findPassword(operator, service),
    refusal: operator.refusals.ofService(operator, service),
  };
}
