import { expect, test } from 'vitest';
import { InProgress } from '../errors.ts';
import type { Grant } from './access-plan.ts';
import { AccessProgress, type Batch, type BatchProgress } from './access-progress.ts';

interface Call {
  readonly id: string;
  readonly token?: string;
  readonly isRecovery?: boolean;
  readonly level?: Grant['level'];
  readonly denials?: readonly string[];
}

function grantOf(step: number, level: Grant['level'] = 'rw'): Grant {
  return { ruleID: `rule-${step}`, authID: `id-${step}`, level, downgrade: false };
}

/** Work of so many grants of a second each; answers what was done. */
function stepper(): {
  readonly progress: AccessProgress;
  readonly wait: (ms: number) => void;
  readonly run: (grants: number, call: Call) => Promise<readonly string[]>;
} {
  let now = 0;
  const progress = new AccessProgress(() => now);
  const run = async (grants: number, { isRecovery = false, level, denials = [], ...call }: Call) => {
    const done: string[] = [];
    const work = async (known: BatchProgress, isTimeUp: () => boolean): Promise<'done' | 'more'> => {
      for (const id of denials) {
        if (known.isDenied(id)) continue;
        if (isTimeUp()) return 'more';
        now += 1_000;
        known.noteDenied(id);
        done.push(`not ${id}`);
      }
      for (let step = 0; step < grants; step += 1) {
        const grant = grantOf(step, level);
        if (known.updateOf(grant) !== undefined) continue;
        if (isTimeUp()) return 'more';
        now += 1_000;
        known.noteGranted(grant, { accessKey: `key-${step}` });
        done.push(grant.ruleID);
      }
      return 'done';
    };
    await progress.work(batchOf(call, isRecovery), work).catch((error: unknown) => {
      if (!(error instanceof InProgress)) throw error;
      done.push(error.token);
    });
    return done;
  };
  const wait = (ms: number): void => {
    now += ms;
  };
  return { progress, run, wait };
}

function batchOf(operation: { readonly id: string; readonly token?: string }, isRecovery = false): Batch {
  return { shareID: 'share', operation: { attempt: 1, ...operation }, isRecovery };
}

const firstSlice = ['rule-0', 'rule-1', 'rule-2', 'rule-3', 'rule-4', 'rules-5'];

test('a batch goes on where the call before left off', async () => {
  const { run } = stepper();
  expect(await run(7, { id: 'a' })).toEqual(firstSlice);
  expect(await run(7, { id: 'a', token: 'rules-5' })).toEqual(['rule-5', 'rule-6']);
});

test('a batch that rules come to all the time goes on all the same', async () => {
  const { run } = stepper();
  expect(await run(10, { id: 'a' })).toEqual(firstSlice);
  expect(await run(11, { id: 'b' })).toEqual(['rule-5', 'rule-6', 'rule-7', 'rule-8', 'rule-9', 'rules-10']);
  expect(await run(12, { id: 'c' })).toEqual(['rule-10', 'rule-11']);
});

test('what has changed in a batch meanwhile is done again', async () => {
  const { run } = stepper();
  await run(7, { id: 'a' });
  expect((await run(7, { id: 'b', level: 'r' })).slice(0, 2)).toEqual(['rule-0', 'rule-1']);
  expect((await run(7, { id: 'c', level: 'r', denials: ['id-1'] })).slice(0, 3)).toEqual([
    'not id-1',
    'rule-1',
    'rule-5',
  ]);
});

test('an id that was denied, granted and denied again is denied twice', async () => {
  const { run } = stepper();
  expect((await run(7, { id: 'a', denials: ['id-0'] })).slice(0, 2)).toEqual(['not id-0', 'rule-0']);
  expect(await run(0, { id: 'b', denials: ['id-0'] })).toEqual(['not id-0']);
});

test('a batch that is done begins anew when it is asked for again', async () => {
  const { run } = stepper();
  await run(2, { id: 'a' });
  expect(await run(2, { id: 'a', token: 'rules-2' })).toEqual(['rule-0', 'rule-1']);
});

test.each<[string, Call, Call]>([
  ['a batch that is called without its token', { id: 'a' }, { id: 'a' }],
  ['a recovery after a batch', { id: 'a' }, { id: 'b', isRecovery: true }],
  ['a batch after a recovery', { id: 'a', isRecovery: true }, { id: 'b' }],
])('%s begins anew', async (_, first, second) => {
  const { run } = stepper();
  await run(7, first);
  expect((await run(7, second))[0]).toBe('rule-0');
});

test('a batch begins anew when it was left for long', async () => {
  const { run, wait } = stepper();
  await run(7, { id: 'a' });
  wait(61_000);
  expect((await run(7, { id: 'a', token: 'rules-5' }))[0]).toBe('rule-0');
});

test('a batch that failed begins anew', async () => {
  const { progress, run } = stepper();
  await run(7, { id: 'a' });
  const failure = new Error('refused');
  const failing = progress.work(batchOf({ id: 'a', token: 'rules-5' }), () => Promise.reject(failure));
  await expect(failing).rejects.toBe(failure);
  expect((await run(7, { id: 'a', token: 'rules-5' }))[0]).toBe('rule-0');
});
