import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { uidOf } from '../../runtime/kube-object.ts';

/** What a server of a change may do now. */
export type Turn = 'begin' | 'wait' | 'skip';

/**
 * - `stored`: its beginning is stored, its turn has not come.
 * - `chosen`: its turn has come, the driver was not called.
 * - `called`: the driver was, or may have been, called.
 */
type Progress = 'stored' | 'chosen' | 'called';

/**
 * Gives servers of a change their turn: at most `maxConcurrentServers` at once, none after `maxFailures` failures or an abort.
 * Beginnings are stored in the servers' status. Here is kept what this process did, so that two servers that ask in the same
 * moment don't both get the last slot, and to distinguish a beginning that an earlier leader stored from its own: with that
 * leader's the driver may have been called.
 */
export class ChangeRollout {
  readonly #steps = new Map<string, Map<string, Progress>>();

  /** Notes that this process stored the beginning of a server whose turn has not come. */
  stored(changeID: string, server: ShareServer): void {
    const steps = this.#of(changeID);
    if (!steps.has(uidOf(server))) steps.set(uidOf(server), 'stored');
  }

  /** Asks for the server's turn; `begin` takes it. */
  turn(
    changeID: string,
    server: ShareServer,
    network: ShareNetwork | undefined,
    siblings: readonly ShareServer[],
  ): Turn {
    const steps = this.#of(changeID);
    const step = steps.get(uidOf(server));
    if (step === 'called') return 'begin';
    if (step === undefined && hasBegun(server, changeID)) {
      steps.set(uidOf(server), 'called');
      return 'begin';
    }
    if (hasStopped(changeID, network, siblings)) return 'skip';
    if (step === 'chosen') return 'begin';
    const { maxConcurrentServers } = network?.spec.securityServiceChange ?? {};
    if (maxConcurrentServers !== undefined) {
      const running = siblings.filter((sibling) => {
        if (uidOf(sibling) === uidOf(server) || sibling.status?.networkChange?.id !== changeID) return false;
        const other = steps.get(uidOf(sibling));
        return other === undefined ? hasBegun(sibling, changeID) : other !== 'stored';
      });
      if (running.length >= maxConcurrentServers) return 'wait';
    }
    steps.set(uidOf(server), 'chosen');
    return 'begin';
  }

  /** Asks once more when the call can begin: while it was queued the change may have been stopped. */
  call(
    changeID: string,
    server: ShareServer,
    network: ShareNetwork | undefined,
    siblings: readonly ShareServer[],
  ): 'begin' | 'skip' {
    const steps = this.#of(changeID);
    if (steps.get(uidOf(server)) !== 'called' && hasStopped(changeID, network, siblings)) return 'skip';
    steps.set(uidOf(server), 'called');
    return 'begin';
  }

  /** Whether the driver was, or may have been, called for the server. */
  isCalled(changeID: string, server: ShareServer): boolean {
    return this.#steps.get(changeID)?.get(uidOf(server)) === 'called';
  }

  /** Forgets a change that has ended for the server. */
  ended(changeID: string, server: ShareServer): void {
    const steps = this.#steps.get(changeID);
    steps?.delete(uidOf(server));
    if (steps?.size === 0) this.#steps.delete(changeID);
  }

  /** Forgets a server that is gone. */
  forget(server: ShareServer): void {
    for (const changeID of [...this.#steps.keys()]) this.ended(changeID, server);
  }

  #of(changeID: string): Map<string, Progress> {
    const present = this.#steps.get(changeID);
    if (present !== undefined) return present;
    const made = new Map<string, Progress>();
    this.#steps.set(changeID, made);
    return made;
  }
}

function hasBegun({ status }: ShareServer, changeID: string): boolean {
  return status?.operation?.id === changeID;
}

function hasStopped(changeID: string, network: ShareNetwork | undefined, siblings: readonly ShareServer[]): boolean {
  const record = network?.status?.networkChange;
  if (record?.id === changeID && record.aborted === true) return true;
  const { maxFailures } = network?.spec.securityServiceChange ?? {};
  const failures = siblings.filter(
    ({ status }) => status?.lastNetworkChange?.id === changeID && status.lastNetworkChange.result === 'Failed',
  ).length;
  return maxFailures !== undefined && failures >= maxFailures;
}
