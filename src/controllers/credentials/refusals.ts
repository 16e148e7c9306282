import type { CredentialsRefusal, SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { PasswordState } from '../../cluster-state/credentials.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { Clock } from '../../runtime/clock.ts';
import { timestamp } from '../../runtime/clock.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import { draftOf } from '../status/status-draft.ts';
import { presentCredentials } from './credentials.ts';

/** Reason of objects that wait because a directory refused the credentials of a security service. */
export const credentialsRefused = 'CredentialsRefused';

const maxUnstored = 1000;

/**
 * The credentials that a directory has refused. A refusal is stored in the status of the SecurityService, so that a restart does not
 * try them again; refusals that are not stored yet are kept here.
 */
export class CredentialRefusals {
  readonly #clock: Clock;
  /** By credentials. */
  readonly #unstored = new Map<string, CredentialsRefusal>();
  #onRefused: (service: SecurityService) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets the function that is called with each service whose credentials were refused; it stores the refusal. */
  onRefused(store: (service: SecurityService) => void): void {
    this.#onRefused = store;
  }

  /** A directory refused credentials. */
  add(
    service: SecurityService | undefined,
    credentials: string,
    { reason, message }: Pick<CredentialsRefusal, 'reason' | 'message'>,
  ): void {
    if (service === undefined) return;
    this.#unstored.set(credentials, { credentials, reason, message, time: timestamp(this.#clock) });
    // A refusal is never stored where the service has changed meanwhile.
    const [oldest] = this.#unstored.keys();
    if (this.#unstored.size > maxUnstored && oldest !== undefined) this.#unstored.delete(oldest);
    this.#onRefused(service);
  }

  /** Why these credentials must not be tried; undefined when they may be. */
  find(
    { informers }: PasswordState,
    namespace: string,
    credentials: string | undefined,
  ): CredentialsRefusal | undefined {
    if (credentials === undefined) return undefined;
    const [stored] = informers.securityServices.cache.byIndex('byRefusedCredentials', `${namespace}/${credentials}`);
    return this.#unstored.get(credentials) ?? stored?.status?.refusal;
  }

  /** Why the present credentials of one of these services must not be tried. */
  findAny(state: PasswordState, namespace: string, names: readonly string[]): CredentialsRefusal | undefined {
    const { service } = namespaceView(state, namespace);
    for (const name of names) {
      const present = service(name);
      const refusal = present && this.find(state, namespace, presentCredentials(state, present));
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** The refusal of a service's present credentials, to be stored in its status. */
  ofService(state: PasswordState, service: SecurityService): CredentialsRefusal | undefined {
    const credentials = presentCredentials(state, service);
    const unstored = credentials === undefined ? undefined : this.#unstored.get(credentials);
    if (unstored !== undefined) return unstored;
    const { refusal } = service.status ?? {};
    return refusal?.credentials === credentials ? refusal : undefined;
  }

  /**
   * Allows another try of the present credentials of these services, because a person requested it. Called before the request is
   * recorded as handled.
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
      lifted = this.#unstored.delete(credentials) || lifted;
      for (const refused of securityServices.cache.byIndex('byRefusedCredentials', `${namespace}/${credentials}`)) {
        await draftOf(state, securityServices.cache.get(nameOf(refused)) ?? refused)
          .set({ refusal: undefined })
          .write(state.client, securityServices);
        lifted = true;
      }
    }
    return lifted;
  }

  /** The refusal is stored in the status of its service. */
  stored({ credentials }: CredentialsRefusal): void {
    this.#unstored.delete(credentials);
  }
}
