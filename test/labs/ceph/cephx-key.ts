import { randomBytes } from 'node:crypto';

/** A new cephx key as keyrings and clients write it: base64 of type, time of creation, length and 16 random bytes. */
export function newCephxKey(now: Date = new Date(), random: (size: number) => Buffer = randomBytes): string {
  const header = Buffer.alloc(12);
  header.writeUInt16LE(1, 0);
  header.writeUInt32LE(Math.floor(now.getTime() / 1000), 2);
  header.writeUInt16LE(16, 10);
  return Buffer.concat([header, random(16)]).toString('base64');
}

/** What an entity may do, by kind of daemon. */
export type Capabilities = Readonly<Partial<Record<'mon' | 'mgr' | 'osd' | 'mds', string>>>;

/** The part of a keyring file about one entity, such as `client.admin` or `mds.a`. */
export function keyringEntry(entity: string, key: string, capabilities: Capabilities): string {
  const lines = Object.entries(capabilities).map(([daemon, capability]) => `\tcaps ${daemon} = "${capability}"\n`);
  return `[${entity}]\n\tkey = ${key}\n${lines.join('')}`;
}
