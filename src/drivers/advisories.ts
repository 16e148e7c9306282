import type { KnownVulnerability } from './driver.ts';

/** A published vulnerability of a storage system's software, in a driver's table. */
export interface Advisory {
  /** For example `CVE-2025-30156`. */
  readonly id: string;
  /** What an attacker gains, in some words. */
  readonly summary: string;
  /** The first fixed version of each release line that has a fix, oldest first. */
  readonly fixedVersions: readonly [string, ...string[]];
  /** The first version that is affected; absent: every version before the fixes. */
  readonly firstVersion?: string;
}

/** How a product numbers its releases. */
export interface Numbering {
  /** Name of the product for people. */
  readonly product: string;
  /** How many numbers name a release line: 1 for Ceph (`19`), 2 for a product whose lines are `4.17`. */
  readonly lineLength: number;
}

/**
 * The advisories that concern what runs.
 * @param running versions such as `16.2.15`, each with where it runs, for people
 */
export function knownVulnerabilities(
  { product, lineLength }: Numbering,
  running: ReadonlyMap<string, readonly string[]>,
  advisories: readonly Advisory[],
): readonly KnownVulnerability[] {
  return advisories.flatMap((advisory) => {
    const affected = [...running].filter(([version]) => isAffected(version, advisory, lineLength));
    if (affected.length === 0) return [];
    const { id, summary, fixedVersions } = advisory;
    const found = affected
      .sort(([left], [right]) => compareVersions(left, right))
      .map(([version, places]) => `${product} ${version} (${places.join(', ')})`);
    return [{ id, summary, found: found.join(', '), fixedVersions }];
  });
}

/** A release line without a fix of its own is affected, unless it is newer than every line that has one. */
function isAffected(version: string, { fixedVersions, firstVersion }: Advisory, lineLength: number): boolean {
  if (firstVersion !== undefined && compareVersions(version, firstVersion) < 0) return false;
  const lineOf = (text: string): string => text.split('.').slice(0, lineLength).join('.');
  const fix = fixedVersions.find((candidate) => lineOf(candidate) === lineOf(version));
  return compareVersions(version, fix ?? fixedVersions.at(-1) ?? '0') < 0;
}

function compareVersions(left: string, right: string): number {
  const [these, those] = [numbersOf(left), numbersOf(right)];
  for (let place = 0; place < Math.max(these.length, those.length); place += 1) {
    const difference = (these[place] ?? 0) - (those[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function numbersOf(version: string): readonly number[] {
  return version.split('.').map((part) => Number.parseInt(part, 10) || 0);
}
