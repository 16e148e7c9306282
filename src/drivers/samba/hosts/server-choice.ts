import { z } from 'zod';
import type { CallContext, DriverServer } from '../../driver.ts';
import { InProgress } from '../../errors.ts';
import type { SambaConfig } from '../config.ts';
import { hostError } from '../ssh/errors.ts';
import type { Host } from './host.ts';
import { chooseHost, type HostState } from './host-choice.ts';
import { describeHost, hostProblem } from './host-description.ts';
import type { HostAnswer, Hosts } from './hosts.ts';
import { hostNameOfToken, tokenOf } from './identifiers.ts';

const listSchema = z.object({ servers: z.array(z.object({ id: z.string() })) });

/** The ids of the share servers that a host has. */
async function listServers(host: Host, signal: AbortSignal): Promise<ReadonlySet<string>> {
  const { servers } = await host.call({ verb: 'list', request: {}, schema: listSchema, signal });
  return new Set(servers.map(({ id }) => id));
}

/** Finds the host of a share server, or one for it. */
export class ServerChoice {
  readonly #hosts: Hosts;
  readonly #maxServers: number | undefined;
  /** Hosts that were chosen for servers by this process; until those are there, they count. */
  readonly #chosen = new Map<string, string>();

  constructor(hosts: Hosts, { maxShareServersPerHost }: Pick<SambaConfig, 'maxShareServersPerHost'>) {
    this.#hosts = hosts;
    this.#maxServers = maxShareServersPerHost;
  }

  /**
   * The host that a server is or is to be set up on.
   * @throws InProgress with the choice as its token: it is stored before anything is made, so that no later call of the operation
   * makes the server a second time on another host
   */
  async forSetup(server: DriverServer, { operation, signal }: CallContext): Promise<Host> {
    if (server.identifier !== undefined) return this.#hosts.of(server);
    const chosen = this.#hosts.find(hostNameOfToken(operation.token) ?? '');
    if (chosen !== undefined) return chosen;
    const answers = await this.#hosts.ask(async (host) => {
      const [ids, description] = await Promise.all([listServers(host, signal), describeHost(host, signal)]);
      return { ids, description };
    });
    const states: HostState[] = [];
    for (const { host, ...rest } of answers) {
      if (!rest.answered) continue;
      const { ids, description } = rest.answer;
      if (ids.has(server.id)) return host;
      const awaited = [...this.#chosen].filter(([id, name]) => name === host.name && !ids.has(id)).length;
      const { available } = description.capacity;
      if (hostProblem(description) === undefined) {
        states.push({ name: host.name, available, servers: ids.size + awaited });
      }
    }
    const choice = chooseHost(states, this.#maxServers);
    if (choice === undefined) throw this.#noHost(states, answers);
    this.#chosen.set(server.id, choice.name);
    throw new InProgress({ token: tokenOf(choice.name), pollAfter: 0.1 });
  }

  /**
   * The hosts that have a server, which is none after a set-up that never began.
   * @throws DriverError `Unavailable` when that can't be told, because a host gives no answer
   */
  async whereIs(server: DriverServer, signal: AbortSignal): Promise<readonly Host[]> {
    if (server.identifier !== undefined) return [this.#hosts.of(server)];
    const answers = await this.#hosts.ask((host) => listServers(host, signal));
    return answers.flatMap((answer) => {
      if (!answer.answered) throw answer.error;
      return answer.answer.has(server.id) ? [answer.host] : [];
    });
  }

  /** The server is where it was to be, or is not wanted any more. */
  settled({ id }: Pick<DriverServer, 'id'>): void {
    this.#chosen.delete(id);
  }

  #noHost(states: readonly HostState[], answers: readonly HostAnswer<unknown>[]): Error {
    if (states.length > 0) {
      const message = `every host that answers has ${this.#maxServers} share servers, as many as spec.samba allows`;
      return hostError('HostsFull', message);
    }
    const silent = answers.find((answer) => !answer.answered);
    if (silent !== undefined && !silent.answered) return silent.error;
    return hostError('NoHostFit', 'no host can take a share server: see the Ready condition of the backend');
  }
}
