import { connect, isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What answers at the addresses of monitors. */
export interface MonitorAddresses {
  /** `mon_host` of those that answer; undefined when none does. */
  readonly monHost: string | undefined;
  /** What is wrong with each of the others, for an administrator. */
  readonly silent: readonly string[];
}

/** Ports of the two versions of the messenger, for a monitor that is given without one. */
const defaultPorts = [3300, 6789];
/** After one has answered, the others get this long. */
const graceMs = 500;

/**
 * Finds out which monitors answer, and in which version of the messenger. librados can guess the version, but where one
 * of its guesses or one of several monitors is silent it does not tell that the others refuse the key, until its time
 * is over.
 *
 * @param monitors `host` or `host:port` each, an IPv6 address in brackets
 */
export async function findMonitors(monitors: readonly string[], timeoutMs: number): Promise<MonitorAddresses> {
  const endpoints = monitors.flatMap(endpointsOf);
  const silent = new Map(endpoints.map(({ name }) => [name, 'no answer']));
  const found: string[] = [];
  const probes = endpoints.map(async ({ name, host, port }) => {
    try {
      found.push(await probe(host, port, timeoutMs));
      silent.delete(name);
    } catch (error) {
      silent.set(name, error instanceof Error ? textOf(error) : String(error));
      throw error;
    }
  });
  const first = Promise.any(probes).then(
    () => delay(graceMs),
    () => {},
  );
  await Promise.race([Promise.allSettled(probes), first]);
  return {
    monHost: found.length === 0 ? undefined : found.join(','),
    silent: [...silent].map(([name, text]) => `${name}: ${text}`),
  };
}

function textOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.message;
}

interface Endpoint {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

function endpointsOf(monitor: string): readonly Endpoint[] {
  const [, bracketed, plain, port] = /^(?:\[(.+)\]|([^:]+))(?::(\d+))?$/.exec(monitor) ?? [];
  const host = bracketed ?? plain ?? monitor;
  const ports = port === undefined ? defaultPorts : [Number(port)];
  return ports.map((port) => ({ name: isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`, host, port }));
}

/** Connects and reads the banner with which every daemon of Ceph begins. @returns the address as in `mon_host` */
async function probe(host: string, port: number, timeoutMs: number): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs);
  const socket = connect({ host, port, signal });
  try {
    return await new Promise((resolve, reject) => {
      let banner = '';
      socket.setEncoding('latin1').on('data', (text: string) => {
        banner += text;
        if (banner.length < 8) return;
        const address = isIPv6(socket.remoteAddress ?? '') ? `[${socket.remoteAddress}]` : socket.remoteAddress;
        if (banner.startsWith('ceph v2\n')) resolve(`v2:${address}:${port}`);
        else if (banner.startsWith('ceph v0')) resolve(`v1:${address}:${port}`);
        else reject(new Error('not a monitor of Ceph'));
      });
      socket.once('error', (error) => reject(signal.aborted ? new Error('no answer') : error));
      socket.once('close', () => reject(new Error('closed the connection')));
    });
  } finally {
    socket.destroy();
  }
}
