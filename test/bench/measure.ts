import type { OperatorProcess } from '../integration/operator-process.ts';

/** Reads of an operator's metrics at one moment. */
export interface Reading {
  /** API requests by verb and resource, without events and leases. */
  readonly requests: ReadonlyMap<string, number>;
  /** CPU seconds of the operator process. */
  readonly cpuSeconds: number;
  /** Resident memory in bytes. */
  readonly residentBytes: number;
}

const writeVerbs = new Set(['create', 'update', 'patch', 'delete', 'replace', 'apply']);

/** Reads the operator's metrics. */
export async function read(operator: OperatorProcess): Promise<Reading> {
  const requests = new Map<string, number>();
  let cpuSeconds = 0;
  let residentBytes = 0;
  for (const line of (await operator.metrics()).split('\n')) {
    const request = /^rest_client_resource_requests_total\{(.*)\} (\S+)$/.exec(line);
    if (request !== null) {
      const labels = Object.fromEntries([...(request[1] ?? '').matchAll(/(\w+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
      const key = `${labels.verb ?? ''} ${labels.resource ?? ''}`;
      requests.set(key, (requests.get(key) ?? 0) + Number(request[2]));
    }
    const cpu = /^process_cpu_seconds_total (\S+)$/.exec(line);
    if (cpu !== null) cpuSeconds = Number(cpu[1]);
    const resident = /^process_resident_memory_bytes (\S+)$/.exec(line);
    if (resident !== null) residentBytes = Number(resident[1]);
  }
  return { requests, cpuSeconds, residentBytes };
}

/** What happened between two readings. */
export interface Cost {
  readonly writes: number;
  readonly events: number;
  readonly reads: number;
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  /** `verb resource` with its count, most frequent first. */
  readonly detail: readonly string[];
}

/** Costs between two readings. */
export function between(before: Reading, after: Reading): Cost {
  let writes = 0;
  let events = 0;
  let reads = 0;
  const counts: [string, number][] = [];
  for (const [key, count] of after.requests) {
    const spent = count - (before.requests.get(key) ?? 0);
    if (spent === 0) continue;
    const [verb = '', resource = ''] = key.split(' ');
    if (resource.startsWith('events')) events += spent;
    else if (writeVerbs.has(verb.toLowerCase())) writes += spent;
    else if (verb.toLowerCase() !== 'watch') reads += spent;
    counts.push([key, spent]);
  }
  return {
    writes,
    events,
    reads,
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    residentBytes: after.residentBytes,
    detail: counts.sort((a, b) => b[1] - a[1]).map(([key, count]) => `${count} ${key}`),
  };
}
