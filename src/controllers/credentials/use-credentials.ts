import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { CredentialsRefusal } from '../../api/v1alpha1/security-service.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { CredentialsResult } from '../../drivers/driver.ts';
import { DriverError, InProgress } from '../../drivers/errors.ts';
import type { Operator } from '../operator.ts';
import { credentialsBeingTried } from '../status/findings.ts';
import type { CredentialMemory } from './credential-memory.ts';
import type { TrialEnd } from './trials.ts';

/** A service whose credentials a call passes to the driver. */
export interface GivenCredentials {
  readonly applied: AppliedSecurityService;
  /** Their identifier; undefined where there are none. */
  readonly credentials: string | undefined;
}

/** A call that passes credentials to the driver. */
interface CredentialsUse {
  readonly namespace: string;
  /** The same for each call of one operation. */
  readonly holder: string;
  /** Credentials without which the call must not be made. */
  readonly required: readonly GivenCredentials[];
  /** Credentials without which it can be made; the caller leaves out those that were refused meanwhile. */
  readonly optional?: readonly GivenCredentials[];
  readonly signal: AbortSignal;
  readonly waitMs: number;
  /** Called with what is waited for; undefined: nothing any more. */
  readonly waiting?: (wait: Finding | undefined) => void;
}

type RefusalText = Pick<CredentialsRefusal, 'reason' | 'message'>;

/** Text of a refusal that did not fail the call. */
const refusedQuietly: RefusalText = {
  reason: 'CredentialsRefused',
  message: 'the directory refused the user and the password of the security service',
};

/** The call was not made, because a directory refused the same credentials meanwhile. */
export class CredentialsNotTried extends DriverError {
  constructor({ reason, message }: CredentialsRefusal) {
    super({ kind: 'Rejected', reason, message });
  }
}

/**
 * Makes a call that passes credentials when it is its turn to try them, and records whether the directory refused them. Called before
 * anything is locked that another call needs.
 * @throws CredentialsNotTried; what the call throws; DriverError `Unavailable` when the turn does not come in time
 */
export async function useCredentials<R extends (CredentialsResult & { readonly refusal?: RefusalText }) | undefined>(
  operator: Operator & CredentialMemory,
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
  const note = (ids: readonly string[], said: RefusalText): void => {
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
    if (thrown instanceof InProgress) how = { continuesInMs: thrown.pollAfter * 1000 };
    else if (thrown instanceof DriverError) note(thrown.refusedCredentials, thrown);
    throw thrown;
  } finally {
    trials.end(names, holder, how);
  }
}
