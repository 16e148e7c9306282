import { BlockList } from 'node:net';
import type { Rendered } from './rendered.ts';

/** One end of a connection that is not the operator: an address outside of the cluster's Pods, or a Pod by its namespace's labels. */
export type Peer = { readonly address: string } | { readonly namespaceLabels: Readonly<Record<string, string>> };

/** A connection from or to the operator's Pod. */
export interface Connection {
  readonly direction: 'Ingress' | 'Egress';
  readonly peer: Peer;
  /** Of the side that listens. */
  readonly port: number;
  readonly protocol?: 'TCP' | 'UDP';
}

type Policy = Rendered<'NetworkPolicy'>;

/**
 * Whether network policies let a connection pass, by the rules of Kubernetes: a Pod that no policy of a direction selects is open in
 * it, else what any of them lists passes.
 */
export function passes(
  policies: readonly Policy[],
  podLabels: Readonly<Record<string, string>>,
  connection: Connection,
): boolean {
  const selecting = policies.filter(
    ({ spec }) => spec.policyTypes.includes(connection.direction) && matches(spec.podSelector.matchLabels, podLabels),
  );
  return selecting.length === 0 || selecting.some((policy) => lists(policy, connection));
}

/** Whether labels satisfy a selector. */
export function matches(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  return Object.entries(selector).every(([name, value]) => labels?.[name] === value);
}

function lists({ spec }: Policy, { direction, peer, port, protocol = 'TCP' }: Connection): boolean {
  const rules =
    direction === 'Ingress'
      ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  return rules.some(
    ({ peers, ports }) =>
      (peers?.some((listed) => isPeer(listed, peer)) ?? true) &&
      (ports?.some((listed) => {
        const last = listed.endPort ?? listed.port;
        return listed.protocol === protocol && listed.port <= port && port <= last;
      }) ??
        true),
  );
}

type ListedPeer = NonNullable<NonNullable<Policy['spec']['ingress']>[number]['from']>[number];

function isPeer(listed: ListedPeer, peer: Peer): boolean {
  if ('namespaceSelector' in listed) {
    return 'namespaceLabels' in peer && matches(listed.namespaceSelector.matchLabels, peer.namespaceLabels);
  }
  if (!('address' in peer)) return false;
  const [network = '', bits] = listed.ipBlock.cidr.split('/');
  const block = new BlockList();
  block.addSubnet(network, Number(bits), 'ipv4');
  return block.check(peer.address, 'ipv4');
}
