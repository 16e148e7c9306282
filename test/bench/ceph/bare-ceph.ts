import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import type { CephCommand, CephCommands, CommandTarget } from '../../../src/drivers/cephfs/rados/commands.ts';
import { connectLibrados } from '../../../src/drivers/cephfs/rados/librados.ts';
import { RadosLibrary } from '../../../src/drivers/cephfs/rados/library.ts';
import { findMonitors } from '../../../src/drivers/cephfs/rados/monitor-addresses.ts';
import type { CephLab } from '../../labs/ceph/ceph-lab.ts';

const bounds = { timeoutMs: 60_000, signal: new AbortController().signal };

/** What changes who may use a subvolume, as a command of Ceph. */
export interface Authorization {
  readonly subvolume: string;
  readonly authID: string;
}

/** The commands that an operation comes to, sent by the driver's own transport with nothing around them. */
export class BareCeph {
  readonly #lab: CephLab;
  readonly #commands: CephCommands;

  /** @param key of the user that the operator runs as */
  constructor(lab: CephLab, user: string, key: string) {
    this.#lab = lab;
    this.#commands = connectLibrados({ monitors: lab.monitors, user, key });
  }

  /** Something that only reads: the file systems of a monitor, the subvolumes of the manager. */
  async read(daemon: 'mon' | 'mgr'): Promise<void> {
    await this.#run(daemon, readCommand(daemon, this.#lab));
  }

  /** Makes a subvolume as the driver does, and asks for its path. @returns its name */
  async createSubvolume(): Promise<string> {
    const subvolume = `bare-${randomUUID()}`;
    const create = { prefix: 'fs subvolume create', size: 2 ** 30, mode: '0755', namespace_isolated: true };
    await this.#run('mgr', { ...create, ...this.#address(subvolume) });
    await this.#run('mgr', { prefix: 'fs subvolume getpath', ...this.#address(subvolume) });
    return subvolume;
  }

  async removeSubvolume(subvolume: string): Promise<void> {
    await this.#run('mgr', { prefix: 'fs subvolume rm', ...this.#address(subvolume) });
  }

  async authorize({ subvolume, authID }: Authorization): Promise<void> {
    const more = { auth_id: authID, access_level: 'rw', tenant_id: 'bench' };
    await this.#run('mgr', { prefix: 'fs subvolume authorize', ...this.#address(subvolume), ...more });
  }

  async deauthorize({ subvolume, authID }: Authorization): Promise<void> {
    await this.#run('mgr', { prefix: 'fs subvolume deauthorize', ...this.#address(subvolume), auth_id: authID });
  }

  async close(): Promise<void> {
    await this.#commands.close();
  }

  #address(subvolume: string): Readonly<Record<string, string>> {
    return { vol_name: this.#lab.fileSystem, sub_name: subvolume, group_name: 'sharenet' };
  }

  async #run(daemon: CommandTarget['daemon'] & ('mon' | 'mgr'), command: CephCommand): Promise<void> {
    const { code, status } = await this.#commands.run({ daemon }, { ...command, format: 'json' }, bounds);
    if (code !== 0) throw new Error(`${command.prefix}: code ${code}: ${status}`);
  }
}

/** The library in this process: without the process that the operator has for it. */
export async function openLibrary(lab: CephLab): Promise<(daemon: 'mon' | 'mgr') => Promise<void>> {
  const { monHost = '' } = await findMonitors(lab.monitors, 5_000);
  const names = { rados: 'librados.so.2', cephfs: 'libcephfs.so.2' };
  const library = await RadosLibrary.create(names, 'admin', {
    mon_host: monHost,
    key: lab.adminKey,
    keyring: '/dev/null',
    log_file: '',
    log_to_stderr: 'false',
    err_to_stderr: 'false',
    admin_socket: '',
  });
  await library.connect();
  return async (daemon) => {
    const text = JSON.stringify({ ...readCommand(daemon, lab), format: 'json' });
    const { code } = await (daemon === 'mon' ? library.monCommand(text) : library.mgrCommand(text));
    if (code !== 0) throw new Error(`${text}: code ${code}`);
  };
}

/** The program `ceph` as Ceph's administrator; undefined where it is not installed. */
export async function findCephCLI(
  lab: CephLab,
): Promise<((...args: readonly string[]) => Promise<unknown>) | undefined> {
  const run = promisify(execFile);
  const found = await run('ceph', ['--version']).catch(() => undefined);
  if (found === undefined) return undefined;
  return (...args) => run('ceph', ['-c', `${lab.directory}/ceph.conf`, ...args]);
}

function readCommand(daemon: 'mon' | 'mgr', { fileSystem }: CephLab): CephCommand {
  return daemon === 'mon' ? { prefix: 'fs ls' } : { prefix: 'fs subvolumegroup ls', vol_name: fileSystem };
}
