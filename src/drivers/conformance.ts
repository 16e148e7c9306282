import { afterAll, describe, test } from 'vitest';
import { safeText } from '../values/safe-text.ts';
import { accessCases } from './conformance/access-cases.ts';
import { accessKeyCases } from './conformance/access-key-cases.ts';
import { capabilityCases } from './conformance/capability-cases.ts';
import type { ConformanceCase } from './conformance/conformance-case.ts';
import type { ConformanceFixture } from './conformance/fixture.ts';
import { interruptionCases } from './conformance/interruption-cases.ts';
import { lateCallCases } from './conformance/late-call-cases.ts';
import { type CaseOutcome, createReport, writeReport } from './conformance/report.ts';
import { type CaseRun, runConformanceCase } from './conformance/run-case.ts';
import { secrecyCases } from './conformance/secrecy-cases.ts';
import { securityServiceCases } from './conformance/security-service-cases.ts';
import { serverCases } from './conformance/server-cases.ts';
import { shareCases } from './conformance/share-cases.ts';
import type { Capabilities } from './driver.ts';

/** Everything that a driver must do, as cases that need no test runner. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...capabilityCases,
  ...serverCases,
  ...shareCases,
  ...accessCases,
  ...accessKeyCases,
  ...secrecyCases,
  ...securityServiceCases,
  ...interruptionCases,
  ...lateCallCases,
];

/** How much of what a driver said is shown when a case fails: lines, and characters of each. */
const shownTexts = 12;
const shownCharacters = 600;

/** Options of {@link describeDriverConformance}. */
export interface ConformanceOptions {
  /** Where the report goes; `reports` in the working directory when absent. */
  readonly reportDirectory?: string;
  /** Time for one case, in milliseconds; 60000 when absent. */
  readonly caseTimeout?: number;
  /** Cases run side by side, as many as the test runner allows: for backends that take long to make things. */
  readonly concurrent?: boolean;
}

/**
 * The vitest suite that every driver passes. Writes `conformance-<name>.json`: capabilities, versions and what became of each
 * case.
 */
export function describeDriverConformance(
  name: string,
  fixture: ConformanceFixture,
  { reportDirectory = 'reports', caseTimeout = 60_000, concurrent = false }: ConformanceOptions = {},
): void {
  describe(`driver conformance: ${name}`, () => {
    const outcomes = new Map<ConformanceCase, CaseOutcome>();
    let capabilities: Capabilities | undefined;
    for (const conformanceCase of conformanceCases) {
      test(conformanceCase.name, { timeout: caseTimeout, concurrent }, async ({ skip }) => {
        const result = await runConformanceCase(conformanceCase, fixture);
        capabilities ??= result.capabilities;
        outcomes.set(conformanceCase, result.outcome);
        if (result.outcome.result === 'failed') throw new Error(failureText(result));
        if (result.outcome.result === 'skipped') skip(result.outcome.message);
      });
    }
    afterAll(async () => {
      const inOrder = conformanceCases.flatMap((conformanceCase) => outcomes.get(conformanceCase) ?? []);
      await writeReport(createReport(name, inOrder, capabilities, fixture.versions ?? {}), reportDirectory);
      await fixture.cleanup?.();
    });
  });
}

/** What an author needs to see: what failed, and what the driver said last. The report has only the first. */
function failureText({ outcome, said }: CaseRun): string {
  const last = said.slice(-shownTexts).map((line) => `  ${safeText(line, shownCharacters)}`);
  return [outcome.message, 'What the driver said last:', ...last].join('\n');
}
