import assert from 'node:assert/strict';
import { type ConformanceCase, expectFailure } from './conformance-case.ts';
import { SkippedCase } from './session.ts';

/** Share servers. */
export const serverCases: readonly ConformanceCase[] = [
  {
    name: 'setting up a share server again gives the same server',
    run: async (session) => {
      const request = session.newServer();
      const [first, again] = await session.twice((context) => session.driver.setupServer(request, context));
      assert.notEqual(first.identifier, '', 'the identifier is empty');
      assert.equal(again.identifier, first.identifier);
      assert.deepEqual(again.backendDetails, first.backendDetails);
      assert.deepEqual(again.backendSecrets, first.backendSecrets);
      await session.restart();
      const later = await session.driver.setupServer(request, session.context());
      assert.equal(later.identifier, first.identifier);
    },
  },
  {
    name: 'share servers of two tenants are set up at once and serve side by side',
    run: async (session) => {
      const tenants = [session.tenant, session.otherTenant];
      const servers = await Promise.all(
        tenants.map(async (tenant) => ({ tenant, server: await session.makeServer(tenant) })),
      );
      for (const { tenant, server } of servers) {
        const made = await session.makeShare(tenant, server.server);
        const rule = session.fixture.newRule(made.share);
        const failure = (await session.grant(made, [rule])).get(rule.id);
        assert.notEqual(failure?.state, 'error', `a rule failed beside another server: ${failure?.reason}`);
      }
      for (const { tenant, server } of servers) {
        const health = await session.driver.ensureServer?.(server, session.context({ tenant }));
        assert.notEqual(health?.healthy, false, `a server is not healthy beside another: ${health?.reason}`);
      }
    },
  },
  {
    name: 'tearing down a share server again succeeds',
    run: async (session) => {
      const server = await session.makeServer();
      await session.twice((context) => session.driver.teardownServer(server, context));
    },
  },
  {
    name: 'tearing down a share server that was never set up succeeds',
    run: async (session) => {
      const request = session.newServer();
      await session.driver.teardownServer(request, session.context());
    },
  },
  {
    name: 'tearing down succeeds without the password of the security service',
    run: async (session) => {
      const { securityServices, ...request } = await session.makeServer();
      const withoutPasswords = securityServices.map(({ password: _, ...service }) => service);
      await session.driver.teardownServer({ ...request, securityServices: withoutPasswords }, session.context());
    },
  },
  {
    name: 'tearing down a share server that holds data is refused and loses nothing',
    run: async (session) => {
      const server = await session.makeServer();
      const made = await session.makeShare(session.tenant, server.server);
      const { tenant: _, ...request } = made;
      await expectFailure(session.driver.teardownServer(server, session.context()), ['Rejected']);
      const rule = session.fixture.newRule(made.share);
      const updates = await session.grant(made, [rule]);
      assert.notEqual(updates.get(rule.id)?.state, 'error', 'the share takes no rule any more');
      const health = await session.driver.ensureShare?.(request, session.context());
      assert.notEqual(health?.exists, false, 'the share is gone');
    },
  },
  {
    name: 'ensureServer tells servers that exist from others and makes none',
    run: async (session) => {
      const existing = await session.makeServer();
      const missing = session.newServer();
      if (session.driver.ensureServer === undefined) throw new SkippedCase('the driver has no ensureServer');
      const [health, again] = await session.twice(async (context) => session.driver.ensureServer?.(existing, context));
      assert.equal(health?.exists, true);
      assert.equal(health?.healthy, true);
      assert.deepEqual(again, health);
      const [first, second] = await session.twice(async (context) => session.driver.ensureServer?.(missing, context));
      assert.equal(first?.exists, false);
      assert.equal(second?.exists, false);
    },
  },
  {
    name: 'a share server of another tenant or installation is not touched',
    run: async (session) => {
      const server = await session.makeServer();
      const strangers = [
        session.context({ tenant: session.otherTenant }),
        session.context({ installationID: `${session.fixture.installationID}-other` }),
      ];
      for (const context of strangers) {
        await expectFailure(session.driver.setupServer(server, context), ['Rejected', 'NotFound']);
        // Whether this is refused or has nothing to do is the driver's choice; the server must stay.
        await session.driver.teardownServer(server, context).catch(() => undefined);
      }
      const again = await session.driver.setupServer(server, session.context());
      assert.equal(again.identifier, server.server.identifier);
      const health = await session.driver.ensureServer?.(server, session.context());
      assert.notEqual(health?.exists, false, 'a stranger has torn down the server');
    },
  },
];
