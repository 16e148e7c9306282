import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { SerializedError } from 'vitest';
import { type Reporter, startVitest, type TestModule } from 'vitest/node';
import { addUp, type Failure, type Outcome, stepLine } from './outcome.ts';

interface TestRunOptions {
  /** The folder of the vitest configuration. */
  readonly root: string;
  /** Names of projects; all when empty. */
  readonly projects: readonly string[];
  /** Gets a line for each test file that has ended, and the failures in it. */
  readonly print: (line: string) => void;
}

/** A run of the tests that is under way. */
export interface TestRun {
  /** Never rejects: what keeps vitest from running is a failure among the others. */
  readonly outcome: Promise<Outcome>;
  /** What is known so far; each test file that is still running counts as one failure. */
  readonly soFar: () => Outcome;
}

/**
 * Runs the tests in this process's workers. A test file that can't be loaded, a hook that fails, an error outside any
 * test, a test that never ended and a run without tests each count as one failure, so that no trouble passes as success.
 */
export function startTests({ root, projects, print }: TestRunOptions): TestRun {
  const started = new Map<TestModule, number>();
  const ended: Outcome[] = [];
  const failAtOnce = (name: string, text: string) => {
    ended.push({ passed: 0, skipped: 0, failures: [{ name, text }] });
    print(`FAILED ${name}\n${indent(text)}`);
  };
  const reporter: Reporter = {
    onTestModuleStart(module) {
      started.set(module, performance.now());
    },
    onTestModuleEnd(module) {
      const startedAt = started.get(module) ?? performance.now();
      started.delete(module);
      const outcome = outcomeOf(module, root);
      ended.push(outcome);
      const { failures } = outcome;
      const counts = `${outcome.passed} passed${failures.length > 0 ? `, ${failures.length} failed` : ''}`;
      print(stepLine(failures.length === 0, startedAt, `${relative(root, module.moduleId)} (${counts})`));
      for (const { name, text } of failures) print(`  ${name}\n${indent(text)}`);
    },
    onTestRunEnd(modules, unhandledErrors) {
      for (const module of modules.filter((module) => ['pending', 'queued'].includes(module.state()))) {
        failAtOnce(relative(root, module.moduleId), 'did not end');
      }
      for (const error of unhandledErrors) failAtOnce('an error outside any test', describe(error, root));
      if (modules.length === 0) failAtOnce('tests', 'there are none');
    },
  };
  const run = async () => {
    try {
      const options = { root, project: [...projects], watch: false, reporters: [reporter] };
      const vitest = await startVitest([], options);
      await vitest.close();
      if (ended.length === 0) failAtOnce('tests', 'there are none');
    } catch (error) {
      failAtOnce('vitest', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return addUp(ended);
  };
  const soFar = () => {
    const failures = [...started.keys()].map(({ moduleId }) => ({
      name: relative(root, moduleId),
      text: 'was still running',
    }));
    return addUp([...ended, { passed: 0, skipped: 0, failures }]);
  };
  return { outcome: run(), soFar };
}

function outcomeOf(module: TestModule, root: string): Outcome {
  const file = relative(root, module.moduleId);
  let passed = 0;
  let skipped = 0;
  const failures: Failure[] = [];
  const fail = (name: string, errors: readonly SerializedError[]) =>
    failures.push({ name, text: errors.map((error) => describe(error, root)).join('\n') });
  if (module.errors().length > 0) fail(file, module.errors());
  for (const suite of module.children.allSuites()) {
    if (suite.errors().length > 0) fail(`${file} > ${suite.fullName}`, suite.errors());
  }
  for (const test of module.children.allTests()) {
    const name = `${file} > ${test.fullName}`;
    const result = test.result();
    if (result.state === 'passed') passed += 1;
    else if (result.state === 'skipped') skipped += 1;
    else if (result.state === 'failed') fail(name, result.errors);
    else failures.push({ name, text: 'did not end' });
  }
  return { passed, skipped, failures };
}

/** The message, the difference if it tells one, and the first place that is ours. */
function describe(error: SerializedError, root: string): string {
  const place = error.stacks?.find(({ file }) => !file.includes('/node_modules/'));
  const text = [
    `${error.name ?? 'Error'}: ${error.message}`,
    typeof error.diff === 'string' ? error.diff : '',
    place === undefined ? (error.stack ?? '') : `at ${relative(root, place.file)}:${place.line}`,
  ]
    .filter((part) => part !== '')
    .join('\n');
  return stripVTControlCharacters(text);
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
