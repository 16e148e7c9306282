import type { Capabilities } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { ConformanceFixture } from './fixture.ts';
import type { CaseOutcome } from './report.ts';
import { ConformanceSession, SkippedCase } from './session.ts';

/** Runs one case in a session of its own; never throws. */
export async function runConformanceCase(
  { name, run }: ConformanceCase,
  fixture: ConformanceFixture,
): Promise<{ outcome: CaseOutcome; capabilities?: Capabilities }> {
  let session: ConformanceSession;
  try {
    session = await ConformanceSession.open(fixture);
  } catch (error) {
    return { outcome: { name, result: 'failed', message: `the driver could not be opened: ${messageOf(error)}` } };
  }
  const { capabilities } = session;
  const outcome = await run(session).then(
    (): CaseOutcome => ({ name, result: 'passed' }),
    (error: unknown): CaseOutcome => ({
      name,
      result: error instanceof SkippedCase ? 'skipped' : 'failed',
      message: messageOf(error),
    }),
  );
  const problem = await session.end().then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  if (problem === undefined || outcome.result === 'failed') return { outcome, capabilities };
  return {
    outcome: { name, result: 'failed', message: `what the case made could not be removed: ${problem}` },
    capabilities,
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
