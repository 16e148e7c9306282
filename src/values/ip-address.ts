import { isIPv4, isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** An IP address as a number, so that ranges of either family compare and count alike. */
export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

/** A run of addresses, both ends included. */
export interface AddressRange {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
}

/** A network in CIDR notation. */
export interface Network extends AddressRange {
  readonly prefixLength: number;
  /** Whether the address has bits beyond the prefix, as in `10.0.0.1/24`; `first` and `last` are the network's all the same. */
  readonly hostBits: boolean;
}

/**
 * Reads an IPv4 or IPv6 address, strictly: no leading zeros (some systems read `010` as eight), no zone, no IPv4-mapped IPv6
 * address (it would be a second spelling of an IPv4 address).
 * @returns undefined when the text is not such an address
 */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: numberOf(ipaddr.IPv4.parse(text).toByteArray()) };
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const address = ipaddr.IPv6.parse(text);
  return address.isIPv4MappedAddress() ? undefined : { family: 6, value: numberOf(address.toByteArray()) };
}

/**
 * Reads a network as `address/prefix length`, with the strictness of {@link parseAddress}.
 * @returns undefined when the text is not such a network
 */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? undefined : parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  if (address === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const width = widthOf(address.family);
  const prefixLength = Number(length);
  if (prefixLength > width) return undefined;
  const size = 1n << BigInt(width - prefixLength);
  const first = address.value - (address.value % size);
  return {
    family: address.family,
    first,
    last: first + size - 1n,
    prefixLength,
    hostBits: first !== address.value,
  };
}

/**
 * Reads a range as `first-last` or as a network without host bits. The order of the ends is not judged.
 * @returns undefined when the text is neither
 */
export function parseRange(text: string): AddressRange | undefined {
  const [start = '', end, ...rest] = text.split('-');
  if (end === undefined) {
    const network = parseNetwork(text);
    return network === undefined || network.hostBits ? undefined : network;
  }
  const first = parseAddress(start);
  const last = parseAddress(end);
  if (first === undefined || last === undefined || rest.length > 0 || first.family !== last.family) return undefined;
  return { family: first.family, first: first.value, last: last.value };
}

/** Writes an address in the one canonical spelling (RFC 5952 for IPv6). */
export function formatAddress({ family, value }: Address): string {
  const bytes: number[] = [];
  for (let shift = BigInt(widthOf(family) - 8); shift >= 0n; shift -= 8n) bytes.push(Number((value >> shift) & 0xffn));
  return ipaddr.fromByteArray(bytes).toString();
}

/** Whether `inner` lies in `outer` as a whole. */
export function contains(outer: AddressRange, inner: AddressRange): boolean {
  return outer.family === inner.family && outer.first <= inner.first && inner.last <= outer.last;
}

/** Whether the ranges share an address. */
export function overlap(left: AddressRange, right: AddressRange): boolean {
  return left.family === right.family && left.first <= right.last && right.first <= left.last;
}

function widthOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function numberOf(bytes: readonly number[]): bigint {
  return bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n);
}
