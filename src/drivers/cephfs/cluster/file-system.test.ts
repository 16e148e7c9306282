import { expect, test } from 'vitest';
import { servingServers } from './file-system.ts';

const info = (gid: number, rank: number, state: string) => ({ [`gid_${gid}`]: { gid, rank, state } });

test('every rank has its server, standbys have none', () => {
  const map = {
    in: [0, 1],
    up: { mds_0: 10, mds_1: 11 },
    info: { ...info(10, 0, 'up:active'), ...info(11, 1, 'up:stopping'), ...info(12, -1, 'up:standby-replay') },
  };
  expect(servingServers(map)).toEqual([
    { rank: 0, gid: 10 },
    { rank: 1, gid: 11 },
  ]);
});

test.each([
  ['is not there', { in: [0, 1], up: { mds_0: 10 }, info: info(10, 0, 'up:active') }, /rank 1 /],
  ['takes over', { in: [0], up: { mds_0: 10 }, info: info(10, 0, 'up:replay') }, /rank 0 /],
  ['is not told of', { in: [0], up: { mds_0: 10 }, info: {} }, /rank 0 /],
  ['was never there', { in: [], up: {}, info: {} }, /no metadata server/],
])('the sessions of a rank can not be seen while its server %s', (_, map, message) => {
  expect(() => servingServers(map)).toThrow(message);
});
