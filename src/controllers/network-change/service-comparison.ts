import { findPassword } from '../../cluster-state/credentials.ts';
import { sameContent } from '../../network-change/change-plan.ts';
import type { ServiceComparison } from '../../network-change/up-to-date.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { NetworkScope } from './network-scope.ts';

/** Compares what share servers were given with the services as they are now. */
export function comparisonOf({ operator, view }: Pick<NetworkScope, 'operator' | 'view'>): ServiceComparison {
  return {
    saysTheSame: (applied, recorded) => {
      const present = view.service(recorded.name);
      return (
        present !== undefined &&
        applied.name === recorded.name &&
        uidOf(present) === recorded.uid &&
        sameContent(applied, present.spec)
      );
    },
    credentialsDiffer: (applied) => {
      const present = view.service(applied.name);
      if (present === undefined || !(uidOf(present) === applied.uid || sameContent(applied, present.spec)))
        return false;
      const password = findPassword(operator, present);
      // The service itself reports a missing password.
      return password.state === 'usable' && operator.installation.differs(applied.credentialsVersion, password.version);
    },
  };
}
