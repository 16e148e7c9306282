import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Machine, ProgramResult } from '../machine/machine.ts';

const commandTimeoutMs = 30_000;
const nudgeMs = 50;

/** Who logs in where. A user is named `NAME` or `DOMAIN\NAME`. */
export interface SambaLogin {
  readonly address: string;
  readonly share: string;
  readonly user: string;
  readonly password: string;
}

function argumentsOf({ address, share, user }: SambaLogin): readonly string[] {
  return [`//server/${share}`, `--ip-address=${address}`, '-U', user, '--use-kerberos=off', '-t', '20'];
}

/** A machine in the tenants' network, with smbclient. */
export class SambaClient {
  readonly machine: Machine;

  constructor(machine: Machine) {
    this.machine = machine;
  }

  /** Runs commands of smbclient, parted by semicolons; a refusal is a result. */
  async run(login: SambaLogin, commands: string): Promise<ProgramResult> {
    const argv = ['smbclient', ...argumentsOf(login), '-c', commands];
    return this.machine.run(argv, { env: { PASSWD: login.password }, timeoutMs: commandTimeoutMs });
  }

  /** Logs in and stays connected. @throws when the login is refused */
  async connect(login: SambaLogin): Promise<SambaSession> {
    const namespace = this.machine.namespace;
    const argv = [`--net=${namespace}`, '/usr/bin/stdbuf', '-o0', '/usr/bin/smbclient', ...argumentsOf(login)];
    const env = { PATH: '/usr/bin:/bin', PASSWD: login.password };
    const session = new SambaSession(spawn('/usr/bin/nsenter', argv, { env, cwd: '/', stdio: 'pipe' }));
    const first = await session.command('ls');
    if (first.includes('NT_STATUS_')) throw new Error(`smbclient: ${first}`);
    return session;
  }
}

/** A connection that stays open between commands. It does not connect again by itself. */
export class SambaSession {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exit: Promise<unknown>;
  #output = '';
  #commands = 0;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    this.#exit = once(child, 'close');
    child.stdin.on('error', () => {});
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        child.emit('output');
      });
    }
  }

  /** @returns what smbclient says to the command; when the connection is lost, what it says about that */
  async command(text: string): Promise<string> {
    this.#output = '';
    this.#commands += 1;
    const marker = `done-${this.#commands}\n`;
    this.#child.stdin.write(`${text}\n!echo ${marker}`);
    // Of lines that come together it reads the first, and the others when more comes.
    const nudge = setInterval(() => this.#child.stdin.write('\n'), nudgeMs);
    const timeout = AbortSignal.timeout(commandTimeoutMs);
    try {
      // It ends by itself when it sees that the connection is lost.
      while (!this.#output.includes(marker) && this.#child.exitCode === null) {
        await Promise.race([once(this.#child, 'output', { signal: timeout }), this.#exit]);
      }
    } finally {
      clearInterval(nudge);
    }
    return this.#output.replace(marker, '');
  }

  async close(): Promise<void> {
    this.#child.stdin.end('quit\n');
    await this.#exit;
  }
}
