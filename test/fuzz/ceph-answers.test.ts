import fc from 'fast-check';
import { expect } from 'vitest';
import {
  type Caps,
  capsWith,
  capsWithout,
  exceedsShares,
  grantedShares,
  grantsShare,
} from '../../src/drivers/cephfs/auth/caps.ts';
import { readCaps } from '../../src/drivers/cephfs/auth/entities.ts';
import { listSessions } from '../../src/drivers/cephfs/cluster/client-sessions.ts';
import type { Cluster } from '../../src/drivers/cephfs/cluster/commands.ts';
import { readFileSystem } from '../../src/drivers/cephfs/cluster/file-system.ts';
import { sortSessions } from '../../src/drivers/cephfs/cluster/sessions-to-evict.ts';
import { readVulnerabilities } from '../../src/drivers/cephfs/cluster/versions.ts';
import { readMonitors } from '../../src/drivers/cephfs/login/monitor-list.ts';
import { readOperatorKey } from '../../src/drivers/cephfs/login/operator-key.ts';
import { authorize, findSubvolume, listAuthorized, readOwner } from '../../src/drivers/cephfs/subvolumes/subvolumes.ts';
import { DriverError } from '../../src/drivers/errors.ts';
import { fuzz, fuzzAsync } from './fuzz.ts';

const { signal } = new AbortController();
const address = { fsName: 'cephfs', group: 'g', name: 'share-1' };
/** A text of Ceph that no error may repeat: an answer may hold a key. */
const secret = 'AQBsecretsecretsecret';

const readers: readonly ((cluster: Cluster) => Promise<unknown>)[] = [
  (cluster) => readCaps(cluster, 'alice', signal),
  (cluster) => listAuthorized(cluster, address, signal),
  (cluster) => findSubvolume(cluster, address, signal),
  (cluster) => readOwner(cluster, address, signal),
  (cluster) => listSessions(cluster, { rank: 0, gid: 1 }, 'alice', signal),
  (cluster) => readFileSystem(cluster, 'cephfs', signal),
  (cluster) => readVulnerabilities(cluster, signal),
  (cluster) => authorize(cluster, address, { authID: 'alice', level: 'rw', tenantID: 't' }, signal),
];

const fields = [
  'caps',
  'mds',
  'osd',
  'mon',
  'path',
  'state',
  'data_pool',
  'bytes_quota',
  'id',
  'client_metadata',
  'root',
].concat('mdsmap', 'in', 'up', 'info', 'mds_0', 'gid_1', 'data_pools', 'key', '__proto__', 'constructor', 'overall');
const words = fc.constantFrom('complete', 'infinite', 'r', 'rw', 'up:active', '/volumes/g/share-1/u', '', secret);
const json = fc
  .object({
    key: fc.constantFrom(...fields),
    values: [words, fc.integer(), fc.double(), fc.constant(null)],
    maxDepth: 4,
  })
  .map((value) => JSON.stringify(value));
const answers = fc.record({
  code: fc.oneof(fc.constant(0), fc.integer({ min: -200, max: 200 })),
  output: fc.oneof(
    json,
    json.map((text) => `[${text}]`),
    fc.json(),
    fc.string(),
  ),
  status: fc.oneof(fc.constantFrom('', secret, `Traceback (most recent call last): ${secret}`), fc.string()),
});

fuzzAsync('ceph answer', 'is read, or is a failure that does not repeat it', answers, async (answer) => {
  const commands = { run: async () => answer, fsid: async () => 'fsid', close: async () => {} };
  for (const read of readers) {
    try {
      await read({ commands, user: 'sharenet' });
    } catch (thrown) {
      if (!(thrown instanceof DriverError)) throw thrown;
      expect(thrown.message).not.toContain(secret);
    }
  }
});

const grants = fc
  .array(
    fc.oneof(
      fc.constantFrom('allow rw path=/volumes/g/share-1/u', 'allow r path=/volumes/g/other/u', 'allow *', 'allow r'),
      fc.constantFrom('allow rw pool=data namespace=fsvolumens_share-1', 'allow r fsname=cephfs path=/volumes/g/a/b'),
      fc.string({ unit: fc.constantFrom(...'alow rpth=/*, '), maxLength: 30 }),
    ),
    { maxLength: 4 },
  )
  .map((list) => list.join(', '));
const capabilities: fc.Arbitrary<Caps> = fc.record({ mds: grants, osd: grants, mon: fc.constant('allow r') });
const target = {
  fsName: 'cephfs',
  path: '/volumes/g/share-1/u',
  dataPool: 'data',
  poolNamespace: 'fsvolumens_share-1',
};

fuzz('ceph capabilities', 'give access to a share after a grant, and none after a denial', capabilities, (caps) => {
  expect(grantsShare(capsWith(caps, target, 'rw'), target)).toBe(true);
  const left = capsWithout(caps, target);
  if (left === undefined) return;
  expect(grantsShare(left, target)).toBe(false);
  // What is not of the share stays, and so does that someone gave more.
  const others = grantedShares(caps).filter(({ path }) => path !== target.path);
  expect(grantedShares(left)).toEqual(others);
  expect(exceedsShares(left)).toBe(exceedsShares(caps));
});

const roots = fc.oneof(fc.constant(undefined), fc.string(), fc.string({ unit: fc.constantFrom('/', '.', 'a', 'b') }));

fuzz('ceph root', 'is on the share, unknown, or elsewhere', roots, (root) => {
  const { onShare, unknown } = sortSessions([{ id: 1, root }], '/a/b');
  expect(onShare.length + unknown.length).toBeLessThanOrEqual(1);
  expect(unknown.length === 1).toBe(root === undefined);
});

const monitorTexts = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'v12:[],;/ .a0369') }));

fuzz(
  'ceph monitors',
  'are named so that they are read as themselves again, or refused in words',
  monitorTexts,
  (text) => {
    const list = readMonitors(text);
    if (list.ok) expect(readMonitors(list.monitors.join(','))).toEqual(list);
    else expect(list.problem).toMatch(/^(has|is|names) /);
  },
);

const keys = fc.oneof(
  fc.string(),
  fc.base64String(),
  fc.string({ unit: fc.constantFrom(...'[client.sharenet] \n=keyAQ') }),
);

fuzz('ceph key', 'is a key, or is refused without a word of it', keys, (text) => {
  const read = readOperatorKey(text, 'sharenet');
  if (read.ok) expect(read.key).toMatch(/^[A-Za-z0-9+/]+={0,2}$/);
  else if (text.trim().length > 20) expect(read.problem).not.toContain(text.trim());
});
