import { expect, it } from 'vitest';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import { BackendCircuits, CallsSuspended } from './backend-circuits.ts';

const never = new AbortController().signal;

it('a failed call asks for a probe and opens nothing; one that is open is not suspected again', () => {
  const circuits = new BackendCircuits(new ManualClock());
  const probed: string[] = [];
  circuits.onSuspicion((name) => probed.push(name));
  circuits.suspect('a');
  expect(() => circuits.check('a')).not.toThrow();
  circuits.open('a');
  circuits.suspect('a');
  expect(probed).toEqual(['a']);
});

it('a circuit that opens ends the waits of its backend alone, and closes for later calls', () => {
  const circuits = new BackendCircuits(new ManualClock());
  const [waits, others] = [circuits.whenOpened('a'), circuits.whenOpened('b')];
  circuits.open('a');
  expect(waits.reason).toBeInstanceOf(CallsSuspended);
  expect(others.aborted).toBe(false);
  expect(() => circuits.check('a')).toThrow('backend a does not answer');
  circuits.close('a');
  expect(() => circuits.check('a')).not.toThrow();
  expect(circuits.whenOpened('a').aborted).toBe(false);
});

it('what takes nothing away waits for a moment when a backend is back', async () => {
  const clock = new ManualClock();
  const circuits = new BackendCircuits(clock);
  await circuits.afterHeadStart('a', never);
  circuits.open('a');
  circuits.close('a');
  let passed = false;
  const waiting = circuits.afterHeadStart('a', never).then(() => {
    passed = true;
  });
  await clock.advance(499);
  expect(passed).toBe(false);
  await clock.advance(1);
  await waiting;
  await circuits.afterHeadStart('a', never);
});
