/**
 * Runs every check and every test and ends with one line: `N passed, N failed`. Fails when one failed.
 *
 *   node tools/checks/run-all.ts [name...]     only these: names of checks below and of projects in vitest.config.ts
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commandProblem, controlPlaneProblem } from './command.ts';
import { dependencyProblems } from './dependency-direction.ts';
import { addUp, type Outcome, stepLine, summary } from './outcome.ts';
import { startTests, type TestRun } from './test-run.ts';

const root = join(import.meta.dirname, '../..');

/** Each takes a part of a second or some, and counts as one test; undefined is success, else a text for a person. */
const checks: Readonly<Record<string, () => Promise<string | undefined>>> = {
  types: () => commandProblem('tsc', ['-p', '.', '--pretty', 'false']),
  style: () => commandProblem('biome', ['ci', '--colors=off', '.']),
  'dead code': () => commandProblem('knip', ['--no-progress']),
  'generated CRDs': () => commandProblem(process.execPath, ['tools/crds/generate.ts', '--check']),
  'conditions and reasons': () => commandProblem(process.execPath, ['tools/docs/conditions.ts', '--check']),
  'dependency direction': async () => (await dependencyProblems(join(root, 'src'))).join('\n') || undefined,
};

/** The projects of vitest.config.ts, and whether they need a control plane. */
const projects: Readonly<Record<string, boolean>> = { unit: false, kube: true, api: true, integration: true };

/** After this long what is still running counts as failed, so that a run always tells how it ended. */
const deadlineMilliseconds = 38 * 60_000;

const print = (line: string) => process.stdout.write(`${line}\n`);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in checks) && !(name in projects));
if (unknown.length > 0) {
  const known = [...Object.keys(checks), ...Object.keys(projects)];
  console.error(`run-all: unknown: ${unknown.join(', ')}; there are: ${known.join(', ')}`);
  process.exit(2);
}
const wanted = (name: string) => asked.length === 0 || asked.includes(name);

let tests: TestRun | undefined;
const checked: Outcome[] = [];

async function runCheck(name: string, check: () => Promise<string | undefined>): Promise<boolean> {
  const startedAt = performance.now();
  const text = await check().catch((error: unknown) => String(error));
  checked.push({
    passed: text === undefined ? 1 : 0,
    skipped: 0,
    failures: text === undefined ? [] : [{ name, text }],
  });
  print(stepLine(text === undefined, startedAt, name));
  if (text !== undefined) print(text.trimEnd().replace(/^/gm, '    '));
  return text === undefined;
}

async function runEverything(): Promise<void> {
  const chosen = Object.keys(projects).filter(wanted);
  const needControlPlane = chosen.some((name) => projects[name]);
  const selected = Object.entries(checks).filter(([name]) => wanted(name));
  // The checks are small beside a first build of the control plane. The tests wait for it: some measure time.
  const [prepared] = await Promise.all([
    needControlPlane ? runCheck('programs of the control plane', controlPlaneProblem) : true,
    ...selected.map(([name, check]) => runCheck(name, check)),
  ]);
  const runnable = chosen.filter((name) => prepared || !projects[name]);
  if (runnable.length === 0) return;
  tests = startTests({ root, projects: runnable, print });
  await tests.outcome;
}

async function end(): Promise<never> {
  const outcome = addUp([...checked, ...(tests === undefined ? [] : [tests.soFar()])]);
  if (outcome.failures.length > 0) {
    print('\nFailed:');
    for (const { name, text } of outcome.failures) print(`  ${name}: ${text.split('\n', 1)[0]}`);
  }
  const line = summary(outcome);
  await mkdir(join(root, 'reports'), { recursive: true });
  await writeFile(join(root, 'reports/summary.txt'), `${line}\n`);
  print(line);
  process.exit(outcome.failures.length > 0 ? 1 : 0);
}

setTimeout(() => {
  checked.push({ passed: 0, skipped: 0, failures: [{ name: 'run', text: 'took longer than 38 minutes' }] });
  void end();
}, deadlineMilliseconds).unref();
await runEverything();
await end();
