import type { CredentialsRefusal, SecurityService } from '../../api/v1alpha1/security-service.ts';
import { findPassword, type PasswordLookup } from '../../cluster-state/credentials.ts';
import type { ChangeMemory } from '../change-memory/change-memory.ts';
import type { CredentialMemory } from '../credentials/credential-memory.ts';
import type { Operator } from '../operator.ts';
import type { Pass } from '../reconcile/pass.ts';

/** What the controller of SecurityServices works with. */
export type ServiceOperator = Operator & Pick<CredentialMemory, 'refusals'> & Pick<ChangeMemory, 'pendingAssociations'>;

/** What one pass over a SecurityService works with. */
export interface ServiceScope extends Pass<SecurityService, ServiceOperator> {
  readonly service: SecurityService;
  readonly password: PasswordLookup;
  /** A directory's refusal of the present credentials. */
  readonly refusal: CredentialsRefusal | undefined;
}

export function serviceScope(pass: Pass<SecurityService, ServiceOperator>): ServiceScope {
  const { operator, draft } = pass;
  const service = draft.object;
  return {
    ...pass,
    service,
    password: findPassword(operator, service),
    refusal: operator.refusals.ofService(operator, service),
  };
}
