import type { Client, ClientChannel } from 'ssh2';
import ssh2 from 'ssh2';
import { abortedError, unlessAborted } from '../../kit/abort.ts';
import { Slots } from '../../kit/slots.ts';
import { type HostAddress, hostError, loginError } from './errors.ts';
import type { HostKey } from './keys.ts';

/** How long a login may take, in milliseconds. */
const loginTimeoutMs = 10_000;
/** A connection on which nothing comes for about half a minute is given up. */
const keepAlive = { keepaliveInterval: 10_000, keepaliveCountMax: 3 } as const;
/** Most of what a command may answer, in bytes. */
const maxOutputBytes = 4 * 2 ** 20;
const maxErrorBytes = 4096;

/** Where to log in, as whom, and whom to expect. */
export interface SSHLogin extends HostAddress {
  readonly hostKey: HostKey;
  /** In a form that needs no passphrase. */
  readonly privateKey: string;
}

/** What came of a command that ran to its end. */
export interface CommandResult {
  /** undefined: ended by a signal, or the connection broke off. */
  readonly code: number | undefined;
  readonly output: string;
  /** Beginning of its standard error. */
  readonly errorOutput: string;
}

/** What to run. */
export interface SSHCommand {
  readonly command: string;
  /** Its standard input. */
  readonly input: string;
  readonly signal: AbortSignal;
}

/**
 * One login to a host, on which commands run side by side. It is used until it breaks; whoever holds it makes the next one. Commands
 * that begin while the login is going on wait for it.
 */
export class SSHConnection {
  readonly #login: SSHLogin;
  readonly #client: Client;
  readonly #ready: Promise<void>;
  readonly #slots: Slots;
  #open = true;
  #running = 0;
  #retired = false;

  /** @param maxCommands that run at once; below sshd's MaxSessions */
  constructor(login: SSHLogin, maxCommands: number) {
    this.#login = login;
    this.#slots = new Slots(maxCommands);
    this.#client = new ssh2.Client();
    const ready = Promise.withResolvers<void>();
    this.#ready = ready.promise;
    // While no caller waits, a failure is not an unhandled rejection.
    this.#ready.catch(() => {});
    let keyRefused = false;
    this.#client
      .on('ready', () => ready.resolve())
      .on('error', (error) => {
        this.#open = false;
        ready.reject(loginError(login, error, keyRefused));
      })
      .on('close', () => {
        this.#open = false;
        ready.reject(connectionLost(login));
      })
      .connect({
        host: login.address,
        port: login.port,
        username: login.user,
        privateKey: login.privateKey,
        authHandler: ['publickey'],
        algorithms: { serverHostKey: login.hostKey.algorithms },
        hostVerifier: (shown: Buffer) => {
          keyRefused = !shown.equals(login.hostKey.publicKey);
          return !keyRefused;
        },
        readyTimeout: loginTimeoutMs,
        ...keepAlive,
      });
  }

  /** Whether commands can be run on it; a login that is going on counts. */
  get usable(): boolean {
    return this.#open && !this.#retired;
  }

  /**
   * Runs a command. When the signal aborts, its channel is closed and the call ends; what became of the command is not known.
   * @throws DriverError `Unavailable`; {@link NoChannelError} when the host takes no further command on this connection
   */
  async run({ command, input, signal }: SSHCommand): Promise<CommandResult> {
    this.#running += 1;
    try {
      await unlessAborted(this.#ready, signal);
      return await this.#slots.run(async () => {
        const channel = await this.#channel(command, signal);
        return await this.#converse(channel, input, signal);
      }, signal);
    } catch (error) {
      throw signal.aborted ? abortedError(signal, `host ${this.#login.name}`) : error;
    } finally {
      this.#running -= 1;
      if (this.#retired) this.#endIfIdle();
    }
  }

  /** Ends it as soon as no command runs on it. */
  retire(): void {
    this.#retired = true;
    this.#endIfIdle();
  }

  /** Ends it at once. */
  close(): void {
    this.#open = false;
    this.#client.destroy();
  }

  #endIfIdle(): void {
    if (this.#running === 0) this.close();
  }

  async #channel(command: string, signal: AbortSignal): Promise<ClientChannel> {
    if (!this.#open) throw connectionLost(this.#login);
    const opened = Promise.withResolvers<ClientChannel>();
    const lost = (): void => opened.reject(connectionLost(this.#login));
    this.#client.once('close', lost);
    this.#client.exec(command, (error, channel) => {
      if (error === undefined) opened.resolve(channel);
      else opened.reject(new NoChannelError(error.message));
    });
    try {
      return await unlessAborted(opened.promise, signal);
    } catch (error) {
      // It may still be opened after that.
      opened.promise.then((channel) => channel.close()).catch(() => {});
      throw error;
    } finally {
      this.#client.off('close', lost);
    }
  }

  async #converse(channel: ClientChannel, input: string, signal: AbortSignal): Promise<CommandResult> {
    const done = Promise.withResolvers<CommandResult>();
    const output: Buffer[] = [];
    let bytes = 0;
    let errorOutput = '';
    let code: number | undefined;
    channel
      .on('data', (data: Buffer) => {
        bytes += data.length;
        if (bytes > maxOutputBytes) done.reject(tooMuchOutput(this.#login));
        else output.push(data);
      })
      .on('exit', (exitCode: number | null) => {
        code = exitCode ?? undefined;
      })
      .on('error', () => done.reject(connectionLost(this.#login)))
      .on('close', () => {
        if (code === undefined && !this.#open) done.reject(connectionLost(this.#login));
        else done.resolve({ code, output: Buffer.concat(output).toString('utf8'), errorOutput });
      });
    channel.stderr
      .on('data', (data: Buffer) => {
        if (errorOutput.length < maxErrorBytes) errorOutput += data.toString('utf8');
      })
      .on('error', () => {});
    channel.end(input);
    try {
      return await unlessAborted(done.promise, signal);
    } catch (error) {
      channel.close();
      throw error;
    }
  }
}

/** The host takes no further command on this connection, for example because earlier ones that were cut off still run. */
export class NoChannelError extends Error {}

function connectionLost({ name }: HostAddress): Error {
  return hostError(
    'HostConnectionLost',
    `the connection to host ${name} broke off; its running command continues there`,
  );
}

function tooMuchOutput({ name }: HostAddress): Error {
  return hostError('UnexpectedAnswer', `host ${name} answered more than ${maxOutputBytes} bytes`);
}
