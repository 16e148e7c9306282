import { setTimeout as wait } from 'node:timers/promises';
import { parseDuration } from '../../../values/duration.ts';
import { InProgress } from '../../errors.ts';
import { abortedError, unlessAborted } from '../../kit/abort.ts';
import type { Call } from '../calls/call.ts';
import type { DummyFault } from '../config.ts';
import { unavailable } from '../reasons.ts';
import { callRejection } from './rejections.ts';

/** Waits that long, in milliseconds. @throws DriverError `Unavailable` as soon as the call's signal aborts */
export async function waitUnlessAborted(milliseconds: number, call: Call): Promise<void> {
  if (milliseconds === 0) return;
  try {
    await wait(milliseconds, undefined, { signal: call.context.signal });
  } catch {
    throw abortedError(call.context.signal, 'the backend');
  }
}

/**
 * Does what a fault does to a whole call. What concerns a part of the answer (`ruleError`, an `incompatible` check, a set-up
 * refused half way) is left to the work itself.
 *
 * `hang` waits for the signal to abort. With the message `ignore-abort` it does not even then, for ever; with
 * `ignore-abort <duration>` it continues with the work after that time, whatever the signal says.
 */
export async function suffer(fault: DummyFault, call: Call): Promise<void> {
  const { operation, request, context } = call;
  switch (fault.kind) {
    case 'hang':
      return hang(fault, call);
    case 'unavailable':
      throw unavailable(
        'BackendNotAnswering',
        fault.message ?? `the dummy backend was told to be unavailable for ${operation}`,
      );
    case 'rejected':
      if (operation === 'setupServer') return;
      throw callRejection(fault, request);
    case 'incompatible':
      if (operation === 'checkUpdateShareServerSecurityService') return;
      throw callRejection(fault, request);
    case 'inProgress':
      throw new InProgress({ token: `dummy-${context.operation?.id ?? operation}`, pollAfter: 0.2 });
    case 'ruleError':
  }
}

async function hang(fault: DummyFault, call: Call): Promise<void> {
  const stubborn = /^ignore-abort(?: (\S+))?$/.exec(fault.message ?? '');
  if (stubborn !== null) {
    const milliseconds = parseDuration(stubborn[1] ?? '');
    return milliseconds === undefined ? new Promise<never>(() => {}) : wait(milliseconds);
  }
  const { signal } = call.context;
  await unlessAborted(new Promise<never>(() => {}), signal).catch(() => {});
  throw abortedError(signal, 'the backend');
}
