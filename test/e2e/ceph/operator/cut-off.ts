import { eventually } from '../../../faults/eventually.ts';
import type { CephFSClient } from '../../../labs/ceph/cephfs-client.ts';
import { refusalOf } from '../rig.ts';

/** How long a mounted client may go on after its denial was asked for, in milliseconds. */
export const cutBoundMs = 2_000;

/**
 * Does what is to throw clients out, and writes with each until it is refused.
 * @returns how long each could still write, in milliseconds since it began
 * @throws when one was never refused
 */
export async function timesToCutOff(
  act: () => Promise<unknown>,
  clients: readonly CephFSClient[],
): Promise<readonly number[]> {
  const begun = performance.now();
  const done = act();
  const times = clients.map(async (client) => {
    await eventually('the client is cut off', () => refusalOf(client.write('/probe', 'text')), 20_000);
    return performance.now() - begun;
  });
  return (await Promise.all([Promise.all(times), done]))[0];
}
