import assert from 'node:assert/strict';
import type { SecurityServiceUpdateRequest } from '../driver.ts';
import { type ConformanceCase, expectFailure } from './conformance-case.ts';
import { type ConformanceSession, keyOf, type MadeServer, type MadeShare } from './session.ts';

/** Changes of security services. A case is skipped when the driver takes none. */
export const securityServiceCases: readonly ConformanceCase[] = [
  {
    name: 'checking a changed security service changes nothing',
    run: async (session) => {
      const { change, made, server } = await inUseServer(session);
      const [first, again] = await session.twice(async (context) =>
        session.driver.checkUpdateShareServerSecurityService?.(change, context),
      );
      assert.equal(first?.compatible, true, first?.message ?? 'the fixture must offer a compatible service');
      assert.deepEqual(again, first);
      const { backendDetails } = await session.driver.setupServer(server, session.context());
      assert.deepEqual(backendDetails, server.server.backendDetails);
      await requireUsable(session, made);
    },
  },
  {
    name: 'updating a security service again gives the same result, and its shares stay usable',
    run: async (session) => {
      const { change, made } = await inUseServer(session);
      const [first, again] = await session.twice(async (context) =>
        session.driver.updateShareServerSecurityService?.(change, context),
      );
      assert.deepEqual(again?.backendDetails, first?.backendDetails);
      assert.deepEqual(again?.accessUpdates, first?.accessUpdates);
      assert.deepEqual(again?.exportLocations, first?.exportLocations);
      await requireUsable(session, made);
      await session.restart();
      await session.driver.updateShareServerSecurityService?.(change, session.context());
      await requireUsable(session, made);
    },
  },
  {
    name: 'an update keeps the access keys or answers the new ones',
    run: async (session) => {
      const { change, made } = await inUseServer(session);
      const rule = session.newKeyedRule(made.share);
      let key = keyOf(await session.grant(made, [rule]), rule);
      const keyed = { ...change, accessRules: new Map([[made.share.id, [rule]]]) };
      const results = await session.twice(async (context) =>
        session.driver.updateShareServerSecurityService?.(keyed, context),
      );
      for (const result of results) key = result?.accessUpdates?.get(made.share.id)?.get(rule.id)?.accessKey ?? key;
      assert.equal(keyOf(await session.updateAccess(made, [rule]), rule), key);
    },
  },
  {
    name: 'an update succeeds after an attempt that failed half way, and without the service before',
    run: async (session) => {
      const { change, made } = await inUseServer(session);
      const { currentSecurityService: _, ...unknownBefore } = change;
      const attempted = { ...change, attemptedSecurityService: change.newSecurityService };
      await session.driver.updateShareServerSecurityService?.(attempted, session.context());
      await session.driver.updateShareServerSecurityService?.(unknownBefore, session.context());
      await requireUsable(session, made);
    },
  },
  {
    name: 'a server can go back to the service before',
    run: async (session) => {
      const { change, made } = await inUseServer(session);
      await session.driver.updateShareServerSecurityService?.(change, session.context());
      const { initial, next } = session.securityServices();
      const back = { ...change, newSecurityService: initial, currentSecurityService: next };
      await session.driver.updateShareServerSecurityService?.(back, session.context());
      await requireUsable(session, made);
    },
  },
  {
    name: 'updating a security service of a server that is not there fails',
    run: async (session) => {
      const { initial, next } = session.securityServices();
      const missing: SecurityServiceUpdateRequest = {
        ...session.newServer(),
        shares: [],
        accessRules: new Map(),
        newSecurityService: next,
        currentSecurityService: initial,
      };
      const update = session.driver.updateShareServerSecurityService?.(missing, session.context());
      await expectFailure(Promise.resolve(update), ['NotFound', 'Rejected']);
    },
  },
];

async function inUseServer(
  session: ConformanceSession,
): Promise<{ server: MadeServer; made: MadeShare; change: SecurityServiceUpdateRequest }> {
  const { initial, next } = session.securityServices();
  const server = await session.makeServer();
  const made = await session.makeShare(session.tenant, server.server);
  const rules = [session.fixture.newRule(made.share)];
  await session.grant(made, rules);
  const change = {
    ...server,
    shares: [made.share],
    accessRules: new Map([[made.share.id, rules]]),
    newSecurityService: next,
    currentSecurityService: initial,
  };
  return { server, made, change };
}

async function requireUsable(session: ConformanceSession, made: MadeShare): Promise<void> {
  const rule = session.fixture.newRule(made.share);
  const updates = await session.updateAccess(made, [rule]);
  assert.notEqual(updates.get(rule.id)?.state, 'error', updates.get(rule.id)?.reason ?? 'a rule failed');
  const { tenant: _, ...request } = made;
  const health = await session.driver.ensureShare?.(request, session.context());
  assert.notEqual(health?.exists, false, 'the share is gone');
}
