import assert from 'node:assert/strict';
import type { ConformanceCase } from './conformance-case.ts';
import { secretsOf } from './recording.ts';
import type { ConformanceSession } from './session.ts';

/** Secrets and texts. */
export const secrecyCases: readonly ConformanceCase[] = [
  {
    name: 'keys and passwords are in no log line, error, detail, export location, warning or reason',
    run: async (session) => {
      await walkThrough(session);
      for (const secret of secretsOf(session.fixture, session.recording)) {
        const forms = [secret, Buffer.from(secret).toString('base64'), encodeURIComponent(secret)];
        const leak = session.recording.texts.find((text) => forms.some((form) => text.includes(form)));
        if (leak !== undefined) assert.fail(`a secret leaks: ${leak.replaceAll(secret, '<secret>')}`);
      }
    },
  },
  {
    name: 'failures are DriverErrors with a CamelCase reason and a message of one line',
    run: async (session) => {
      const failures = await provokeFailures(session);
      assert.deepEqual(session.recording.strangeErrors, []);
      for (const error of failures) {
        const reason = error instanceof Error && 'reason' in error ? String(error.reason) : '';
        const message = error instanceof Error ? error.message : '';
        assert.match(reason, /^[A-Z][A-Za-z0-9]*$/, `the reason ${JSON.stringify(reason)} is not CamelCase`);
        assert(message !== '' && !message.includes('\n'), `the message ${JSON.stringify(message)} is not one line`);
      }
    },
  },
];

/** Calls every method with secrets at hand, with success and failure. */
async function walkThrough(session: ConformanceSession): Promise<void> {
  const { capabilities, driver, fixture } = session;
  const server = capabilities.driverHandlesShareServers ? await session.makeServer() : undefined;
  const made = await session.makeShare(session.tenant, server?.server);
  const { tenant: _, ...request } = made;
  const keyed = capabilities.accessKeyTypes.length > 0 ? [session.newKeyedRule(made.share)] : [];
  const rules = [...keyed, fixture.newRule(made.share)];
  await session.grant(made, rules);
  await session.grant(made, [...rules, fixture.badRule(made.share)]);
  await session.updateAccess(made, rules);
  const lowered = rules.map((rule) => ({ ...rule, accessLevel: 'ro' as const }));
  await session.updateAccess(made, lowered, { updateRules: lowered });
  const context = session.context();
  await driver.createShare(request, context);
  await driver.extendShare({ ...request, newSize: request.share.size * 2 }, context);
  await driver.ensureShare?.(request, context);
  const [rule] = keyed;
  if (rule !== undefined) {
    const theirs = await session.makeShare(session.otherTenant);
    const taken = session.newKeyedRule(theirs.share, rule.accessTo);
    await session.grant(theirs, [taken]);
  }
  await provokeFailures(session);
  if (server === undefined) return;
  await driver.ensureServer?.(server, context);
  await driver.setupServer(server, context);
  await driver.teardownServer(server, context).catch(() => undefined);
  if (!capabilities.securityServiceUpdateSupport) return;
  const { initial, next } = session.securityServices();
  const change = {
    ...server,
    shares: [made.share],
    accessRules: new Map([[made.share.id, lowered]]),
    newSecurityService: next,
    currentSecurityService: initial,
  };
  await driver.checkUpdateShareServerSecurityService?.(change, context);
  await driver.updateShareServerSecurityService?.(change, context);
}

async function provokeFailures(session: ConformanceSession): Promise<unknown[]> {
  const { driver } = session;
  const { tenant: _, ...missing } = await session.newShare();
  const rule = session.fixture.newRule(missing.share);
  const access = { ...missing, accessRules: [rule], addRules: [rule], deleteRules: [], updateRules: [] };
  const calls: Promise<unknown>[] = [
    driver.extendShare({ ...missing, newSize: missing.share.size * 2 }, session.context()),
    driver.shrinkShare({ ...missing, newSize: 1 }, session.context()),
    driver.updateAccess(access, session.context()),
  ];
  if (session.capabilities.driverHandlesShareServers) {
    const lost = { share: session.fixture.newShare(session.tenant), server: session.newServer().server };
    calls.push(driver.createShare(lost, session.context()));
  }
  const results = await Promise.allSettled(calls);
  return results.map((result) => {
    assert.equal(result.status, 'rejected', 'a call about something that is not on the backend succeeded');
    return result.status === 'rejected' ? result.reason : undefined;
  });
}
