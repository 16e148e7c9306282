import { expect, test } from 'vitest';
import { InProgress } from '../errors.ts';
import { AccessProgress, type BatchProgress } from './access-progress.ts';

/** Work of so many steps of a second each; answers the steps that were done. */
function stepper(): {
  readonly progress: AccessProgress;
  readonly run: (steps: number, operation: { id: string; token?: string }) => Promise<readonly string[]>;
} {
  let now = 0;
  const progress = new AccessProgress(() => now);
  const run = async (steps: number, operation: { id: string; token?: string }): Promise<readonly string[]> => {
    const done: string[] = [];
    const work = async ({ updates }: BatchProgress, isTimeUp: () => boolean): Promise<'done' | 'more'> => {
      for (let step = 0; step < steps; step += 1) {
        if (updates.has(`rule-${step}`)) continue;
        if (isTimeUp()) return 'more';
        now += 1_000;
        updates.set(`rule-${step}`, {});
        done.push(`rule-${step}`);
      }
      return 'done';
    };
    await progress.work('share', { attempt: 1, ...operation }, work).catch((error: unknown) => {
      if (!(error instanceof InProgress)) throw error;
      done.push(error.token);
    });
    return done;
  };
  return { progress, run };
}

test('a batch goes on where the call before left off', async () => {
  const { run } = stepper();
  expect(await run(7, { id: 'a' })).toEqual(['rule-0', 'rule-1', 'rule-2', 'rule-3', 'rule-4', 'rules-5']);
  expect(await run(7, { id: 'a', token: 'rules-5' })).toEqual(['rule-5', 'rule-6']);
});

test('a batch that is done begins anew when it is asked for again', async () => {
  const { run } = stepper();
  await run(2, { id: 'a' });
  expect(await run(2, { id: 'a', token: 'rules-2' })).toEqual(['rule-0', 'rule-1']);
});

test.each([
  ['by another operation in between', async (run: ReturnType<typeof stepper>['run']) => run(1, { id: 'b' })],
  ['by a call without the token', async (run: ReturnType<typeof stepper>['run']) => run(7, { id: 'a' })],
])('a batch begins anew when it was interrupted %s', async (what, interrupt) => {
  const { run } = stepper();
  await run(7, { id: 'a' });
  const first = await interrupt(run);
  expect(first[0]).toBe('rule-0');
  if (what.includes('another')) expect((await run(7, { id: 'a', token: 'rules-5' }))[0]).toBe('rule-0');
});

test('a batch that failed begins anew', async () => {
  const { progress, run } = stepper();
  await run(7, { id: 'a' });
  const failure = new Error('refused');
  const failing = progress.work('share', { id: 'a', token: 'rules-5', attempt: 1 }, () => Promise.reject(failure));
  await expect(failing).rejects.toBe(failure);
  expect((await run(7, { id: 'a', token: 'rules-5' }))[0]).toBe('rule-0');
});
