/** What is known of a host that could take a new share server. */
export interface HostState {
  readonly name: string;
  /** Free bytes. */
  readonly available: number;
  /** Share servers that it has or is about to have. */
  readonly servers: number;
}

/**
 * The host for a new share server: the one with the most free space for each of its servers, the new one included; of several that
 * are alike, the first by name.
 * @param maxServers that a host may have; undefined: any number
 * @returns undefined when no host may have one more
 */
export function chooseHost(hosts: readonly HostState[], maxServers: number | undefined): HostState | undefined {
  const rated = hosts
    .filter(({ servers }) => maxServers === undefined || servers < maxServers)
    .map((host) => ({ host, space: host.available / (host.servers + 1) }))
    .sort((a, b) => b.space - a.space || (a.host.name < b.host.name ? -1 : 1));
  return rated[0]?.host;
}
