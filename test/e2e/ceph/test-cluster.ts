import type { TestCluster } from '../../../src/drivers/cephfs/conformance-fixture.ts';
import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { eventually } from '../../faults/eventually.ts';
import type { CephLab } from '../../labs/ceph/ceph-lab.ts';

/** Ceph user that the driver runs as. */
const user = 'sharenet';

/** A lab as the driver's tests use it, with a user for the operator that may do no more than the documentation says. */
export async function testClusterOf(lab: CephLab): Promise<TestCluster> {
  const { monitors, fileSystem: fsName } = lab;
  const key = await lab.createUser(user, operatorCapabilities);
  let paused = false;
  return {
    monitors,
    fsName,
    user,
    key,
    ask: (daemon, command) => lab.succeed(daemon, command),
    fill: async (path, bytes) => {
      const client = await lab.mount('admin', lab.adminKey, path);
      try {
        await client.write('/data', bytes);
        // The counts of a directory tree reach its top some seconds after the data.
        const counted = async (): Promise<boolean> => (await client.quota('/')).usedBytes >= bytes;
        await eventually('Ceph has counted the data', counted, 20_000);
      } finally {
        await client.unmount();
      }
    },
    pauseManager: async () => {
      paused = true;
      await lab.pause('mgr.x');
    },
    resumeManager: async () => {
      if (!paused) return;
      paused = false;
      await lab.resume('mgr.x');
    },
    stop: () => lab.stop(),
  };
}
