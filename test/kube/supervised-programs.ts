import { type ChildProcess, fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageSchema, type SupervisorMessage } from './supervisor-protocol.ts';

interface Start {
  readonly operation: 'start';
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
}
type Operation =
  | Start
  | { readonly operation: 'signal'; readonly name: string; readonly signal: NodeJS.Signals }
  | { readonly operation: 'shutdown' };

type Reply = Extract<SupervisorMessage, { type: 'reply' }>;

/**
 * Programs that end when this process ends, in whatever way: a supervisor process owns them and the folder they work
 * in. They do not keep this process alive.
 */
export class SupervisedPrograms {
  /** The folder of the programs, absolute. */
  readonly directory: string;
  readonly #supervisor: ChildProcess;
  readonly #temporary: boolean;
  readonly #pids = new Map<string, number>();
  readonly #exits = new Map<string, string>();
  readonly #events = new EventEmitter();
  readonly #pending = new Map<number, PromiseWithResolvers<Reply>>();
  #lastId = 0;
  #waiting = 0;

  private constructor(supervisor: ChildProcess, directory: string, temporary: boolean) {
    this.#supervisor = supervisor;
    this.directory = directory;
    this.#temporary = temporary;
    supervisor.on('message', (message) => this.#receive(messageSchema.parse(message)));
    supervisor.once('exit', () => {
      this.#killOrphans();
      for (const { reject } of this.#pending.values()) {
        reject(new Error('the supervisor of the control plane has died'));
      }
      this.#events.emit('gone');
    });
    supervisor.unref();
    supervisor.channel?.unref();
  }

  /**
   * Starts the supervisor.
   *
   * @param keep a folder to work in that stays afterwards; without it a temporary one is made and removed
   */
  static async open(keep?: string): Promise<SupervisedPrograms> {
    // What a test runner or debugger put here is meant for this process and not for the supervisor.
    const { NODE_OPTIONS: _options, NODE_V8_COVERAGE: _coverage, ...env } = process.env;
    const supervisor = fork(join(import.meta.dirname, 'supervisor.ts'), keep === undefined ? [] : [keep], {
      detached: true,
      execArgv: [],
      env,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const first = await Promise.race([
      once(supervisor, 'message').then(([message]) => messageSchema.parse(message)),
      once(supervisor, 'exit').then(([code]) => {
        throw new Error(`the supervisor of the control plane ended with code ${code} before it was ready`);
      }),
    ]);
    if (first.type !== 'ready') {
      throw new Error(`the supervisor of the control plane said ${first.type} before it was ready`);
    }
    return new SupervisedPrograms(supervisor, first.directory, keep === undefined);
  }

  /** The process id of a program that was started; undefined once it has ended. */
  pid(name: string): number | undefined {
    return this.#pids.get(name);
  }

  /** How a program ended, for example `with code 1`; undefined while it runs. */
  exit(name: string): string | undefined {
    return this.#exits.get(name);
  }

  /** @throws when the program cannot be executed */
  async start(name: string, command: string, args: readonly string[], logFile: string): Promise<number> {
    this.#exits.delete(name);
    const { pid = 0 } = await this.#request({ operation: 'start', name, command, args, logFile });
    if (this.#exits.get(name) === undefined) {
      this.#pids.set(name, pid);
    }
    return pid;
  }

  /** Sends a signal; to a program that does not run it does nothing. */
  async signal(name: string, signal: NodeJS.Signals): Promise<void> {
    await this.#request({ operation: 'signal', name, signal });
  }

  /** Kills a program and waits until it is gone. */
  async kill(name: string): Promise<void> {
    if (this.#pids.has(name)) {
      const gone = once(this.#events, `exited ${name}`);
      await this.#keepingAlive(async () => {
        await this.signal(name, 'SIGKILL');
        await gone;
      });
    }
  }

  /** Kills every program, removes the temporary folder, ends the supervisor; returns when all of that is done. */
  async close(): Promise<void> {
    if (this.#supervisor.exitCode !== null || this.#supervisor.signalCode !== null) {
      return;
    }
    const gone = once(this.#events, 'gone');
    this.#supervisor.ref();
    await this.#request({ operation: 'shutdown' });
    await gone;
  }

  async #request(operation: Operation): Promise<Reply> {
    if (!this.#supervisor.connected) {
      throw new Error('the control plane has been stopped');
    }
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = Promise.withResolvers<Reply>();
    this.#pending.set(id, answer);
    return await this.#keepingAlive(async () => {
      try {
        this.#supervisor.send({ id, ...operation });
        const reply = await answer.promise;
        if (reply.error !== undefined) {
          throw new Error(`${operation.operation}: ${reply.error}`);
        }
        return reply;
      } finally {
        this.#pending.delete(id);
      }
    });
  }

  /** While something is waited for, this process must not end. */
  async #keepingAlive<T>(work: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    this.#supervisor.channel?.ref();
    try {
      return await work();
    } finally {
      this.#waiting -= 1;
      if (this.#waiting === 0) this.#supervisor.channel?.unref();
    }
  }

  #receive(message: SupervisorMessage): void {
    if (message.type === 'exited') {
      this.#pids.delete(message.name);
      this.#exits.set(message.name, message.how);
      this.#events.emit(`exited ${message.name}`);
    } else if (message.type === 'reply') {
      this.#pending.get(message.id)?.resolve(message);
    }
  }

  /** The supervisor is gone: after its own work nothing is left to do, after a kill from outside all of it. */
  #killOrphans(): void {
    for (const pid of this.#pids.values()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
    this.#pids.clear();
    if (this.#temporary) {
      rm(this.directory, { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
    }
  }
}
