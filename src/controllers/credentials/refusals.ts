import type { CredentialsRefusal, SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { PasswordState } from '../../cluster-state/credentials.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Clock } from '../../runtime/clock.ts';
import { timestamp } from '../../runtime/clock.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { draftOf } from '../status/status-draft.ts';
import { presentCredentials } from './credentials.ts';

/** Reason of what waits because a directory refused the credentials of a security service. */
export const credentialsRefused = 'CredentialsRefused';

const mostLearnt = 1000;

/**
 * Which credentials a directory has refused. A refusal is stored in the status of the SecurityService, so that a restart tries nothing
 * again; what this process has just learnt counts before that.
 */
export class CredentialRefusals {
  readonly #clock: Clock;
  /** By credentials. */
  readonly #learnt = new Map<string, CredentialsRefusal>();
  #onRefused: (service: SecurityService) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Who stores a refusal: called with each service that one was learnt of. */
  onRefused(store: (service: SecurityService) => void): void {
    this.#onRefused = store;
  }

  /** Notes that a directory refused credentials. */
  add(
    service: SecurityService | undefined,
    credentials: string,
    { reason, message }: Pick<CredentialsRefusal, 'reason' | 'message'>,
  ): void {
    if (service === undefined) return;
    this.#learnt.set(credentials, { credentials, reason, message, time: timestamp(this.#clock) });
    // Those that were never stored, because the service changed at once.
    const [oldest] = this.#learnt.keys();
    if (this.#learnt.size > mostLearnt && oldest !== undefined) this.#learnt.delete(oldest);
    this.#onRefused(service);
  }

  /** Why these credentials are not to be tried; undefined when they may be. */
  find(
    { informers }: PasswordState,
    namespace: string,
    credentials: string | undefined,
  ): CredentialsRefusal | undefined {
    if (credentials === undefined) return undefined;
    const [stored] = informers.securityServices.cache.byIndex('byRefusedCredentials', `${namespace}/${credentials}`);
    return this.#learnt.get(credentials) ?? stored?.status?.refusal;
  }

  /** Why the present credentials of one of these services are not to be tried. */
  findAny(state: PasswordState, namespace: string, names: readonly string[]): CredentialsRefusal | undefined {
    const { service } = namespaceView(state, namespace);
    for (const name of names) {
      const present = service(name);
      const refusal = present && this.find(state, namespace, presentCredentials(state, present));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** What is to be stored about a service: the refusal of its present credentials. */
  ofService(state: PasswordState, service: SecurityService): CredentialsRefusal | undefined {
    const credentials = presentCredentials(state, service);
    const learnt = credentials === undefined ? undefined : this.#learnt.get(credentials);
    if (learnt !== undefined) return learnt;
    const { refusal } = service.status ?? {};
    return refusal?.credentials === credentials ? refusal : undefined;
  }

  /**
   * Lets the present credentials of these services be tried again, because a person asked for it. To be called before the request counts
   * as handled.
   * @returns whether they had been refused
   * @throws ApiError with a conflict when a service was changed meanwhile
   */
  async lift(
    state: PasswordState & Pick<Operator, 'client' | 'clock' | 'refusedWrites'>,
    namespace: string,
    names: readonly string[],
  ) {
    const { service } = namespaceView(state, namespace);
    const { securityServices } = state.informers;
    let lifted = false;
    for (const name of names) {
      const present = service(name);
      const credentials = present && presentCredentials(state, present);
      if (credentials === undefined) continue;
      lifted = this.#learnt.delete(credentials) || lifted;
      for (const refused of securityServices.cache.byIndex('byRefusedCredentials', `${namespace}/${credentials}`)) {
        await draftOf(state, securityServices.cache.get(nameOf(refused)) ?? refused)
          .set({ refusal: undefined })
          .write(state.client, securityServices);
        lifted = true;
      }
    }
    return lifted;
  }

  /** The refusal is in the status of its service now. */
  stored({ credentials }: CredentialsRefusal): void {
    this.#learnt.delete(credentials);
  }
}
