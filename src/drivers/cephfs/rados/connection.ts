import { type ChildProcess, fork } from 'node:child_process';
import type { CephCommand, CommandResult, CommandTarget } from './commands.ts';
import { connectionLost, failureError } from './errors.ts';
import { type RadosLibraries, type RadosReply, type RadosRequest, radosReplySchema } from './protocol.ts';

/** Where to log in and as whom. */
export interface CephLogin {
  /** `host` or `host:port` each. */
  readonly monitors: readonly string[];
  /** Without `client.`. */
  readonly user: string;
  readonly key: string;
}

/** Options of {@link RadosConnection}. */
export interface RadosConnectionOptions {
  readonly login: CephLogin;
  readonly libraries: RadosLibraries;
  /** Threads, which is how many commands may hang before others wait. */
  readonly threads: number;
}

/** After which a monitor that is silent counts as unreachable, and after which a login is given up. */
const probeSeconds = 5;
const loginSeconds = 15;
const entry = new URL('./rados-process.ts', import.meta.url);
/** What the process needs of the environment; the rest may hold what it has no need to know. */
const inherited = ['PATH', 'HOME', 'TMPDIR', 'LD_LIBRARY_PATH', 'NODE_COMPILE_CACHE'];

/** One login to a cluster, in a process of its own. It does not keep this process alive, and ends with it. */
export class RadosConnection {
  /** The cluster's fsid once the login has succeeded. @throws DriverError `Unavailable` */
  readonly ready: Promise<string>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;
  /** By `performance.now()`. */
  readonly startedAt = performance.now();
  readonly #child: ChildProcess;
  readonly #login: CephLogin;
  readonly #ready = Promise.withResolvers<string>();
  readonly #pending = new Map<number, PromiseWithResolvers<CommandResult>>();
  #lastId = 0;
  #users = 0;
  #connected = false;
  #retired = false;

  constructor({ login, libraries, threads }: RadosConnectionOptions) {
    this.#login = login;
    this.ready = this.#ready.promise;
    // While no caller waits, a failure is not an unhandled rejection.
    this.ready.catch(() => {});
    const env = Object.fromEntries(inherited.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
    this.#child = fork(entry, [], {
      execArgv: ['--disable-sigusr1'],
      env: { ...env, UV_THREADPOOL_SIZE: String(threads) },
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    this.#child.on('message', (message) => this.#receive(radosReplySchema.parse(message)));
    this.ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    void this.ended.then(() => this.#fail(connectionLost()));
    this.#child.unref();
    this.#child.channel?.unref();
    this.#send({
      type: 'connect',
      monitors: [...login.monitors],
      user: login.user,
      key: login.key,
      probeSeconds,
      loginSeconds,
      libraries,
    });
  }

  /** Whether the login has succeeded. */
  get connected(): boolean {
    return this.#connected;
  }

  /** Waits for the login and then for the answer, as long as that takes. @throws DriverError `Unavailable` */
  async run(target: CommandTarget, command: CephCommand): Promise<CommandResult> {
    await this.ready;
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<CommandResult>();
    this.#pending.set(id, answer);
    this.#send({ type: 'run', id, ...target, command: JSON.stringify(command) });
    try {
      return await answer.promise;
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Counts whoever waits for it; a retired connection ends when {@link release} was called as often. */
  hold(): void {
    this.#users += 1;
  }

  /** See {@link hold}. */
  release(): void {
    this.#users -= 1;
    if (this.#retired && this.#users === 0) this.kill();
  }

  /** Ends it as soon as it is no longer held. */
  retire(): void {
    this.#retired = true;
    if (this.#users === 0) this.kill();
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** As {@link kill}; returns when it has ended. */
  async close(): Promise<void> {
    this.#child.ref();
    this.kill();
    await this.ended;
  }

  #send(request: RadosRequest): void {
    // A process that is gone tells so by 'exit'.
    if (this.#child.connected) this.#child.send(request, () => {});
  }

  #receive(reply: RadosReply): void {
    switch (reply.type) {
      case 'connected':
        this.#connected = true;
        this.#ready.resolve(reply.fsid);
        return;
      case 'failed':
        this.#fail(failureError(reply.failure, this.#login));
        this.kill();
        return;
      case 'result': {
        const { code, output, status } = reply;
        this.#pending.get(reply.id)?.resolve({ code, output, status });
        return;
      }
      case 'refused':
        this.#pending.get(reply.id)?.reject(failureError(reply.failure, this.#login));
        return;
    }
  }

  #fail(error: Error): void {
    this.#ready.reject(error);
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
