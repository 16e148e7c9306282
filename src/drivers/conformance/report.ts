import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Capabilities } from '../driver.ts';

/** What became of one case. */
export interface CaseOutcome {
  readonly name: string;
  readonly result: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped. */
  readonly message?: string;
}

/** What the suite found out about a driver. */
export interface ConformanceReport {
  readonly driver: string;
  readonly driverAPIVersion: 1;
  /** RFC 3339. */
  readonly time: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Absent when the driver could not be opened. */
  readonly capabilities?: Capabilities;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cases: readonly CaseOutcome[];
}

/** Sums up the outcomes. */
export function createReport(
  driver: string,
  cases: readonly CaseOutcome[],
  capabilities: Capabilities | undefined,
  versions: Readonly<Record<string, string>>,
): ConformanceReport {
  const count = (wanted: CaseOutcome['result']): number => cases.filter(({ result }) => result === wanted).length;
  return {
    driver,
    driverAPIVersion: 1,
    time: new Date().toISOString(),
    versions: { node: process.version, ...versions },
    ...(capabilities === undefined ? {} : { capabilities }),
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    cases,
  };
}

/** Writes `conformance-<driver>.json` and answers its path. */
export async function writeReport(report: ConformanceReport, directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  const path = join(directory, `conformance-${report.driver.replaceAll(/[^a-z0-9.-]+/gi, '-')}.json`);
  await writeFile(path, `${JSON.stringify(report, undefined, 2)}\n`);
  return path;
}
