import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { Clock } from '../../runtime/clock.ts';
import { uidOf } from '../driver-requests.ts';

/** What a server of a change may do now. */
export type Turn = 'begin' | 'wait' | 'skip';

/**
 * Gives servers of a change their turn: at most `maxConcurrentServers` at once, none after `maxFailures` failures or an abort.
 * Beginnings are stored in the servers' status; here is kept what this process has begun, so that two servers that ask in the
 * same moment don't both get the last place.
 */
export class ChangePace {
  readonly #begun = new Map<string, Set<string>>();
  readonly #clock: Clock;
  /** When this process began to lead, in whole seconds. */
  #leadsSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Asks for the server's turn; `begin` takes it. */
  turn(
    changeID: string,
    server: ShareServer,
    network: ShareNetwork | undefined,
    siblings: readonly ShareServer[],
  ): Turn {
    const begun = this.#begun.get(changeID) ?? new Set<string>();
    // A beginning that an earlier leader stored means that the driver may have been called: it is gone on with.
    if (begun.has(uidOf(server)) || this.#isInherited(server, changeID)) return 'begin';
    const { maxConcurrentServers, maxFailures } = network?.spec.securityServiceChange ?? {};
    const record = network?.status?.networkChange;
    const failures = siblings.filter(
      ({ status }) => status?.lastNetworkChange?.id === changeID && status.lastNetworkChange.result === 'Failed',
    ).length;
    const aborted = record?.id === changeID && record.aborted === true;
    if (aborted || (maxFailures !== undefined && failures >= maxFailures)) return 'skip';
    if (maxConcurrentServers !== undefined) {
      const running = siblings.filter(
        (sibling) =>
          uidOf(sibling) !== uidOf(server) &&
          sibling.status?.networkChange?.id === changeID &&
          (begun.has(uidOf(sibling)) || this.#isInherited(sibling, changeID)),
      );
      if (running.length >= maxConcurrentServers) return 'wait';
    }
    begun.add(uidOf(server));
    this.#begun.set(changeID, begun);
    return 'begin';
  }

  /** Forgets what was begun of a change that has ended for the server. */
  ended(changeID: string, server: ShareServer): void {
    const begun = this.#begun.get(changeID);
    begun?.delete(uidOf(server));
    if (begun?.size === 0) this.#begun.delete(changeID);
  }

  #isInherited(server: ShareServer, changeID: string): boolean {
    this.#leadsSince ??= Math.floor(this.#clock.now() / 1000) * 1000;
    const operation = server.status?.operation;
    return operation?.id === changeID && Date.parse(operation.startedTime) < this.#leadsSince;
  }
}
