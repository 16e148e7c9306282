import type { CephFSClient } from '../../labs/ceph/cephfs-client.ts';

type Command = (client: CephFSClient, file: string, text: string) => Promise<string>;

const mebibytes = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;

const commands: Readonly<Record<string, Command>> = {
  write: async (client, file, text) => {
    await client.write(file, text);
    return 'stored';
  },
  read: async (client, file) => await client.read(file),
  ls: async (client, directory) => (await client.list(directory)).join(' '),
  mkdir: async (client, directory) => {
    await client.mkdir(directory);
    return 'made';
  },
  rm: async (client, file) => {
    await client.remove(file);
    return 'removed';
  },
  df: async (client, directory) => {
    const { total, available } = await client.size(directory);
    return `${mebibytes(total)}, ${mebibytes(available)} free`;
  },
};

/** What can be typed at a mounted client. */
export const usage = 'write FILE TEXT, read FILE, ls [DIRECTORY], mkdir DIRECTORY, rm FILE, df';

/**
 * Does what someone typed at a mounted client.
 *
 * @returns what is to be shown
 * @throws CephClientError what the client was refused
 */
export async function perform(client: CephFSClient, line: string): Promise<string> {
  const [, name = '', file = '/', text = ''] = /^\s*(\S+)(?:\s+(\S+))?(?:\s+(.*?))?\s*$/.exec(line) ?? [];
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return command === undefined ? usage : await command(client, file.startsWith('/') ? file : `/${file}`, text);
}
