import { z } from 'zod';
import type { ConformanceFixture } from '../conformance/fixture.ts';
import type { Driver, DriverAccessRule, DriverLogger, DriverShare } from '../driver.ts';
import { grantedShares } from './auth/caps.ts';
import { cephfsConfigSchema } from './config.ts';
import { cephfsDriver } from './module.ts';
import { subvolumeNameOf } from './subvolumes/names.ts';

/** A running Ceph cluster, as a test has it: everything here goes past the driver. */
export interface TestCluster {
  readonly monitors: readonly string[];
  readonly fsName: string;
  /** Ceph user of the operator, without `client.`. */
  readonly user: string;
  readonly key: string;
  /** Runs a command as the administrator. @returns its output @throws when it fails */
  ask(daemon: 'mon' | 'mgr', command: Readonly<Record<string, unknown>>): Promise<string>;
  /** Writes that many bytes into a directory, and waits until Ceph has counted them. */
  fill(path: string, bytes: number): Promise<void>;
  /** Stops the manager's processes, and resumes them. */
  pauseManager(): Promise<void>;
  resumeManager(): Promise<void>;
  stop(): Promise<void>;
}

const installationID = '7f0d1b0e-0c5a-4a36-9d3e-5b8d0c9a1f00';
const group = 'conformance';
const size = 64 * 2 ** 20;

const usersSchema = z.object({
  auth_dump: z.array(z.object({ entity: z.string(), caps: z.record(z.string(), z.string()) })),
});

/** A group of subvolumes on a real cluster for the conformance suite. */
export function createCephFSFixture(cluster: TestCluster): ConformanceFixture {
  const { monitors, fsName, user, key } = cluster;
  let count = 0;
  const nextRule = (accessType: DriverAccessRule['accessType'], accessTo?: string): DriverAccessRule => {
    count += 1;
    const id = `rule-${count}`;
    return { id, name: id, accessType, accessTo: accessTo ?? `client-${count}`, accessLevel: 'rw' };
  };
  const open = (logger: DriverLogger): Driver =>
    cephfsDriver.createDriver({
      backendName: 'conformance',
      config: cephfsConfigSchema.parse({ monitors, fsName, group, user, credentialsSecretName: 'ceph' }),
      credentials: { userKey: key },
      installationID,
      logger,
    });
  const pathOf = async ({ id }: DriverShare): Promise<string> => {
    const address = { vol_name: fsName, sub_name: subvolumeNameOf(id), group_name: group };
    return (await cluster.ask('mgr', { prefix: 'fs subvolume getpath', ...address })).trim();
  };
  return {
    installationID,
    tenants: [
      { namespace: 'tenant-a', namespaceUID: '1b4e28ba-2fa1-4000-8000-00000000000a' },
      { namespace: 'tenant-b', namespaceUID: '1b4e28ba-2fa1-4000-8000-00000000000b' },
    ],
    openDriver: async (logger) => {
      await cluster.resumeManager();
      return open(logger);
    },
    openSlowDriver: async (logger) => {
      await cluster.pauseManager();
      return open(logger);
    },
    newShare: () => {
      count += 1;
      const id = `00000000-0000-4000-8000-${String(count).padStart(12, '0')}`;
      return { id, name: `share-${count}`, protocol: 'CEPHFS', size, exportLocations: [] };
    },
    newRule: () => nextRule('cephx'),
    badRule: () => nextRule('cephx', 'admin'),
    newKeyedRule: (_share, accessTo) => nextRule('cephx', accessTo),
    grantedRules: async (share) => {
      const path = await pathOf(share);
      const users = usersSchema.parse(JSON.parse(await cluster.ask('mon', { prefix: 'auth ls', format: 'json' })));
      return users.auth_dump.flatMap(({ entity, caps }) => {
        const granted = grantedShares(caps).find((candidate) => candidate.path === path);
        if (granted === undefined) return [];
        const accessTo = entity.replace(/^client\./, '');
        return [{ accessType: 'cephx', accessTo, accessLevel: granted.level === 'r' ? 'ro' : 'rw' }];
      });
    },
    fillShare: async (share, _server, bytes) => cluster.fill(await pathOf(share), bytes),
    secrets: [key],
    abortBound: 1000,
    cleanup: () => cluster.stop(),
  };
}
