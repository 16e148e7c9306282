import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { eventually } from '../../faults/eventually.ts';
import { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { Machine, type ProgramResult, type Segment, startSegment } from '../machine/machine.ts';
import { SSHServer } from '../sshd/ssh-server.ts';
import { SambaClient } from './samba-client.ts';

const program = '/usr/local/sbin/sharenet-samba-host';
const sources = join(import.meta.dirname, '../../../hosts/samba');

const statusSchema = z.object({ pid: z.int() });

/** What {@link SambaHost.start} may be told. */
export interface SambaHostOptions {
  readonly name: string;
  /** Of the host itself on the segment, with the prefix length. */
  readonly address: string;
  readonly segment: Segment;
}

/**
 * A file server host: a machine with the program of hosts/samba, and an SSH server on 127.0.0.1 whose key can run
 * nothing but that. Its disks are in memory; share servers join the segment through a bridge of the host.
 */
export class SambaHost {
  /** The host's network interface for share servers, a bridge. */
  readonly interface = 'br0';
  readonly root = '/srv/sharenet';
  readonly machine: Machine;
  readonly ssh: SSHServer;

  private constructor(machine: Machine, ssh: SSHServer) {
    this.machine = machine;
    this.ssh = ssh;
  }

  static async start(programs: SupervisedPrograms, options: SambaHostOptions): Promise<SambaHost> {
    const { name, address, segment } = options;
    const machine = await Machine.start(programs, {
      name,
      address,
      segment,
      privateFolders: ['/srv', '/usr/local', '/var/lib'],
    });
    // What it shows of network interfaces is of the namespace that it was mounted in.
    await machine.succeed(['mount', '-t', 'sysfs', 'sysfs', '/sys']);
    for (const command of [
      ['link', 'add', 'br0', 'type', 'bridge'],
      ['address', 'delete', address, 'dev', 'eth0'],
      ['link', 'set', 'eth0', 'master', 'br0'],
      ['address', 'add', address, 'dev', 'br0'],
      ['link', 'set', 'br0', 'up'],
    ]) {
      await machine.succeed(['ip', ...command]);
    }
    // The kernel tells some moments later that a bridge's port is up; until then the program calls the interface down.
    await eventually(`the bridge of ${machine.name} is up`, async () => {
      const state = await machine.succeed(['cat', '/sys/class/net/br0/operstate']);
      return state.trim() !== 'down';
    });
    await machine.succeed(['mkdir', '-m', '0700', '/run/netns', '/srv/sharenet']);
    await machine.succeed([join(sources, 'install.sh')]);
    const namespaces = ['mnt', 'net', 'uts', 'ipc', 'pid'].map((kind) => {
      const option = kind === 'mnt' ? 'mount' : kind;
      return `--${option}=${machine.namespace.replace(/net$/, kind)}`;
    });
    const forcedCommand = ['/usr/bin/nsenter', ...namespaces, '--wd=/', program].join(' ');
    return new SambaHost(machine, await SSHServer.start({ forcedCommand }));
  }

  /** Gives the host another bridge, on another segment, on which it has no address itself. @returns its name */
  async addBridge(segment: Segment): Promise<string> {
    const bridge = 'br1';
    await this.machine.plug('eth1', segment);
    for (const command of [
      ['add', bridge, 'type', 'bridge'],
      ['set', 'eth1', 'master', bridge, 'up'],
      ['set', bridge, 'up'],
    ]) {
      await this.machine.succeed(['ip', 'link', ...command]);
    }
    return bridge;
  }

  /**
   * Ends all processes and takes away what is not on a disk, as a reboot does. Nothing is started again by itself.
   * Connections over SSH stay possible.
   */
  async reboot(): Promise<void> {
    await this.machine.killPrograms();
    const { stdout } = await this.machine.run(['ls', '/run/netns']);
    for (const name of stdout.split('\n').filter(Boolean)) await this.machine.run(['ip', 'netns', 'delete', name]);
  }

  /** Runs a program inside a share server, as an intruder in one of its processes would. */
  async inServer(
    serverID: string,
    argv: readonly string[],
    input = '',
    root: string = this.root,
  ): Promise<ProgramResult> {
    const path = join(root, 'servers', serverID, 'control/status.json');
    const { pid } = statusSchema.parse(JSON.parse(await this.machine.succeed(['cat', path])));
    const namespaces = ['--mount', '--net', '--pid', '--uts', '--ipc', '--wd=/'];
    return this.machine.run(['nsenter', `--target=${pid}`, ...namespaces, ...argv], { input });
  }

  /** Makes a user of a share server that has no directory service. */
  async addUser(serverID: string, name: string, uid: number, password: string): Promise<void> {
    const line = `${name}:x:${uid}:${uid}::/nonexistent:/usr/sbin/nologin\n`;
    const group = `${name}:x:${uid}:\n`;
    for (const [file, text] of [
      ['passwd', line],
      ['group', group],
    ] as const) {
      await this.machine.succeed(['tee', '-a', join(this.root, 'servers', serverID, 'etc', file)], { input: text });
    }
    const added = await this.inServer(serverID, ['smbpasswd', '-s', '-a', name], `${password}\n${password}\n`);
    if (added.code !== 0) throw new Error(`smbpasswd: ${added.stderr}${added.stdout}`);
  }

  async stop(): Promise<void> {
    await this.ssh.stop();
    await this.machine.stop();
  }
}

/** File server hosts and a client on one segment. */
export class SambaHostLab {
  readonly segment: Segment;
  readonly hosts: readonly SambaHost[];
  readonly client: SambaClient;
  readonly #programs: SupervisedPrograms;

  private constructor(
    programs: SupervisedPrograms,
    segment: Segment,
    hosts: readonly SambaHost[],
    client: SambaClient,
  ) {
    this.#programs = programs;
    this.segment = segment;
    this.hosts = hosts;
    this.client = client;
  }

  /** Use {@link startSambaHosts}. */
  static async start(options: SambaHostLabOptions): Promise<SambaHostLab> {
    const programs = await SupervisedPrograms.open();
    try {
      const segment = options.segment ?? (await startSegment(programs));
      const names = Array.from({ length: options.hosts ?? 1 }, (_, index) => index);
      const [client, ...hosts] = await Promise.all([
        SambaHostLab.#startClient(programs, segment),
        ...names.map((index) =>
          SambaHost.start(programs, { name: `host-${index}`, address: `10.77.0.${21 + index}/24`, segment }),
        ),
      ]);
      return new SambaHostLab(programs, segment, hosts, client);
    } catch (error) {
      await programs.close();
      throw error;
    }
  }

  static async #startClient(programs: SupervisedPrograms, segment: Segment): Promise<SambaClient> {
    const address = '10.77.0.30/24';
    return new SambaClient(await Machine.start(programs, { name: 'client', address, segment, privateFolders: [] }));
  }

  /** The first of the file server hosts, in most labs the only one. */
  get host(): SambaHost {
    const [first] = this.hosts;
    if (first === undefined) throw new Error('the lab has no host');
    return first;
  }

  /** Another machine on the segment. `address` with the prefix length. */
  async addMachine(address: string): Promise<Machine> {
    const name = `machine-${randomUUID().slice(0, 8)}`;
    return Machine.start(this.#programs, { name, address, segment: this.segment, privateFolders: [] });
  }

  /** Ends every program and removes every file. */
  async stop(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.stop()));
    await this.#programs.close();
  }
}

/** What {@link startSambaHosts} may be told. */
export interface SambaHostLabOptions {
  /** How many file server hosts; one unless given. */
  readonly hosts?: number;
  /** Without it the lab makes one. */
  readonly segment?: Segment;
}

/** Starts file server hosts in about a second; Samba and OpenSSH's server have to be installed. */
export async function startSambaHosts(options: SambaHostLabOptions = {}): Promise<SambaHostLab> {
  return SambaHostLab.start(options);
}
