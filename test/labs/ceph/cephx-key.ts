import { randomBytes } from 'node:crypto';

/** Numbers of the types of keys, and bytes of their secrets. */
const types = { aes: [1, 16], aes256k: [2, 32] } as const;

/** A new cephx key as keyrings and clients write it: base64 of type, time of creation, length and random bytes. */
export function newCephxKey(type: keyof typeof types = 'aes'): string {
  const [number, size] = types[type];
  const header = Buffer.alloc(12);
  header.writeUInt16LE(number, 0);
  header.writeUInt32LE(Math.floor(Date.now() / 1000), 2);
  header.writeUInt16LE(size, 10);
  return Buffer.concat([header, randomBytes(size)]).toString('base64');
}

/** What an entity may do, by kind of daemon. */
export type Capabilities = Readonly<Partial<Record<'mon' | 'mgr' | 'osd' | 'mds', string>>>;

/** The part of a keyring file about one entity, such as `client.admin` or `mds.a`. */
export function keyringEntry(entity: string, key: string, capabilities: Capabilities): string {
  const lines = Object.entries(capabilities).map(([daemon, capability]) => `\tcaps ${daemon} = "${capability}"\n`);
  return `[${entity}]\n\tkey = ${key}\n${lines.join('')}`;
}
