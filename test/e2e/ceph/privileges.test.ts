import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cephfsConfigSchema } from '../../../src/drivers/cephfs/config.ts';
import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { cephfsDriver } from '../../../src/drivers/cephfs/module.ts';
import type { Driver } from '../../../src/drivers/driver.ts';
import { CephFSRig, cephxRule, newID } from './rig.ts';

let rig: CephFSRig;
beforeAll(async () => {
  rig = await CephFSRig.start();
});
afterAll(() => rig?.stop());

/** What the operator does with a rule in its life, damage of its id included. */
async function walkThrough(driver: Driver): Promise<void> {
  await driver.getCapabilities(rig.context());
  const made = await rig.makeShare();
  const rule = cephxRule(newID());
  await rig.update(made, [rule], { addRules: [rule] }, driver);
  const { caps = {} } = (await rig.user(rule.accessTo)) ?? {};
  const { osd: _, ...damaged } = caps;
  await rig.setCaps(rule.accessTo, damaged);
  await rig.update(made, [rule], {}, driver);
  const { mds: __, ...lost } = caps;
  await rig.setCaps(rule.accessTo, lost);
  await rig.update(made, [], { deleteRules: [rule] }, driver);
  await driver.deleteShare({ share: made.share }, rig.context());
}

describe('the operator’s Ceph user', () => {
  test('needs no more than the documentation lists', async () => {
    const driver = await rig.openAs('documented', operatorCapabilities);
    try {
      await walkThrough(driver);
      const { knownVulnerabilities } = await driver.getCapabilities(rig.context());
      expect(knownVulnerabilities, 'what the versions of the daemons are vulnerable to').toBeDefined();
    } finally {
      await driver.close();
    }
  });

  const parts = Object.entries(operatorCapabilities).flatMap(([daemon, list]) =>
    list.split(', ').map((part) => [daemon, part] as const),
  );
  test.each(parts)('needs of %s: %s', async (daemon, part) => {
    const left = Object.entries(operatorCapabilities).map(([name, list]) => {
      const kept = list.split(', ').filter((candidate) => name !== daemon || candidate !== part);
      return [name, kept.join(', ')] as const;
    });
    const capabilities = Object.fromEntries(left.filter(([, list]) => list !== ''));
    const driver = await rig.openAs(newID(), capabilities);
    try {
      await expect(walkThrough(driver)).rejects.toMatchObject({ kind: 'Unavailable' });
    } finally {
      await driver.close();
    }
  });
});

describe('what is wrong with a backend is reported', () => {
  test('a capability that is missing', async () => {
    const driver = await rig.openAs('without-mds', { ...operatorCapabilities, mds: 'allow r' });
    const probe = driver.getCapabilities(rig.context());
    await expect(probe).rejects.toMatchObject({
      kind: 'Unavailable',
      reason: 'CephPermissionDenied',
      message: expect.stringContaining('client.without-mds lacks a capability of mds for "session ls"'),
    });
    await driver.close();
  });

  test('a file system that does not exist', async () => {
    const { monitors, adminKey } = rig.lab;
    const config = { monitors, fsName: 'nosuch', user: 'admin', credentialsSecretName: 'ceph' };
    const logger = rig.context().logger;
    const driver = cephfsDriver.createDriver({
      backendName: 'ceph',
      config: cephfsConfigSchema.parse(config),
      credentials: { userKey: adminKey },
      installationID: 'installation',
      logger,
    });
    const probe = driver.getCapabilities(rig.context());
    await expect(probe).rejects.toMatchObject({
      reason: 'FileSystemNotFound',
      message: expect.stringContaining('"nosuch"'),
    });
    await driver.close();
  });

  test.each([
    ['no key', {}],
    ['something else than a key', { userKey: 'not a key' }],
  ])('a Secret with %s', (_, credentials) => {
    const config = cephfsConfigSchema.parse({
      monitors: ['127.0.0.1'],
      fsName: 'cephfs',
      user: 'sharenet',
      credentialsSecretName: 'ceph-credentials',
    });
    const { logger, installationID } = rig.context();
    const open = () => cephfsDriver.createDriver({ backendName: 'ceph', config, credentials, installationID, logger });
    expect(open).toThrow('Secret ceph-credentials must have the key of the Ceph user client.sharenet');
  });
});
