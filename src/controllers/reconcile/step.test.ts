import { describe, expect, it } from 'vitest';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { done, type Phase, passOver, requeueAfter, runPhases, type Step, stalled, stop, wait } from './step.ts';

const finding: Finding = { reason: 'ShareServerNotActive', message: 'waits until share server s is active' };

/** Phases that answer with the given steps, and the numbers of those that ran. */
function phasesOf(steps: readonly Step[]) {
  const ran: number[] = [];
  const phases = steps.map(
    (step, index): Phase<undefined> =>
      () => {
        ran.push(index);
        return step;
      },
  );
  return { ran, phases };
}

describe('runPhases', () => {
  it('runs all phases in order while they are done', async () => {
    const { ran, phases } = phasesOf([done, requeueAfter(20), done]);
    expect(await runPhases(undefined, phases)).toEqual({ kind: 'done', requeueAfterMs: 20 });
    expect(ran).toEqual([0, 1, 2]);
  });

  it.each([wait(finding), stalled(finding), stop(), passOver()])('ends the pass with %o', async (last) => {
    const { ran, phases } = phasesOf([done, last, done]);
    expect(await runPhases(undefined, phases)).toEqual(last);
    expect(ran).toEqual([0, 1]);
  });

  it.each([
    [[requeueAfter(30), requeueAfter(10)], 10],
    [[requeueAfter(10), wait(finding, 30)], 10],
    [[requeueAfter(30), stalled(finding, 10)], 10],
    [[requeueAfter(30), stop()], 30],
    [[wait(finding)], undefined],
  ])('requeues after the earliest pause that a phase asks for (%#)', async (steps, expected) => {
    expect((await runPhases(undefined, phasesOf(steps).phases)).requeueAfterMs).toBe(expected);
  });

  it('passes a failure on and runs no further phase', async () => {
    const { ran, phases } = phasesOf([done]);
    const failing = () => Promise.reject(new Error('no answer'));
    await expect(runPhases(undefined, [failing, ...phases])).rejects.toThrow('no answer');
    expect(ran).toEqual([]);
  });
});

describe('wait and stalled', () => {
  it('keep what is waited for, and nothing that is no finding', () => {
    const subject = { kind: 'ShareServer', name: 's' };
    const more = { ...finding, subject, state: 'working' };
    expect(wait(more)).toEqual({ kind: 'wait', finding: { ...finding, subject }, requeueAfterMs: undefined });
    expect(stalled(more)).toEqual({ kind: 'stalled', finding: { ...finding, subject }, requeueAfterMs: undefined });
  });
});
