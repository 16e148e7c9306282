import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sharenet-test-run-'));
});

afterEach(() => rm(root, { recursive: true }));

/** Runs test files that use vitest's globals, in a process of its own: vitest does not run inside vitest. */
async function run(
  files: Readonly<Record<string, string>>,
): Promise<{ passed: number; skipped: number; failed: string[] }> {
  const projects = [{ test: { name: 'all', include: ['*.test.ts'], globals: true, hookTimeout: 200 } }];
  await writeFile(join(root, 'vitest.config.mjs'), `export default ${JSON.stringify({ test: { projects } })};`);
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, name), text);
  const script = `
    const { startTests } = await import(${JSON.stringify(join(import.meta.dirname, 'test-run.ts'))});
    const options = { root: ${JSON.stringify(root)}, projects: [], print: () => {} };
    const { passed, skipped, failures } = await startTests(options).outcome;
    const failed = failures.map(({ name, text }) => name + ': ' + text.split('\\n')[0]).sort();
    process.stdout.write('RESULT' + JSON.stringify({ passed, skipped, failed }));
    process.exit(0);`;
  const environment = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], {
    env: Object.fromEntries(environment),
  });
  return JSON.parse(stdout.slice(stdout.indexOf('RESULT') + 'RESULT'.length));
}

test('each way to fail is counted once and named, and what passes or is skipped is distinguished', async () => {
  const result = await run({
    'a.test.ts': `
      test('passes', () => {});
      describe('group', () => { test('fails', () => expect(1).toBe(2)); });
      test.skip('skipped', () => {});
      test.todo('to do');`,
    'hook.test.ts': `describe('hook', () => { beforeAll(() => { throw new Error('broken hook'); }); test('x', () => {}); });`,
    'load.test.ts': `import './missing.ts'; test('x', () => {});`,
    'outside.test.ts': `test('passes', () => { setTimeout(() => { throw new Error('late'); }); return new Promise((r) => setTimeout(r, 50)); });`,
    'exit.test.ts': `test('ends the process', () => { process.kill(process.pid, 'SIGKILL'); return new Promise(() => {}); });`,
  });
  expect(result).toMatchObject({ passed: 2, skipped: 3 });
  expect(result.failed).toEqual([
    'a.test.ts > group > fails: AssertionError: expected 1 to be 2 // Object.is equality',
    expect.stringContaining('an error outside any test: Error: '),
    'an error outside any test: Error: late',
    expect.stringContaining('exit.test.ts'),
    'hook.test.ts > hook: Error: broken hook',
    expect.stringMatching(/^load\.test\.ts: .*missing\.ts/),
  ]);
}, 60_000);

test('a run without tests and a configuration that can not be read are failures', async () => {
  expect((await run({})).failed).toEqual(['tests: there are none']);
  expect((await run({ 'vitest.config.ts': 'throw new Error("wrong");' })).failed).not.toEqual([]);
}, 60_000);
