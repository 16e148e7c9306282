import { expect, test } from 'vitest';
import { chooseHost } from './host-choice.ts';

const host = (name: string, available: number, servers: number) => ({ name, available, servers });

test.each([
  ['the only one', [host('a', 0, 7)], undefined, 'a'],
  ['the emptier one', [host('a', 100, 0), host('b', 200, 0)], undefined, 'b'],
  ['the one with fewer servers', [host('a', 100, 2), host('b', 100, 1)], undefined, 'b'],
  ['the one with more space for each', [host('a', 400, 3), host('b', 150, 0)], undefined, 'b'],
  ['the first by name of equals', [host('b', 100, 1), host('a', 100, 1)], undefined, 'a'],
  ['one that is not full', [host('a', 1000, 2), host('b', 10, 1)], 2, 'b'],
  ['none when all are full', [host('a', 1000, 2), host('b', 10, 3)], 2, undefined],
  ['none when there is none', [], undefined, undefined],
])('a new share server goes to %s', (_, hosts, maxServers, name) => {
  expect(chooseHost(hosts, maxServers)?.name).toBe(name);
});
