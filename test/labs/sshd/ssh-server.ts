import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../faults/eventually.ts';
import { freePort } from '../../kube/free-port.ts';
import { SupervisedPrograms } from '../../kube/supervised-programs.ts';

const run = promisify(execFile);
const program = 'sshd';

/** Options of {@link SSHServer.start}. */
export interface SSHServerOptions {
  /** What the key may run, whatever a client asks for: a command line. */
  readonly forcedCommand: string;
  /** Sessions on one connection. */
  readonly maxSessions?: number;
}

/** A real OpenSSH server on 127.0.0.1 that lets one key in, as whoever runs the test. It ends with this process. */
export class SSHServer {
  readonly address = '127.0.0.1';
  readonly port: number;
  readonly user = userInfo().username;
  /** Line of the public host key. */
  readonly hostKey: string;
  /** The key that is let in. */
  readonly privateKey: string;
  readonly #programs: SupervisedPrograms;

  private constructor(programs: SupervisedPrograms, port: number, hostKey: string, privateKey: string) {
    this.#programs = programs;
    this.port = port;
    this.hostKey = hostKey;
    this.privateKey = privateKey;
  }

  static async start({ forcedCommand, maxSessions = 10 }: SSHServerOptions): Promise<SSHServer> {
    const programs = await SupervisedPrograms.open();
    const { directory } = programs;
    const hostKeyFile = await makeKey(directory, 'host');
    const userKeyFile = await makeKey(directory, 'user');
    const authorizedKeys = join(directory, 'authorized_keys');
    const command = forcedCommand.replaceAll('"', '\\"');
    await writeFile(authorizedKeys, `restrict,command="${command}" ${await readFile(`${userKeyFile}.pub`, 'utf8')}`);
    const port = await freePort();
    const config = join(directory, 'sshd_config');
    await writeFile(
      config,
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${hostKeyFile}`,
        `AuthorizedKeysFile ${authorizedKeys}`,
        `MaxSessions ${maxSessions}`,
        'AuthenticationMethods publickey',
        'PermitRootLogin prohibit-password',
        // The folder above is one that everybody may write in.
        'StrictModes no',
        'UsePAM no',
        // Else bash reads the ~/.bashrc of whoever runs the test before each command, which may take long or print something.
        'SetEnv SHLVL=2',
        'PidFile none',
        'LogLevel VERBOSE',
        '',
      ].join('\n'),
    );
    const server = new SSHServer(
      programs,
      port,
      (await readFile(`${hostKeyFile}.pub`, 'utf8')).trim(),
      await readFile(userKeyFile, 'utf8'),
    );
    // Where sshd separates privileges, as root.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    await programs.start(program, '/usr/sbin/sshd', ['-D', '-e', '-f', config], server.#logFile);
    await eventually('sshd listens', () => canConnect(port), 10_000);
    return server;
  }

  /** How often someone logged in. */
  async logins(): Promise<number> {
    return (await this.#log()).match(/^Accepted publickey /gm)?.length ?? 0;
  }

  /** How often someone began to, as far as showing a key. */
  async keysShown(): Promise<number> {
    return (await this.#log()).match(/^(?:Accepted|Failed|Postponed) publickey /gm)?.length ?? 0;
  }

  /** Ends every connection; new ones are accepted. */
  async dropConnections(): Promise<void> {
    const pid = this.#programs.pid(program);
    const children = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ').filter(Boolean);
    for (const child of children) process.kill(Number(child), 'SIGKILL');
  }

  /** Stops accepting connections and ends those there are. */
  async kill(): Promise<void> {
    await this.dropConnections();
    await this.#programs.kill(program);
  }

  async stop(): Promise<void> {
    await this.#programs.close();
  }

  get #logFile(): string {
    return join(this.#programs.directory, 'sshd.log');
  }

  async #log(): Promise<string> {
    return await readFile(this.#logFile, 'utf8');
  }
}

/** A new private key of a client, in OpenSSH's form. */
export async function makePrivateKey(directory: string, name: string): Promise<string> {
  return await readFile(await makeKey(directory, name), 'utf8');
}

async function makeKey(directory: string, name: string): Promise<string> {
  const file = join(directory, `${name}_key`);
  await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file]);
  return file;
}

async function canConnect(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection(port, '127.0.0.1');
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  const connected = await promise;
  socket.destroy();
  return connected;
}
