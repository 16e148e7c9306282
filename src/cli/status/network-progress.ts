import type { SecurityServiceChange, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { ageText } from '../output/age.ts';

/** How far a change of security services is, by what its servers say. */
export interface ChangeProgress {
  readonly servers: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly notAttempted: number;
}

/** Counts the servers that take part in the network's present change; undefined when there is none. */
export function changeProgress({ status }: ShareNetwork, servers: readonly ShareServer[]): ChangeProgress | undefined {
  const id = status?.networkChange?.id;
  if (id === undefined) return undefined;
  const results = servers.flatMap(({ status: state }) => {
    if (state?.networkChange?.id === id) return ['running'];
    return state?.lastNetworkChange?.id === id ? [state.lastNetworkChange.result] : [];
  });
  const count = (result: string) => results.filter((found) => found === result).length;
  return {
    servers: results.length,
    succeeded: count('Succeeded'),
    failed: count('Failed'),
    notAttempted: count('NotAttempted'),
  };
}

/** The lines about a network's services and its changes. */
export function networkLines(network: ShareNetwork, servers: readonly ShareServer[], now: number): readonly string[] {
  const lines: string[] = [];
  const { status, spec } = network;
  const recorded = servicesText(status?.securityServices ?? []);
  const wanted = servicesText(spec.securityServices ?? []);
  if (recorded !== '' || wanted !== '') {
    lines.push(`services: ${recorded || 'none'}${recorded === wanted ? '' : `; wanted: ${wanted || 'none'}`}`);
  }
  const change = status?.networkChange;
  const progress = changeProgress(network, servers);
  if (change !== undefined && progress !== undefined) {
    const parts = [
      `change: ${change.stage} for ${ageText(change.startedTime, now)}${change.aborted ? ', aborted' : ''}`,
      changesText(change.changes, change.requestedBy),
      `${progress.succeeded} of ${progress.servers} servers done${unlessNone(progress.failed, 'failed')}${unlessNone(progress.notAttempted, 'not attempted')}`,
    ];
    lines.push(parts.join('; '));
  }
  const last = status?.lastNetworkChange;
  if (last !== undefined) {
    const failed = last.failedServers?.length ? `; failed: ${last.failedServers.join(', ')}` : '';
    const more = (last.failed ?? 0) - (last.failedServers?.length ?? 0);
    lines.push(
      `last change: ${last.result} ${ageText(last.finishedTime, now)} ago; ${changesText(last.changes, last.requestedBy)}` +
        `${failed}${more > 0 ? ` and ${more} more` : ''}${unlessNone(last.notAttempted ?? 0, 'not attempted')}`,
    );
  }
  return lines;
}

/** Security services on one line, by type and name. */
export function servicesText(services: readonly { readonly type: string; readonly name: string }[]): string {
  return services
    .map(({ type, name }) => `${type} ${name}`)
    .sort()
    .join(', ');
}

/** What a change does, and who asked for it, on one line. */
export function changesText(changes: readonly SecurityServiceChange[], requestedBy: string): string {
  const texts = changes.map(({ type, operation, from, to }) => {
    if (operation === 'update' && from !== undefined) return `${type} ${from.name} -> ${to.name}`;
    return `${type} ${to.name} ${operation === 'add' ? 'added' : 'applied again'}`;
  });
  return `${texts.join(', ')} (by ${requestedBy})`;
}

function unlessNone(count: number, what: string): string {
  return count === 0 ? '' : `, ${count} ${what}`;
}
