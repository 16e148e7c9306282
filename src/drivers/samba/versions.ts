import { type Advisory, knownVulnerabilities, type Numbering } from '../advisories.ts';
import type { KnownVulnerability } from '../driver.ts';

const numbering: Numbering = { product: 'Samba', lineLength: 2 };

/**
 * Vulnerabilities of Samba's file server and domain member. Those of domain controllers, of printing, of SMB1 and of modules and
 * settings that share servers do not have are left out.
 */
export const sambaAdvisories: readonly Advisory[] = [
  {
    id: 'CVE-2026-1933',
    summary: 'users who may only read can change reparse points of files',
    firstVersion: '4.18.0',
    fixedVersions: ['4.22.10', '4.23.8', '4.24.3'],
  },
  {
    id: 'CVE-2023-4091',
    summary: 'users who may only read can truncate files',
    fixedVersions: ['4.17.12', '4.18.8', '4.19.1'],
  },
  {
    id: 'CVE-2023-3961',
    summary: 'clients can connect to sockets of the host as root',
    firstVersion: '4.16.0',
    fixedVersions: ['4.17.12', '4.18.8', '4.19.1'],
  },
  {
    id: 'CVE-2023-3347',
    summary: 'signing is not enforced, so that a third party can alter what is sent',
    firstVersion: '4.17.0',
    fixedVersions: ['4.17.10', '4.18.5'],
  },
  {
    id: 'CVE-2022-2127',
    summary: 'a login can make winbindd read beyond its memory',
    fixedVersions: ['4.16.11', '4.17.10', '4.18.5'],
  },
  {
    id: 'CVE-2022-38023',
    summary: 'the connection to a domain controller uses weak cryptography',
    fixedVersions: ['4.15.13', '4.16.8', '4.17.4'],
  },
  {
    id: 'CVE-2022-3592',
    summary: 'users can follow symbolic links out of a share',
    firstVersion: '4.17.0',
    fixedVersions: ['4.17.2'],
  },
  {
    id: 'CVE-2020-25717',
    summary: 'a user of the domain can become root on the host',
    fixedVersions: ['4.13.14', '4.14.10', '4.15.2'],
  },
  {
    id: 'CVE-2021-20254',
    summary: 'users can reach files by groups that they are not in',
    fixedVersions: ['4.12.15', '4.13.8', '4.14.4'],
  },
];

/** The Samba of a host. */
export interface HostVersion {
  readonly host: string;
  /** Such as `4.17.12`; empty where there is none. */
  readonly sambaVersion: string;
  /** Identifiers that the distribution's package names as fixed. */
  readonly fixedVulnerabilities: readonly string[];
}

/** What the hosts' versions are known to be vulnerable to, without what their packages have fixed. */
export function sambaVulnerabilities(hosts: readonly HostVersion[]): readonly KnownVulnerability[] {
  return sambaAdvisories.flatMap((advisory) => {
    const open = hosts.filter(
      ({ sambaVersion, fixedVulnerabilities }) =>
        /^\d+\.\d+\.\d+$/.test(sambaVersion) && !fixedVulnerabilities.includes(advisory.id),
    );
    const byVersion = Map.groupBy(open, ({ sambaVersion }) => sambaVersion);
    const running = new Map([...byVersion].map(([version, those]) => [version, those.map(({ host }) => host).sort()]));
    return knownVulnerabilities(numbering, running, [advisory]);
  });
}
