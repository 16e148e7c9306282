import { redact } from '../../values/safe-text.ts';
import type { Capabilities } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { ConformanceFixture } from './fixture.ts';
import { newRecording, type Recording, secretsOf } from './recording.ts';
import type { CaseOutcome } from './report.ts';
import { ConformanceSession, SkippedCase } from './session.ts';

/** What became of a case, and what the driver said meanwhile, last last: its log lines, answers and errors without keys. */
export interface CaseRun {
  readonly outcome: CaseOutcome;
  readonly capabilities?: Capabilities;
  readonly said: readonly string[];
}

/** Runs one case in a session of its own; never throws. */
export async function runConformanceCase(
  conformanceCase: ConformanceCase,
  fixture: ConformanceFixture,
): Promise<CaseRun> {
  const recording = newRecording();
  const ended = await runRecorded(conformanceCase, fixture, recording);
  const secrets = secretsOf(fixture, recording);
  return { ...ended, said: recording.texts.map((text) => redact(text, secrets)) };
}

async function runRecorded(
  { name, run }: ConformanceCase,
  fixture: ConformanceFixture,
  recording: Recording,
): Promise<Omit<CaseRun, 'said'>> {
  let session: ConformanceSession;
  try {
    session = await ConformanceSession.open(fixture, recording);
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
