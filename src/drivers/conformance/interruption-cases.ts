import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { CallContext, Driver } from '../driver.ts';
import type { ConformanceCase } from './conformance-case.ts';
import { type ConformanceSession, SkippedCase } from './session.ts';

/** Calls that are interrupted or take long. */
export const interruptionCases: readonly ConformanceCase[] = [
  {
    name: 'a call whose signal has aborted already ends within the bound',
    run: async (session) => {
      const calls = await callsOfEveryMethod(session);
      await requireEnd(session, session.driver, calls, AbortSignal.abort());
    },
  },
  {
    name: 'a call ends within the bound after its signal aborts',
    run: async (session) => {
      const { openSlowDriver } = session.fixture;
      if (openSlowDriver === undefined) throw new SkippedCase('the fixture has no openSlowDriver');
      const calls = await callsOfEveryMethod(session);
      await session.useDriver(openSlowDriver);
      const abort = new AbortController();
      const ended = requireEnd(session, session.driver, calls, abort.signal);
      abort.abort(new DOMException('the operation took too long', 'TimeoutError'));
      await ended.finally(() => session.restart());
    },
  },
  {
    name: 'after a call was cut off the same call succeeds',
    run: async (session) => {
      const { openSlowDriver } = session.fixture;
      if (openSlowDriver === undefined) throw new SkippedCase('the fixture has no openSlowDriver');
      const { tenant: _, ...request } = await session.newShare();
      await session.useDriver(openSlowDriver);
      const abort = new AbortController();
      const creation = session.driver.createShare(request, session.context({ signal: abort.signal }));
      abort.abort();
      await creation.catch(() => undefined);
      await session.restart();
      await session.twice((context) => session.driver.createShare(request, context));
    },
  },
  {
    name: 'work that continues on the storage system is followed by its token',
    run: async (session) => {
      const { openInProgressDriver } = session.fixture;
      if (openInProgressDriver === undefined)
        throw new SkippedCase(
          'the fixture has no openInProgressDriver: no need where createShare never throws InProgress',
        );
      const { tenant: _, ...request } = await session.newShare();
      await session.useDriver(openInProgressDriver);
      const { identifier } = await session.driver.createShare(request, session.context());
      assert(session.recording.inProgress > 0, 'createShare did not answer InProgress');
      await session.restart();
      assert.equal((await session.driver.createShare(request, session.context())).identifier, identifier);
    },
  },
];

type NamedCall = readonly [name: string, call: (driver: Driver, context: CallContext) => Promise<unknown>];

/** A call of every method that the driver has, with things that exist on the backend. */
async function callsOfEveryMethod(session: ConformanceSession): Promise<NamedCall[]> {
  const handled = session.capabilities.driverHandlesShareServers;
  const server = handled ? await session.makeServer() : undefined;
  const made = await session.makeShare(session.tenant, server?.server);
  const { tenant: _, ...request } = made;
  const rule = session.fixture.newRule(made.share);
  const { size } = made.share;
  const calls: NamedCall[] = [
    ['getCapabilities', (driver, context) => driver.getCapabilities(context)],
    ['createShare', (driver, context) => driver.createShare(request, context)],
    ['extendShare', (driver, context) => driver.extendShare({ ...request, newSize: size * 2 }, context)],
    ['shrinkShare', (driver, context) => driver.shrinkShare({ ...request, newSize: size }, context)],
    [
      'updateAccess',
      (driver, context) => driver.updateAccess(session.accessRequest(made, [rule], { addRules: [rule] }), context),
    ],
    ['ensureShare', async (driver, context) => driver.ensureShare?.(request, context)],
    ['deleteShare', (driver, context) => driver.deleteShare(request, context)],
  ];
  if (server !== undefined) {
    calls.push(
      ['setupServer', (driver, context) => driver.setupServer(server, context)],
      ['ensureServer', async (driver, context) => driver.ensureServer?.(server, context)],
      ['teardownServer', (driver, context) => driver.teardownServer(server, context)],
    );
  }
  if (server !== undefined && session.capabilities.securityServiceUpdateSupport) {
    const { initial, next } = session.securityServices();
    const services = { newSecurityService: next, currentSecurityService: initial };
    const change = { ...server, shares: [made.share], accessRules: new Map(), ...services };
    calls.push(
      [
        'checkUpdateShareServerSecurityService',
        async (driver, context) => driver.checkUpdateShareServerSecurityService?.(change, context),
      ],
      [
        'updateShareServerSecurityService',
        async (driver, context) => driver.updateShareServerSecurityService?.(change, context),
      ],
    );
  }
  return calls;
}

/** Makes all calls at once, and expects each to end, well or not, within the bound. */
async function requireEnd(
  session: ConformanceSession,
  driver: Driver,
  calls: readonly NamedCall[],
  signal: AbortSignal,
): Promise<void> {
  const running = new Set<string>();
  const ends = calls.map(async ([name, call]) => {
    running.add(name);
    await call(driver, session.context({ signal })).catch(() => undefined);
    running.delete(name);
  });
  const bound = session.fixture.abortBound ?? 5000;
  const done = new AbortController();
  const late = wait(bound, undefined, { signal: done.signal }).catch(() => undefined);
  await Promise.race([Promise.all(ends), late]);
  done.abort();
  assert.deepEqual([...running], [], `calls continued ${bound} ms after their signal aborted`);
}
