import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { CredentialsRefusal } from '../../api/v1alpha1/security-service.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { CredentialsResult } from '../../drivers/driver.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import type { Operator } from '../operator.ts';
import { credentialsBeingTried } from '../status/findings.ts';
import type { TrialEnd } from './trials.ts';

/** A service with credentials that a call is given. */
export interface GivenCredentials {
  readonly applied: AppliedSecurityService;
  /** Names them; undefined where there are none. */
  readonly credentials: string | undefined;
}

/** What a call that is given credentials is. */
interface CredentialsUse {
  readonly namespace: string;
  /** The same for each call of one operation. */
  readonly holder: string;
  /** Credentials without which the call is not to be made. */
  readonly required: readonly GivenCredentials[];
  /** Credentials without which it can be made; who calls leaves out those that are refused by then. */
  readonly optional?: readonly GivenCredentials[];
  readonly signal: AbortSignal;
  readonly waitMs: number;
  /** Is told what is waited for; undefined: for nothing any more. */
  readonly waiting?: (wait: Finding | undefined) => void;
}

type Said = Pick<CredentialsRefusal, 'reason' | 'message'>;

/** What is said of a refusal that the call itself did not fail for. */
const refusedQuietly: Said = {
  reason: 'CredentialsRefused',
  message: 'the directory refused the user and the password of the security service',
};

/** The call was not made: a directory has refused the same credentials meanwhile. */
export class CredentialsNotTried extends DriverError {
  constructor({ reason, message }: CredentialsRefusal) {
    super({ kind: 'Rejected', reason, message });
  }
}

/**
 * Makes a call that is given credentials when it is its turn to try them, and notes what the directory said. To be called before anything
 * is held that another call needs.
 * @throws CredentialsNotTried; what the call throws; DriverError `Unavailable` when the turn does not come in time
 */
export async function useCredentials<R extends (CredentialsResult & { readonly refusal?: Said }) | undefined>(
  operator: Operator,
  { namespace, holder, required, optional = [], signal, waitMs, waiting }: CredentialsUse,
  call: () => Promise<R>,
): Promise<R> {
  const { refusals, trials } = operator;
  const given = [...required, ...optional];
  const names = [...new Set(given.flatMap(({ credentials }) => credentials ?? []))];
  waiting?.(credentialsBeingTried);
  await trials.begin(names, holder, signal, waitMs);
  waiting?.(undefined);
  let how: TrialEnd = 'unknown';
  const note = (ids: readonly string[], said: Said): void => {
    for (const { applied, credentials } of given) {
      if (credentials === undefined || !ids.includes(applied.uid)) continue;
      const service = namespaceView(operator, namespace).service(applied.name);
      refusals.add(service?.metadata.uid === applied.uid ? service : undefined, credentials, said);
    }
  };
  try {
    for (const { credentials } of required) {
      const refusal = refusals.find(operator, namespace, credentials);
      if (refusal !== undefined) throw new CredentialsNotTried(refusal);
    }
    const result = await call();
    const { refusedCredentials = [], refusal } = result ?? {};
    note(refusedCredentials, refusal ?? refusedQuietly);
    if (refusedCredentials.length === 0) how = 'accepted';
    return result;
  } catch (thrown) {
    if (thrown instanceof InProgress) how = { goesOnMs: thrown.pollAfter * 1000 };
    else if (thrown instanceof DriverError) note(thrown.refusedCredentials, thrown);
    throw thrown;
  } finally {
    trials.end(names, holder, how);
  }
}
