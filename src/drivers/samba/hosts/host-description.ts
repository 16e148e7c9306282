import { z } from 'zod';
import { safeText } from '../../../values/safe-text.ts';
import type { Host } from './host.ts';

const bytes = z.number().int().nonnegative();

const hostSchema = z.object({
  programVersion: z.string().max(64),
  sambaVersion: z.string().max(64),
  // The program of an older version does not tell.
  fixedVulnerabilities: z.array(z.string().max(32)).max(1000).default([]),
  capacity: z.object({ total: bytes, available: bytes }),
  problems: z.array(z.string()).default([]),
});

/** What a host says about itself. */
export type HostDescription = z.output<typeof hostSchema>;

/** Asks a host how it is. */
export async function describeHost(host: Host, signal: AbortSignal): Promise<HostDescription> {
  const { interface: device } = host.config;
  return await host.call({ verb: 'describe-host', request: { interface: device }, schema: hostSchema, signal });
}

/** Why a host can't take share servers, in one line; undefined when it can. */
export function hostProblem({ problems }: HostDescription): string | undefined {
  return problems.length === 0 ? undefined : safeText(problems.join('; '));
}
