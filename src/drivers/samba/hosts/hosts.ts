import type { DriverServer } from '../../driver.ts';
import { DriverError } from '../../errors.ts';
import { notFound } from '../reasons.ts';
import { hostError } from '../ssh/errors.ts';
import type { Host } from './host.ts';
import { hostNameOf } from './identifiers.ts';

/** The file server hosts of a backend. */
export class Hosts {
  readonly #hosts: ReadonlyMap<string, Host>;

  constructor(hosts: readonly Host[]) {
    this.#hosts = new Map(hosts.map((host) => [host.name, host]));
  }

  get all(): readonly Host[] {
    return [...this.#hosts.values()];
  }

  /** undefined when spec.samba has no such host. */
  find(name: string): Host | undefined {
    return this.#hosts.get(name);
  }

  /** The host that has a share server. @throws DriverError when it was never set up, or its host was taken out of spec.samba */
  of({ name, identifier }: Pick<DriverServer, 'name' | 'identifier'>): Host {
    if (identifier === undefined) {
      throw notFound('ShareServerNotFound', `share server ${name} was never set up`);
    }
    const hostName = hostNameOf(identifier);
    const host = this.find(hostName);
    if (host !== undefined) return host;
    const message = `share server ${name} is on host ${hostName}, which spec.samba.hosts does not have`;
    throw hostError('HostNotConfigured', message);
  }

  /** What every host answers to a question, in the order of the spec; for those that gave none, why. */
  async ask<Answer>(question: (host: Host) => Promise<Answer>): Promise<readonly HostAnswer<Answer>[]> {
    return await Promise.all(
      this.all.map(async (host): Promise<HostAnswer<Answer>> => {
        try {
          return { host, answered: true, answer: await question(host) };
        } catch (error) {
          if (!(error instanceof DriverError)) throw error;
          return { host, answered: false, error };
        }
      }),
    );
  }

  close(): void {
    for (const host of this.all) host.close();
  }
}

/** What a host answered, or why it did not. */
export type HostAnswer<Answer> =
  | { readonly host: Host; readonly answered: true; readonly answer: Answer }
  | { readonly host: Host; readonly answered: false; readonly error: DriverError };
