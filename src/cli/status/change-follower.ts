import { isReady } from '../../api/v1alpha1/conditions.ts';
import { reapplyRequestedAt } from '../../api/v1alpha1/labels.ts';
import type { LastNetworkChange, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { annotationOf } from '../annotations.ts';
import { firstNote, noteText } from '../why/notes.ts';
import { changeProgress, changesText, servicesText } from './network-progress.ts';

/** Something that happened in a change of security services. */
export interface ChangeEvent {
  readonly kind: 'waiting' | 'begun' | 'stage' | 'aborted' | 'server' | 'ended' | 'idle';
  /** Identifier of the change, where there is one. */
  readonly change?: string;
  /** Name of the ShareServer that it is about. */
  readonly shareServer?: string;
  /** Of the change or of the server. */
  readonly result?: LastNetworkChange['result'] | 'NotAttempted';
  readonly message: string;
}

/** How long a refusal must stand to be taken for the answer, in milliseconds. */
const refusalMs = 5000;

/** What is new, and how it ended where it has. */
export interface Followed {
  readonly events: readonly ChangeEvent[];
  readonly end?: 'good' | 'bad';
}

/** Follows one change of a network, from states of it that come in any order of its objects. */
export class ChangeFollower {
  #change: string | undefined;
  #stage: string | undefined;
  #aborted = false;
  #waiting: string | undefined;
  /** Servers whose result was told. */
  readonly #told = new Set<string>();
  /** What a server was last said to wait for. */
  readonly #delays = new Map<string, string>();
  /** Since when the network is refused what it was asked for, or was when it was asked. */
  #refusedSince: number | undefined;

  /**
   * Takes in a state.
   * @param now milliseconds since the Unix epoch
   * @param fresh whether the servers were read after the network
   */
  next(network: ShareNetwork, servers: readonly ShareServer[], now: number, fresh = false): Followed {
    const { status } = network;
    const change = status?.networkChange;
    const last = status?.lastNetworkChange;
    if (this.#change !== undefined && change?.id !== this.#change) {
      const events = this.#serverEvents(this.#change, servers);
      // The servers' own watch may be behind.
      if (!fresh) return { events };
      return { events: [...events, this.#ended(last)], end: last?.result === 'Succeeded' ? 'good' : 'bad' };
    }
    if (change !== undefined) return { events: this.#progress(network, servers) };
    return this.#idle(network, now);
  }

  /** Whether the change that was followed is over, so that the servers are to be read once more. */
  isOver({ status }: ShareNetwork): boolean {
    return this.#change !== undefined && status?.networkChange?.id !== this.#change;
  }

  #progress(network: ShareNetwork, servers: readonly ShareServer[]): readonly ChangeEvent[] {
    const change = network.status?.networkChange;
    if (change === undefined) return [];
    const { id, stage, changes, requestedBy, aborted = false } = change;
    const events: ChangeEvent[] = [];
    if (this.#change === undefined) {
      this.#change = id;
      events.push({ kind: 'begun', change: id, message: changesText(changes, requestedBy) });
    }
    if (this.#stage !== stage) {
      this.#stage = stage;
      events.push({ kind: 'stage', change: id, message: stage });
    }
    if (aborted && !this.#aborted) {
      this.#aborted = true;
      events.push({ kind: 'aborted', change: id, message: 'servers not yet begun keep their old services' });
    }
    events.push(...this.#serverEvents(id, servers, network));
    const note = firstNote(network);
    if (note?.reason !== 'NetworkChangeInProgress') events.push(...this.#wait(noteText(note), id));
    return events;
  }

  #serverEvents(id: string, servers: readonly ShareServer[], network?: ShareNetwork): readonly ChangeEvent[] {
    const events: ChangeEvent[] = [];
    for (const server of servers) {
      const { name } = server.metadata;
      const about = { kind: 'server', change: id, shareServer: name } as const;
      const { networkChange, lastNetworkChange, lastError } = server.status ?? {};
      if (lastNetworkChange?.id === id && !this.#told.has(name)) {
        this.#told.add(name);
        const { result } = lastNetworkChange;
        const error = result === 'Failed' && lastError ? `${lastError.reason}: ${lastError.message}` : '';
        events.push({ ...about, result, message: error || this.#count(network, servers) });
      } else if (networkChange?.id === id) {
        const note = firstNote(server);
        const delay = note?.reason === 'NetworkChangeInProgress' ? '' : noteText(note);
        if (delay !== '' && this.#delays.get(name) !== delay) {
          this.#delays.set(name, delay);
          events.push({ ...about, message: delay });
        }
      }
    }
    return events;
  }

  #count(network: ShareNetwork | undefined, servers: readonly ShareServer[]): string {
    const progress = network && changeProgress(network, servers);
    if (progress === undefined) return '';
    return `${this.#told.size} of ${progress.servers} servers`;
  }

  #ended(last: LastNetworkChange | undefined): ChangeEvent {
    const change = this.#change ?? '';
    if (last === undefined || last.id !== change) {
      return { kind: 'ended', change, message: 'its record was dropped: an administrator reset the network' };
    }
    const { result, failedServers = [], notAttempted = 0 } = last;
    const seconds = Math.round((Date.parse(last.finishedTime) - Date.parse(last.startedTime)) / 1000);
    const parts = [
      `after ${seconds} s`,
      ...(failedServers.length > 0 ? [`failed: ${failedServers.join(', ')}`] : []),
      ...(notAttempted > 0 ? [`${notAttempted} not attempted`] : []),
    ];
    return { kind: 'ended', change, result, message: parts.join('; ') };
  }

  /** Without a change: one may be about to begin. */
  #idle(network: ShareNetwork, now: number): Followed {
    const note = firstNote(network);
    const text = noteText(note);
    const rest = restOf(network);
    this.#refusedSince = rest === 'refused' ? (this.#refusedSince ?? now) : undefined;
    const settled = rest === 'settled' || (this.#refusedSince !== undefined && now - this.#refusedSince >= refusalMs);
    if (!settled) return { events: this.#wait(text || 'the operator has not looked at it yet', undefined) };
    const last = network.status?.lastNetworkChange;
    const before =
      last === undefined ? '' : `; the last one: ${last.result}, ${changesText(last.changes, last.requestedBy)}`;
    const message = `no change is under way${before}${text === '' ? '' : `; ${text}`}`;
    return { events: [{ kind: 'idle', message }], end: isReady(network) ? 'good' : 'bad' };
  }

  #wait(text: string, change: string | undefined): readonly ChangeEvent[] {
    if (text === '' || text === this.#waiting) return [];
    this.#waiting = text;
    return [{ kind: 'waiting', message: text, ...(change !== undefined && { change }) }];
  }
}

/**
 * Whether nothing begins by itself. `refused`: it is Stalled, and asked for another try; whether it is so because of that try or
 * of what was before, time tells.
 */
function restOf(network: ShareNetwork): 'settled' | 'refused' | 'at work' {
  const { metadata, spec, status } = network;
  const conditionHolds = (type: string): boolean =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') === true;
  if ((status?.observedGeneration ?? -1) < (metadata.generation ?? 0)) return 'at work';
  const token = annotationOf(network, reapplyRequestedAt);
  const isAsked =
    token !== undefined && token !== status?.lastHandledReapplyAt && !conditionHolds('InvalidRequestToken');
  if (conditionHolds('Stalled')) return isAsked ? 'refused' : 'settled';
  if (conditionHolds('Reconciling') || isAsked) return 'at work';
  const isOther = servicesText(spec.securityServices ?? []) !== servicesText(status?.securityServices ?? []);
  return isOther ? 'at work' : 'settled';
}
