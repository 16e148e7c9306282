import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { CallContext, Driver } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { type ConformanceSession, SkippedCase } from './session.ts';

/** How long a call has to get on its way to the storage system, in milliseconds. */
const sendingMs = 500;

/** Calls that their caller gave up and that reach the storage system after a newer one, which they must not undo. */
export const lateCallCases: readonly ConformanceCase[] = [
  {
    name: 'a grant that was given up and arrives late does not undo a newer denial',
    run: async (session) => {
      const { grantedRules } = session.fixture;
      if (grantedRules === undefined) throw new SkippedCase('the fixture has no grantedRules');
      const made = await session.makeShare();
      const rule = session.fixture.newRule(made.share);
      await session.updateAccess(made, []);
      const grant = session.accessRequest(made, [rule], { addRules: [rule] });
      const arrive = await giveUp(session, (driver, context) => driver.updateAccess(grant, context));
      await session.updateAccess(made, [], { deleteRules: [rule] });
      await arrive();
      assert.deepEqual(await grantedRules(made.share), [], 'the late call has granted its rule');
    },
  },
  {
    name: 'a creation that was given up and arrives late does not undo a newer deletion',
    run: async (session) => {
      const { tenant: _, ...request } = await session.makeShare();
      if (session.driver.ensureShare === undefined) throw new SkippedCase('the driver has no ensureShare');
      const arrive = await giveUp(session, (driver, context) => driver.createShare(request, context));
      await session.driver.deleteShare(request, session.context());
      await arrive();
      const health = await session.driver.ensureShare?.(request, session.context());
      assert.equal(health?.exists, false, 'the late call has made its share again');
    },
  },
];

/** Makes a call that does not reach the storage system until its caller has given it up. @returns what lets it arrive */
async function giveUp(
  session: ConformanceSession,
  call: (driver: Driver, context: CallContext) => Promise<unknown>,
): Promise<() => Promise<void>> {
  const { openLateDriver, openSlowDriver } = session.fixture;
  const late = await openLateDriver?.(session.logger);
  const open = late === undefined ? openSlowDriver : () => late.driver;
  if (open === undefined) throw new SkippedCase('the fixture has neither openLateDriver nor openSlowDriver');
  await session.useDriver(open);
  const abort = new AbortController();
  const ended = call(session.driver, session.context({ signal: abort.signal })).catch(() => undefined);
  await wait(sendingMs);
  abort.abort();
  await ended;
  await session.restart();
  return late?.arrive ?? (async () => {});
}
