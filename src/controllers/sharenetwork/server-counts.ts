import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { Clock } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';
import { done, type Step } from '../reconcile/step.ts';

/** Pause between two writes of the numbers of servers in a change. */
const countPauseMs = 3000;

/** A phase: shows the numbers of share servers and what all of them support. */
export function countServers({ draft, servers }: NetworkScope): Step {
  const inPhase = (phase: string): number => servers.filter(({ status }) => status?.phase === phase).length;
  draft.set({
    shareServers: {
      total: servers.length,
      active: inPhase('active'),
      networkChange: inPhase('network_change'),
      error: inPhase('error'),
    },
    securityServiceUpdateSupport: servers.every(({ spec }) => spec.securityServiceUpdateSupport === true),
  });
  return done;
}

/** Counts servers while they change: with the steps of the change, or once in a while, since each number is a write. */
export class CountsInChange {
  /** When the numbers were last written, by network UID. */
  readonly #countedAt = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns milliseconds until the numbers are due; undefined if they were counted now */
  count(scope: NetworkScope): number | undefined {
    const { network, draft, view } = scope;
    const now = this.#clock.now();
    const countedAt = this.#countedAt.get(uidOf(network));
    const isStep = draft.status.networkChange?.stage !== network.status?.networkChange?.stage;
    if (!isStep && countedAt !== undefined && now - countedAt < countPauseMs) return countedAt + countPauseMs - now;
    this.#countedAt.set(uidOf(network), now);
    // With the marks of this pass.
    countServers({ ...scope, servers: view.serversOf(network.metadata.name) });
    return undefined;
  }

  /** The change has ended, or the network is gone. */
  forget(network: ShareNetwork): void {
    this.#countedAt.delete(uidOf(network));
  }
}
