import type { SecurityServiceSpec } from '../api/v1alpha1/security-service.ts';
import { contains, parseAddress, parseNetwork } from '../values/ip-address.ts';

/** What of a security service decides where its password is sent. */
export type PasswordDestinations = Pick<SecurityServiceSpec, 'type' | 'servers' | 'domain' | 'dnsIPs'>;

/**
 * Names the destinations of a security service that a list of allowed ones does not cover.
 *
 * Destinations are the servers, or without servers the domain. A name means what a DNS server says: the DNS servers of the service
 * count as destinations, too, where an LDAP bind sends the password to what they answer. Active Directory and Kerberos never send
 * the password itself; for them DNS servers count where the list has an address or a network.
 *
 * @param allowed domains, names of servers, addresses and networks; what is none of these covers nothing
 * @returns the destinations that are not covered, as the service spells them; none when the password may be sent
 */
export function uncoveredDestinations(allowed: readonly string[], service: PasswordDestinations): readonly string[] {
  const { names, networks } = parseAllowed(allowed);
  const covers = (destination: string): boolean => {
    const host = hostOf(destination);
    const address = parseAddress(host);
    if (address === undefined) return names.has(normalName(host));
    const { family, value } = address;
    return networks.some((network) => contains(network, { family, first: value, last: value }));
  };
  const { type, servers = [], domain, dnsIPs = [] } = service;
  const uncovered = (servers.length > 0 ? servers : domain === undefined ? [] : [domain]).filter(
    (destination) => !covers(destination),
  );
  const resolvesNames = servers.length === 0 || servers.some((server) => parseAddress(hostOf(server)) === undefined);
  const sendsPassword = type !== 'active_directory' && type !== 'kerberos';
  const dnsCounts = sendsPassword ? resolvesNames : networks.length > 0;
  return dnsCounts ? [...uncovered, ...dnsIPs.filter((address) => !covers(address))] : uncovered;
}

function parseAllowed(entries: readonly string[]) {
  const networks = entries.flatMap((entry) => {
    const address = parseAddress(entry);
    if (address !== undefined) return [{ family: address.family, first: address.value, last: address.value }];
    // One with host bits may be a mistake for a smaller network: it covers nothing.
    const network = parseNetwork(entry);
    return network === undefined || network.hostBits ? [] : [network];
  });
  return { names: new Set(entries.filter(isHostName).map(normalName)), networks };
}

/** The host of `host`, `host:port`, `[address]:port` or a URL of the schemes ldap and ldaps; else the text as it is. */
function hostOf(server: string): string {
  const text = server.replace(/^ldaps?:\/\/([^/]*)\/?$/i, '$1');
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([^:]*):\d+$/.exec(text)?.[1] ?? text;
}

function isHostName(text: string): boolean {
  return /^[a-z0-9_]([-a-z0-9._]*[a-z0-9_.])?$/i.test(text);
}

/** DNS does not tell the case of letters apart, and a name at its root may be written with the root's dot. */
function normalName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}
