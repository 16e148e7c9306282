import assert from 'node:assert/strict';
import { type ConformanceCase, expectFailure } from './conformance-case.ts';
import { type ConformanceSession, type MadeShare, SkippedCase } from './session.ts';

/** Shares. */
export const shareCases: readonly ConformanceCase[] = [
  {
    name: 'creating a share again gives the same share',
    run: async (session) => {
      const { tenant: _, ...request } = await session.newShare();
      const [first, again] = await session.twice((context) => session.driver.createShare(request, context));
      assert.notEqual(first.identifier, '', 'the identifier is empty');
      assert(first.exportLocations.length > 0, 'there are no export locations');
      const paths = first.exportLocations.map(({ path }) => path);
      assert.equal(new Set(paths).size, paths.length, 'two export locations have one path');
      assert.deepEqual(again, first);
      await session.restart();
      assert.equal((await session.driver.createShare(request, session.context())).identifier, first.identifier);
    },
  },
  {
    name: 'deleting a share again succeeds',
    run: async (session) => {
      const { tenant: _, ...request } = await session.makeShare();
      await session.twice((context) => session.driver.deleteShare(request, context));
      assert.notEqual(
        (await session.driver.ensureShare?.(request, session.context()))?.exists,
        true,
        'the share is still there',
      );
    },
  },
  {
    name: 'deleting a share that was never created succeeds',
    run: async (session) => {
      const { tenant: _, ...request } = await session.newShare();
      await session.driver.deleteShare(request, session.context());
    },
  },
  {
    name: 'deleting a share takes its rules along',
    run: async (session) => {
      const made = await session.makeShare();
      await session.grant(made, [session.fixture.newRule(made.share)]);
      const { tenant: _, ...request } = made;
      await session.driver.deleteShare(request, session.context());
    },
  },
  {
    name: 'extending a share again succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      const { tenant: _, ...request } = made;
      const newSize = made.share.size * 2;
      await session.twice((context) => session.driver.extendShare({ ...request, newSize }, context));
      await requireSize(session, made, newSize);
    },
  },
  {
    name: 'shrinking a share again succeeds',
    run: async (session) => {
      const made = await session.makeShare();
      const { tenant: _, ...request } = made;
      const { size } = made.share;
      await session.driver.extendShare({ ...request, newSize: size * 2 }, session.context());
      await session.twice((context) => session.driver.shrinkShare({ ...request, newSize: size }, context));
      await requireSize(session, made, size);
    },
  },
  {
    name: 'shrinking a share below its use is refused and loses nothing',
    run: async (session) => {
      const { fillShare } = session.fixture;
      if (fillShare === undefined) throw new SkippedCase('the fixture has no fillShare');
      const made = await session.makeShare();
      const { tenant: _, ...request } = made;
      const { size } = made.share;
      await fillShare(made.share, made.server, Math.floor(size / 2));
      const newSize = Math.floor(size / 4);
      await expectFailure(session.driver.shrinkShare({ ...request, newSize }, session.context()), ['Rejected']);
      await requireSize(session, made, size);
    },
  },
  {
    name: 'resizing a share that is gone fails with NotFound',
    run: async (session) => {
      const { tenant: _, ...request } = await session.makeShare();
      await session.driver.deleteShare(request, session.context());
      const resize = { ...request, newSize: request.share.size * 2 };
      await expectFailure(session.driver.extendShare(resize, session.context()), ['NotFound']);
    },
  },
  {
    name: 'ensureShare tells shares that exist from others and makes none',
    run: async (session) => {
      const { tenant: _, ...existing } = await session.makeShare();
      const { tenant: __, ...missing } = await session.newShare(session.tenant, existing.server);
      if (session.driver.ensureShare === undefined) throw new SkippedCase('the driver has no ensureShare');
      const [health, again] = await session.twice(async (context) => session.driver.ensureShare?.(existing, context));
      assert.equal(health?.exists, true);
      assert.deepEqual(health?.exportLocations, existing.share.exportLocations);
      assert.deepEqual(again, health);
      const [first, second] = await session.twice(async (context) => session.driver.ensureShare?.(missing, context));
      assert.equal(first?.exists, false);
      assert.equal(second?.exists, false);
    },
  },
  {
    name: 'a share of another tenant or installation is not touched',
    run: async (session) => {
      const made = await session.makeShare();
      const { tenant: _, ...request } = made;
      const rule = session.fixture.newRule(made.share);
      const strangers = [
        session.context({ tenant: session.otherTenant }),
        session.context({ installationID: `${session.fixture.installationID}-other` }),
      ];
      for (const context of strangers) {
        await expectFailure(session.driver.createShare(request, context), ['Rejected', 'NotFound']);
        const access = session.accessRequest(made, [rule], { addRules: [rule] });
        await expectFailure(session.driver.updateAccess(access, context), ['Rejected', 'NotFound']);
        const resize = { ...request, newSize: request.share.size * 2 };
        await expectFailure(session.driver.extendShare(resize, context), ['Rejected', 'NotFound']);
        // Whether this is refused or has nothing to do is the driver's choice; the share must stay.
        await session.driver.deleteShare(request, context).catch(() => undefined);
      }
      const updates = await session.grant(made, [rule]);
      assert.notEqual(updates.get(rule.id)?.state, 'error', 'the share takes no rule any more');
      await requireSize(session, made, made.share.size);
    },
  },
  {
    name: 'shares of one share server can be worked on at once',
    run: async (session) => {
      const first = await session.makeShare();
      const others = await Promise.all([1, 2, 3].map(() => session.makeShare(session.tenant, first.server)));
      const shares = [first, ...others];
      assert.equal(new Set(shares.map(({ share }) => share.identifier)).size, shares.length, 'shares are mixed up');
      const granted = await Promise.all(
        shares.map(async (made) => {
          const rule = session.fixture.newRule(made.share);
          return (await session.grant(made, [rule])).get(rule.id)?.state;
        }),
      );
      assert.deepEqual(
        granted,
        shares.map(() => undefined),
      );
    },
  },
];

async function requireSize(
  session: ConformanceSession,
  { tenant, ...request }: MadeShare,
  size: number,
): Promise<void> {
  const health = await session.driver.ensureShare?.(request, session.context({ tenant }));
  if (health === undefined) return;
  assert.equal(health.exists, true, 'the share is gone');
  assert.equal(health.size, size, `the share has ${health.size} bytes instead of ${size}`);
}
