/** The monitors that a text names, or what is wrong with it in words that follow the text. */
export type MonitorList =
  | { readonly ok: true; readonly monitors: readonly string[] }
  | { readonly ok: false; readonly problem: string };

interface Address {
  /** An IPv6 address with its brackets. */
  readonly host: string;
  /** Absent: both default ports. */
  readonly port: string | undefined;
}

const examples =
  '192.0.2.1, 192.0.2.1:6789, mon-a.example:3300, [2001:db8::1] or [v2:192.0.2.1:3300,v1:192.0.2.1:6789]';
const defaultPorts = { v1: '6789', v2: '3300' } as const;

/**
 * Reads monitors in the spellings that people have at hand: a host with or without a port, with the version of the messenger in front
 * (`v2:192.0.2.1:3300/0`, as `ceph mon dump` prints it), several of those in brackets, and lists as in `mon_host` of a ceph.conf.
 * @returns `host` or `host:port` each, every one once. A host with both default ports is named without them
 */
export function readMonitors(text: string): MonitorList {
  const list = text.replace(/^\s*mon[ _]host\s*=/, '').trim();
  const addresses: Address[] = [];
  for (const part of list.split(/[\s,;]+/).flatMap(withoutGroup)) {
    if (part === '') continue;
    const address = readAddress(part);
    if (typeof address === 'string') return { ok: false, problem: address };
    addresses.push(address);
  }
  if (addresses.length === 0) return { ok: false, problem: `names no monitor; write for example ${examples}` };
  return { ok: true, monitors: namesOf(addresses) };
}

/** Takes off the brackets around a group of addresses; those of an IPv6 address stay. */
function withoutGroup(part: string): readonly string[] {
  const opened = /^\[(?=v[12]:)/.test(part) ? part.slice(1) : part;
  const isIPv6Only = /^(?:v[12]:)?\[[^\]]*\](?::\d+)?(?:\/\d+)?$/.test(opened);
  return [!isIPv6Only && opened.endsWith(']') ? opened.slice(0, -1) : opened];
}

/** @returns the problem where it is none */
function readAddress(part: string): Address | string {
  const match =
    /^(?:(v[12]):)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?)(?::(\d+))?(?:\/\d+)?$/.exec(part);
  if (match === null) return problemOf(part);
  const [, version, host = '', given] = match;
  const port = given ?? (version === 'v1' || version === 'v2' ? defaultPorts[version] : undefined);
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    return `has port ${port}; ports are 1 to 65535`;
  return { host, port };
}

function problemOf(part: string): string {
  if (/^[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$/.test(part))
    return `has an IPv6 address without brackets: write [${part}]`;
  if (/^[^/]*:\/(?!\/)/.test(part)) return 'has a path: name the monitor alone, paths are found by the operator';
  return `is not a monitor or a list of monitors; write for example ${examples}`;
}

function namesOf(addresses: readonly Address[]): readonly string[] {
  const usual: readonly string[] = Object.values(defaultPorts);
  return [...Map.groupBy(addresses, ({ host }) => host)].flatMap(([host, those]) => {
    const ports = new Set(those.flatMap(({ port }) => port ?? usual));
    const hasUsual = usual.every((port) => ports.has(port));
    const others = [...ports].filter((port) => !hasUsual || !usual.includes(port));
    return [...(hasUsual ? [host] : []), ...others.map((port) => `${host}:${port}`)];
  });
}
