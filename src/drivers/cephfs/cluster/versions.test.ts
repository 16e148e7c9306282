import { expect, test } from 'vitest';
import type { CommandResult } from '../rados/commands.ts';
import { cephAdvisories, readVulnerabilities, runningVersions } from './versions.ts';

const pacific = 'ceph version 16.2.15 (618f440892089921c3e944a991122ddc44e60516) pacific (stable)';
const tentacle = 'ceph version 20.2.4 (f7b1e8c2) tentacle (stable - RelWithDebInfo)';

/** What the driver says where the monitors answer `versions` like this. */
async function asked(answer: Partial<CommandResult>) {
  const commands = {
    run: async () => ({ code: 0, output: '', status: '', ...answer }),
    fsid: () => Promise.reject(new Error('not asked')),
    close: async () => {},
  };
  return await readVulnerabilities({ commands, user: 'sharenet' }, new AbortController().signal);
}

test('versions are those of every daemon that runs', () => {
  const output = JSON.stringify({
    mon: { [tentacle]: 2, [pacific]: 1 },
    mds: { [pacific]: 1, 'ceph version Development (no_version) umbrella (dev)': 1 },
    overall: { [tentacle]: 2, [pacific]: 2 },
  });
  expect(runningVersions(output, 'versions')).toEqual(
    new Map([
      ['20.2.4', ['mon']],
      ['16.2.15', ['mds', 'mon']],
    ]),
  );
});

test('the oldest daemon counts while a cluster is updated', async () => {
  const half = { mon: { [tentacle]: 3 }, mgr: { [tentacle]: 1 }, mds: { [tentacle]: 1, [pacific]: 1 }, osd: {} };
  const vulnerabilities = await asked({ output: JSON.stringify({ ...half, overall: {} }) });
  expect(vulnerabilities?.map(({ id, found }) => [id, found])).toEqual([
    ['CVE-2026-50152', 'Ceph 16.2.15 (mds)'],
    ['CVE-2025-30156', 'Ceph 16.2.15 (mds)'],
  ]);
  const done = { mon: { [tentacle]: 3 }, mgr: { [tentacle]: 1 }, mds: { [tentacle]: 2 } };
  expect(await asked({ output: JSON.stringify(done) })).toEqual([]);
});

test.each<[what: string, answer: Partial<CommandResult>, expected: readonly unknown[] | undefined]>([
  ['refuses the command', { code: -13, status: 'access denied' }, undefined],
  ['answers something else', { output: '[]' }, []],
  ['answers no JSON', { output: 'Traceback' }, []],
  ['has a build of its own', { output: '{"mon": {"ceph version 0.0-unknown": 1}}' }, []],
])('a cluster that %s is no failure', async (_, answer, expected) => {
  expect(await asked(answer)).toEqual(expected);
});

test('every advisory has a name, and its fixes one of each line, oldest first', () => {
  for (const { id, fixedVersions } of cephAdvisories) {
    expect(id).toMatch(/^CVE-\d{4}-\d{4,}$/);
    const lines = fixedVersions.map((version) => Number(version.split('.')[0]));
    expect(lines).toEqual([...new Set(lines)].sort((left, right) => left - right));
  }
});
