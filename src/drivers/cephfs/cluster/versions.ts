import { z } from 'zod';
import { type Advisory, knownVulnerabilities, type Numbering } from '../../advisories.ts';
import type { KnownVulnerability } from '../../driver.ts';
import type { CommandTarget } from '../rados/commands.ts';
import { type Cluster, parseOutput, runCommand } from './commands.ts';

const mon: CommandTarget = { daemon: 'mon' };
const numbering: Numbering = { product: 'Ceph', lineLength: 1 };

/**
 * Vulnerabilities of Ceph by which a user of one share could reach what belongs to others. Those of object gateways, of the dashboard
 * and of clients are left out: a backend of this driver does not use the first two, and the cluster does not know the third.
 */
export const cephAdvisories: readonly Advisory[] = [
  {
    id: 'CVE-2026-50152',
    summary: 'every cephx user can read the config-key store of the monitors',
    fixedVersions: ['19.2.6', '20.2.4', '21.2.0'],
  },
  {
    id: 'CVE-2025-30156',
    summary: 'a cephx user can forge more rights while keys of type aes are allowed',
    fixedVersions: ['19.2.6', '20.2.4', '21.2.0'],
  },
  {
    id: 'CVE-2022-0670',
    summary: 'users that are authorized on subvolumes can reach other subvolumes',
    fixedVersions: ['15.2.17', '16.2.10', '17.2.2'],
  },
  {
    id: 'CVE-2021-20288',
    summary: 'a cephx user can take over the global id of another client',
    fixedVersions: ['14.2.20', '15.2.11', '16.2.1'],
  },
  {
    id: 'CVE-2020-27781',
    summary: 'keys of other users can be read through subvolumes',
    fixedVersions: ['14.2.16', '15.2.8', '16.2.0'],
  },
];

/** Daemons by version text, by type of daemon. An answer of another form says nothing: the backend can be used all the same. */
const versionsSchema = z.record(z.string(), z.record(z.string(), z.number())).catch({});

/** Vulnerabilities of the daemons that run. @returns undefined where the cluster refuses to say: the backend can be used all the same */
export async function readVulnerabilities(
  cluster: Cluster,
  signal: AbortSignal,
): Promise<readonly KnownVulnerability[] | undefined> {
  const command = { prefix: 'versions' };
  const result = await runCommand(cluster, mon, command, signal);
  if (result.code !== 0) return undefined;
  return knownVulnerabilities(numbering, runningVersions(result.output, command.prefix), cephAdvisories);
}

/** Types of daemons by version. Versions that are not numbers, of a build of one's own, are left out. */
export function runningVersions(output: string, prefix: string): ReadonlyMap<string, readonly string[]> {
  const { overall: _, ...byDaemon } = parseOutput(versionsSchema, output, prefix);
  const running = new Map<string, string[]>();
  for (const [daemon, versions] of Object.entries(byDaemon)) {
    for (const text of Object.keys(versions)) {
      const [, version] = /^ceph version (\d+\.\d+\.\d+)\b/.exec(text) ?? [];
      if (version === undefined) continue;
      running.set(version, [...new Set([...(running.get(version) ?? []), daemon])].sort());
    }
  }
  return running;
}
