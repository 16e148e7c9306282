import { z } from 'zod';
import type { CephLab } from '../../labs/ceph/ceph-lab.ts';

const usersSchema = z.tuple([z.object({ key: z.string(), caps: z.record(z.string(), z.string()) })]);

/** A user of Ceph. */
export type CephUser = z.output<typeof usersSchema>[0];

/** Reads a user, past the driver; undefined when there is none. */
export async function readCephUser(lab: CephLab, name: string): Promise<CephUser | undefined> {
  const command = { prefix: 'auth get', entity: `client.${name}`, format: 'json' };
  const { code, output } = await lab.command('mon', command);
  return code === 0 ? usersSchema.parse(JSON.parse(output))[0] : undefined;
}
