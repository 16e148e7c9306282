import { isIPv6 } from 'node:net';

/** An address before a port or a path, as in `host:/path`: an IPv6 address needs brackets. */
export function hostInPath(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/** Path of a CIFS share. It can't have colons: Windows has a name for IPv6 addresses (MS-SMB2, UNC). */
export function uncPath(address: string, shareName: string): string {
  const host = isIPv6(address) ? `${address.replaceAll(':', '-')}.ipv6-literal.net` : address;
  return `\\\\${host}\\${shareName}`;
}
