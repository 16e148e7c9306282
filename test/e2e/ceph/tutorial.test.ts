import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { PageCommands } from '../../delivery/docs/page-commands.ts';
import { readPage } from '../../delivery/docs/pages.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import { operatorCephUser } from './operator/ceph-backend.ts';

describe('the tutorial of CephFS, on a real cluster', () => {
  let lab: CephLab;
  let cluster: TestCluster;

  beforeAll(async () => {
    lab = await startCeph();
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
    await lab?.stop();
  });

  test('its commands run from the backend to the end', async () => {
    const page = await readPage('docs/tutorials/ceph.md');
    const blocks = page.blocks.filter(({ mark }) => mark?.text === 'test/e2e/ceph/tutorial.test.ts');
    expect(blocks.length).toBeGreaterThan(2);
    const commands = await PageCommands.open(cluster.plane);
    const output = await commands.run(page, blocks, {
      CEPH_KEY: await lab.createUser(operatorCephUser, operatorCapabilities),
      CEPH_MONITOR: lab.monitors[0] ?? '',
      CEPH_FS: lab.fileSystem,
    });
    await commands.close();
    expect(output).toContain('/volumes/sharenet/share-');
    expect(output).toContain('driver: cephfs.csi.ceph.com');
  });
});
