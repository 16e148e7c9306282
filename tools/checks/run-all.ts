/**
 * Runs every check and every test and ends with one line: `N passed, N failed`. Fails when one failed.
 *
 *   node tools/checks/run-all.ts [name...]     only these: names of checks below and of projects in vitest.config.ts
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  cephProblem,
  commandProblem,
  controlPlaneProblem,
  goToolsProblem,
  type Skipped,
  sambaProblem,
} from './command.ts';
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
  'generated parts of the chart': () => commandProblem(process.execPath, ['tools/chart/generate.ts', '--check']),
  'compatible CRDs': () => commandProblem(process.execPath, ['tools/crds/compatibility.ts']),
  'conditions and reasons': () => commandProblem(process.execPath, ['tools/docs/conditions.ts', '--check']),
  'API reference': () => commandProblem(process.execPath, ['tools/docs/api-reference.ts', '--check']),
  'pages of drivers': () => commandProblem(process.execPath, ['tools/docs/driver-pages.ts', '--check']),
  'plain English': () => commandProblem(process.execPath, ['tools/prose/check.ts']),
  'documentation site': () => commandProblem(process.execPath, ['tools/docs/site.ts']),
  'generated alerts': () => commandProblem(process.execPath, ['tools/prometheus/generate.ts', '--check']),
  'dependency direction': async () => (await dependencyProblems(join(root, 'src'))).join('\n') || undefined,
};

/** What tests need before they start, fetched, built or installed where it is missing; each counts as one check. */
const preparations = {
  'programs of the control plane': controlPlaneProblem,
  'tools built with Go': goToolsProblem,
  'packages of Ceph': cephProblem,
  'packages of Samba': sambaProblem,
} as const;
type Preparation = keyof typeof preparations;

/** The projects of vitest.config.ts with what they need. */
const projects: Readonly<Record<string, readonly Preparation[]>> = {
  unit: [],
  kube: ['programs of the control plane'],
  api: ['programs of the control plane'],
  integration: ['programs of the control plane'],
  timed: ['programs of the control plane'],
  delivery: ['programs of the control plane', 'tools built with Go'],
  'e2e-ceph': ['programs of the control plane', 'packages of Ceph'],
  'e2e-samba': ['programs of the control plane', 'packages of Samba'],
};

/**
 * After this long what is still running counts as failed, so that a run always tells how it ended. Programs that have to be built
 * first, once on a machine, are not counted.
 */
const deadlineMilliseconds = 60 * 60_000;

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

/** @returns whether it succeeded */
async function runCheck(name: string, check: () => Promise<string | Skipped | undefined>): Promise<boolean> {
  const startedAt = performance.now();
  const text = await check().catch((error: unknown) => String(error));
  if (typeof text === 'object') {
    checked.push({ passed: 0, skipped: 1, failures: [] });
    print(`skipped  ${name}, and the tests that need it: ${text.skipped}`);
    return false;
  }
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
  const needed = new Set(chosen.flatMap((name) => projects[name] ?? []));
  const selected = Object.entries(checks).filter(([name]) => wanted(name));
  const ready = new Set<Preparation>();
  // The tests wait for builds and installations. The checks go on beside the first of them, which measure nothing.
  const checking = Promise.all(selected.map(([name, check]) => runCheck(name, check)));
  await Promise.all(
    [...needed].map(async (name) => {
      if (await runCheck(name, preparations[name])) ready.add(name);
    }),
  );
  const runnable = chosen.filter((name) => projects[name]?.every((preparation) => ready.has(preparation)));
  if (runnable.length === 0) {
    await checking;
    return;
  }
  setTimeout(() => {
    checked.push({ passed: 0, skipped: 0, failures: [{ name: 'run', text: 'the tests took longer than an hour' }] });
    void end();
  }, deadlineMilliseconds).unref();
  tests = startTests({ root, projects: runnable, print });
  await Promise.all([tests.outcome, checking]);
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

await runEverything();
await end();
