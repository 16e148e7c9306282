import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../faults/eventually.ts';
import type { SupervisedPrograms } from '../../kube/supervised-programs.ts';

/** A bridge on which machines of labs meet, and the network namespace that has it. */
export interface Segment {
  /** Path of the network namespace, such as `/proc/17/ns/net`. */
  readonly namespace: string;
  readonly bridge: string;
}

/** How a program on a machine ended. */
export interface ProgramResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What {@link Machine.run} may be told. */
export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

interface Program {
  readonly name: string;
  readonly args: readonly string[];
}

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const startTimeoutMs = 10_000;
const commandTimeoutMs = 60_000;

/** @throws when the program fails or takes longer; the message has its last output */
async function succeed({ name, args }: Program, options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runProgram({ name, args }, options);
  if (code === 0) return stdout;
  const said = `${stderr}${stdout}`.trim().split('\n').slice(-4).join(' | ');
  throw new Error(`${name} ${args.join(' ')}: code ${code}: ${said}`);
}

async function runProgram({ name, args }: Program, options: RunOptions): Promise<ProgramResult> {
  const env = { PATH: path, LC_ALL: 'C.UTF-8', ...options.env };
  // A group of its own: Ctrl-C in a terminal ends this process, which then ends them in order.
  const child = spawn(name, args, {
    env,
    stdio: 'pipe',
    detached: true,
    timeout: options.timeoutMs ?? commandTimeoutMs,
  });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  }
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject);
  child.once('close', resolve);
  return { code: await promise, ...output };
}

/** Starts a program in namespaces of its own. @returns the id of its first process, as seen from here */
async function startInNamespaces(programs: SupervisedPrograms, name: string, script: Program): Promise<number> {
  const log = join(programs.directory, `${name}.log`);
  const own = ['--mount', '--propagation', 'private', '--net', '--uts', '--ipc', '--pid', '--mount-proc'];
  // The first process dies with unshare, and with it every process of the PID namespace.
  const args = [...own, '--fork', '--kill-child=SIGKILL', script.name, ...script.args];
  const parent = await programs.start(name, '/usr/bin/unshare', args, log);
  return eventually(
    `${name} has its namespaces`,
    async () => {
      if (programs.exit(name) !== undefined) {
        throw new Error(`${name} ended ${programs.exit(name)}: ${await readFile(log, 'utf8')}`);
      }
      const children = await readFile(`/proc/${parent}/task/${parent}/children`, 'utf8').catch(() => '');
      const pid = Number.parseInt(children, 10);
      if (Number.isNaN(pid)) return undefined;
      const ready = await access(`/proc/${pid}/root/run/lab-ready`).then(
        () => true,
        () => false,
      );
      return ready ? pid : undefined;
    },
    startTimeoutMs,
  );
}

/** Makes a bridge in a network namespace that ends with the programs. */
export async function startSegment(programs: SupervisedPrograms): Promise<Segment> {
  const name = `segment-${randomUUID().slice(0, 8)}`;
  const pid = await startInNamespaces(programs, name, machineScript([]));
  const bridge = 'lab0';
  const inside = ['--target', String(pid), '--net', '/usr/sbin/ip', 'link'];
  await succeed({ name: '/usr/bin/nsenter', args: [...inside, 'add', bridge, 'type', 'bridge'] });
  await succeed({ name: '/usr/bin/nsenter', args: [...inside, 'set', bridge, 'up'] });
  return { namespace: `/proc/${pid}/ns/net`, bridge };
}

function machineScript(privateFolders: readonly string[]): Program {
  return { name: '/bin/bash', args: [join(import.meta.dirname, 'machine.sh'), ...privateFolders] };
}

/**
 * What a computer of its own would be to the programs on it: namespaces with one address on a segment, with an /etc,
 * a /run and named folders in memory. It ends with the process that started it.
 */
export class Machine {
  readonly name: string;
  readonly address: string;
  readonly #programs: SupervisedPrograms;
  readonly #pid: number;
  #paused = false;

  private constructor(programs: SupervisedPrograms, name: string, address: string, pid: number) {
    this.#programs = programs;
    this.name = name;
    this.address = address;
    this.#pid = pid;
  }

  /**
   * @param address with the prefix length, such as `10.77.0.2/24`
   * @param privateFolders get an empty folder in memory in their place; those that do not exist here are left out
   */
  static async start(
    programs: SupervisedPrograms,
    options: {
      readonly name: string;
      readonly address: string;
      readonly segment: Segment;
      readonly privateFolders: readonly string[];
    },
  ): Promise<Machine> {
    const { name, address, segment, privateFolders } = options;
    const pid = await startInNamespaces(programs, name, machineScript(privateFolders));
    const machine = new Machine(programs, name, address.split('/')[0] ?? '', pid);
    await machine.plug('eth0', segment);
    await machine.succeed(['ip', 'address', 'add', address, 'dev', 'eth0']);
    await machine.succeed(['ip', 'link', 'set', 'eth0', 'up']);
    return machine;
  }

  /** Gives it a network interface on a segment, which is down and has no address. */
  async plug(device: string, segment: Segment): Promise<void> {
    const port = `m${randomUUID().slice(0, 8)}`;
    const inSegment = [`--net=${segment.namespace}`, '/usr/sbin/ip', 'link'];
    const link = [...inSegment, 'add', port, 'type', 'veth', 'peer', 'name', device, 'netns', String(this.#pid)];
    await succeed({ name: '/usr/bin/nsenter', args: link });
    await succeed({ name: '/usr/bin/nsenter', args: [...inSegment, 'set', port, 'master', segment.bridge, 'up'] });
  }

  /** A file of the machine as a path that this process can open. */
  file(path: string): string {
    return `/proc/${this.#pid}/root${path}`;
  }

  /** Path of the machine's network namespace. */
  get namespace(): string {
    return `/proc/${this.#pid}/ns/net`;
  }

  /** Runs a program on the machine; one that fails is a result. */
  async run(argv: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
    return runProgram(this.#inside(argv), options);
  }

  /** As {@link run}. @returns its standard output @throws when it fails */
  async succeed(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return succeed(this.#inside(argv), options);
  }

  /** Kills what runs on the machine; its address and files stay. */
  async killPrograms(): Promise<void> {
    await this.run(['kill', '-KILL', '-1']);
    this.#paused = false;
  }

  /** Stops every program where it stands: connections stay open, new ones are taken, and no one answers. */
  async pause(): Promise<void> {
    await this.run(['kill', '-STOP', '-1']);
    this.#paused = true;
  }

  /** Lets paused programs go on. */
  async resume(): Promise<void> {
    if (this.#paused) await this.run(['kill', '-CONT', '-1']);
    this.#paused = false;
  }

  /** Ends the machine and all that runs on it. */
  async stop(): Promise<void> {
    await this.#programs.kill(this.name);
  }

  #inside(argv: readonly string[]): Program {
    const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--wd=/'];
    return { name: '/usr/bin/nsenter', args: ['--target', String(this.#pid), ...namespaces, ...argv] };
  }
}
