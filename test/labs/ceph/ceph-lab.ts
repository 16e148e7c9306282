import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { eventually } from '../../faults/eventually.ts';
import { freePort } from '../../kube/free-port.ts';
import { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { cephConf } from './ceph-conf.ts';
import { CephFSClient } from './cephfs-client.ts';
import { type Capabilities, keyringEntry, newCephxKey } from './cephx-key.ts';
import { CephClientError, ClientProcess } from './client-process.ts';

/** A daemon of the lab, by its name in Ceph; more metadata servers are named as they were added. */
export type CephDaemon = 'mon.a' | 'mgr.x' | 'osd.0' | `mds.${string}`;

/** A command's answer: 0 or a negative errno, standard output, status text. */
export interface CephAnswer {
  readonly code: number;
  readonly output: string;
  readonly status: string;
}

const answerSchema = z.object({ code: z.int(), output: z.string(), status: z.string() });
const createdOsdSchema = z.object({ osdid: z.int() });
const usersSchema = z.array(z.object({ key: z.string() })).length(1);

/** Daemons and clients look in these folders, which are not on everybody's PATH. */
const path = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(':');
const allowAll: Capabilities = { mon: 'allow *', mgr: 'allow *', osd: 'allow *', mds: 'allow *' };
const daemonCapabilities: Readonly<Record<'mgr' | 'osd' | 'mds', Capabilities>> = {
  mgr: { mon: 'allow profile mgr', osd: 'allow *', mds: 'allow *' },
  osd: { mon: 'allow profile osd', mgr: 'allow profile osd', osd: 'allow *' },
  mds: { mon: 'allow profile mds', mgr: 'allow profile mds', osd: 'allow *', mds: 'allow *' },
};
const managerModules = '/usr/share/ceph/mgr';
const startTimeoutMs = 60_000;
const commandTimeoutMs = 30_000;

/** A Ceph cluster of the caller's own on 127.0.0.1, with one file system; its data is in memory. */
export class CephLab {
  readonly fileSystem = 'cephfs';
  readonly fsid = randomUUID();
  /** Key of the user `admin`, who may do everything. */
  readonly adminKey = newCephxKey();
  /** `host:port` of each monitor. */
  readonly monitors: readonly string[];
  readonly #programs: SupervisedPrograms;
  readonly #port: number;
  #admin: ClientProcess | undefined;
  #login: Promise<ClientProcess | undefined> | undefined;

  private constructor(programs: SupervisedPrograms, port: number) {
    this.#programs = programs;
    this.#port = port;
    this.monitors = [`127.0.0.1:${port}`];
  }

  /** Use {@link startCeph}. */
  static async start(): Promise<CephLab> {
    const programs = await SupervisedPrograms.open();
    const lab = new CephLab(programs, await freePort());
    try {
      await lab.#startAll();
      return lab;
    } catch (error) {
      const logs = await lab.#lastLogLines();
      await lab.stop();
      throw new Error(`the Ceph cluster did not start: ${error instanceof Error ? error.message : error}${logs}`, {
        cause: error,
      });
    }
  }

  /** Folder of configuration, logs and data, removed at the end. */
  get directory(): string {
    return this.#programs.directory;
  }

  /** Process id; undefined while the daemon does not run. */
  pid(daemon: CephDaemon): number | undefined {
    return this.#programs.pid(daemon);
  }

  /**
   * Runs a command as the administrator, apart from the operator's transport.
   *
   * @param target `mon`, `mgr` or `mds.NAME`
   * @throws CephClientError `ETIMEDOUT` when no one answers; a command that fails is a result
   */
  async command(
    target: 'mon' | 'mgr' | `mds.${string}`,
    command: Readonly<Record<string, unknown>>,
    timeoutMs = commandTimeoutMs,
  ): Promise<CephAnswer> {
    const admin = await this.#connected();
    return answerSchema.parse(await admin.request('command', { target, command }, timeoutMs));
  }

  /** As {@link command}. @returns the command's output @throws when the command fails */
  async succeed(
    target: 'mon' | 'mgr' | `mds.${string}`,
    command: Readonly<Record<string, unknown>>,
    timeoutMs = commandTimeoutMs,
  ): Promise<string> {
    const { code, output, status } = await this.command(target, command, timeoutMs);
    if (code !== 0) throw new Error(`${String(command.prefix)}: code ${code}: ${status}`);
    return output;
  }

  /** Makes a user, or gives one that exists these capabilities. @returns its key */
  async createUser(name: string, capabilities: Capabilities): Promise<string> {
    const entity = `client.${name}`;
    const caps = Object.entries(capabilities).flat();
    const created = await this.command('mon', { prefix: 'auth get-or-create', entity, caps, format: 'json' });
    if (created.code !== 0) await this.succeed('mon', { prefix: 'auth caps', entity, caps });
    const [user] = usersSchema.parse(
      JSON.parse(await this.succeed('mon', { prefix: 'auth get', entity, format: 'json' })),
    );
    return user?.key ?? '';
  }

  /** Mounts a path of the file system. @throws CephClientError when it is refused */
  async mount(user: string, key: string, root: string, libraries?: string): Promise<CephFSClient> {
    const { monitors, fileSystem } = this;
    return CephFSClient.mount({ monitors, fileSystem, user, key, root, ...(libraries && { libraries }) });
  }

  /** Stops a daemon where it stands: its connections stay open and no one answers on them. */
  async pause(daemon: CephDaemon): Promise<void> {
    await this.#programs.signal(daemon, 'SIGSTOP');
  }

  /** Lets a paused daemon go on. */
  async resume(daemon: CephDaemon): Promise<void> {
    await this.#programs.signal(daemon, 'SIGCONT');
  }

  async kill(daemon: CephDaemon): Promise<void> {
    await this.#programs.kill(daemon);
  }

  /** Starts a daemon that was killed; returns when its process runs. {@link healthy} waits for more. */
  async startDaemon(daemon: CephDaemon): Promise<void> {
    const [kind = '', id = ''] = daemon.split('.');
    const log = join(this.directory, 'log', `${daemon}.output`);
    // In the foreground, and with its standard error open: the manager's volumes module writes there.
    await this.#programs.start(daemon, 'env', [`PATH=${path}`, `ceph-${kind}`, '-f', '-i', id, '-c', this.#conf], log);
  }

  /** Adds a metadata server, a standby unless the file system's `max_mds` wants more. */
  async addMetadataServer(name: string): Promise<void> {
    const entity = `mds.${name}`;
    const caps = Object.entries(daemonCapabilities.mds).flat();
    await this.succeed('mon', { prefix: 'auth get-or-create', entity, caps });
    const users = await this.succeed('mon', { prefix: 'auth get', entity, format: 'json' });
    const [user] = usersSchema.parse(JSON.parse(users));
    await this.#addKeyring(entity, user?.key ?? '', daemonCapabilities.mds);
    await this.startDaemon(`mds.${name}`);
  }

  /** Waits until the file system can be used and the manager makes subvolumes. @throws when that takes too long */
  async healthy(timeoutMs = startTimeoutMs): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    await this.#until('the metadata server is active', deadline, async () => {
      const status = await this.command('mon', { prefix: 'mds stat' }, 2_000);
      return status.output.includes('up:active');
    });
    await this.#until('the volumes module answers', deadline, async () => {
      const list = { prefix: 'fs subvolume ls', vol_name: this.fileSystem };
      return (await this.command('mgr', list, 2_000)).code === 0;
    });
  }

  /** Ends every daemon and removes every file. */
  async stop(): Promise<void> {
    await this.#admin?.kill();
    await this.#programs.close();
  }

  get #conf(): string {
    return join(this.directory, 'ceph.conf');
  }

  async #startAll(): Promise<void> {
    for (const folder of ['keyrings', 'run', 'log', 'data/mon.a', 'data/mgr.x', 'data/osd.0', 'data/mds.a']) {
      await mkdir(join(this.directory, folder), { recursive: true });
    }
    const { directory, fsid } = this;
    await writeFile(this.#conf, cephConf({ directory, fsid, monitorPort: this.#port }));
    await this.#writeKeyrings();
    await this.#linkManagerModules();
    const map = join(directory, 'monmap');
    const address = `[v2:127.0.0.1:${this.#port}]`;
    await this.#run('monmaptool', ['--create', '--clobber', '--fsid', fsid, '--addv', 'a', address, map]);
    const keyring = join(directory, 'keyrings/mon.');
    await this.#run('ceph-mon', ['-i', 'a', '--mkfs', '--monmap', map, '--keyring', keyring, '-c', this.#conf]);
    await this.startDaemon('mon.a');
    await Promise.all([this.startDaemon('mgr.x'), this.#createOsd(), this.#createFileSystem()]);
    await this.healthy();
  }

  /** The module of subvolumes and what it imports: with all of its modules the manager takes many times as long to start. */
  async #linkManagerModules(): Promise<void> {
    await mkdir(join(this.directory, 'modules'));
    for (const name of await readdir(managerModules)) {
      if (!name.endsWith('.py') && name !== 'volumes' && name !== 'orchestrator') continue;
      await symlink(join(managerModules, name), join(this.directory, 'modules', name));
    }
  }

  async #writeKeyrings(): Promise<void> {
    const entries = [keyringEntry('mon.', newCephxKey(), { mon: 'allow *' })];
    const own: readonly [string, string, Capabilities][] = [
      ['client.admin', this.adminKey, allowAll],
      ['mgr.x', newCephxKey(), daemonCapabilities.mgr],
      ['osd.0', newCephxKey(), daemonCapabilities.osd],
      ['mds.a', newCephxKey(), daemonCapabilities.mds],
    ];
    for (const [entity, key, capabilities] of own) {
      entries.push(await this.#addKeyring(entity, key, capabilities));
    }
    await writeFile(join(this.directory, 'keyrings/mon.'), entries.join(''), { mode: 0o600 });
  }

  async #addKeyring(entity: string, key: string, capabilities: Capabilities): Promise<string> {
    const entry = keyringEntry(entity, key, capabilities);
    await writeFile(join(this.directory, 'keyrings', entity), entry, { mode: 0o600 });
    return entry;
  }

  async #createOsd(): Promise<void> {
    const uuid = randomUUID();
    const created = await this.succeed('mon', { prefix: 'osd new', uuid, id: 0, format: 'json' });
    createdOsdSchema.parse(JSON.parse(created));
    await this.#run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', uuid, '-c', this.#conf]);
    await this.startDaemon('osd.0');
  }

  async #createFileSystem(): Promise<void> {
    const pools = ['meta', 'data'].map((kind) => `cephfs.${this.fileSystem}.${kind}`);
    for (const pool of pools) await this.succeed('mon', { prefix: 'osd pool create', pool, pg_num: 8 });
    const [metadata, data] = pools;
    await this.succeed('mon', { prefix: 'fs new', fs_name: this.fileSystem, metadata, data });
    await this.startDaemon('mds.a');
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await promisify(execFile)(program, args, { timeout: startTimeoutMs, env: { ...process.env, PATH: path } });
  }

  /** The administrator's client, logged in. It finds the daemons again by itself after they were gone. */
  async #connected(): Promise<ClientProcess> {
    if (this.#login === undefined) {
      this.#admin = new ClientProcess();
      const credentials = { monitors: this.monitors, user: 'admin', key: this.adminKey };
      this.#login = this.#admin.request('connect', credentials, commandTimeoutMs).then(() => this.#admin);
    }
    const admin = await this.#login;
    if (admin === undefined) throw new Error('the cluster has been stopped');
    return admin;
  }

  /** Polls, and takes a command that no one answers as "not yet". */
  async #until(what: string, deadline: number, check: () => Promise<boolean>): Promise<void> {
    const tried = async () => {
      try {
        return await check();
      } catch (error) {
        if (error instanceof CephClientError) return false;
        throw error;
      }
    };
    await eventually(what, tried, deadline - Date.now());
  }

  async #lastLogLines(): Promise<string> {
    const parts = ['mon.a', 'mgr.x', 'osd.0', 'mds.a'].map(async (daemon) => {
      const text = await readFile(join(this.directory, 'log', `${daemon}.log`), 'utf8').catch(() => '');
      const exit = this.#programs.exit(daemon);
      return exit === undefined ? '' : `\n${daemon} ended ${exit}: ${text.split('\n').slice(-6).join('\n')}`;
    });
    return (await Promise.all(parts)).join('');
  }
}

/** Starts a whole cluster on free ports in a temporary folder, in some seconds; Ceph has to be installed. */
export async function startCeph(): Promise<CephLab> {
  return CephLab.start();
}
