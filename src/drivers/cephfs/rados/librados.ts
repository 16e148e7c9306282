import { abortedError } from '../../kit/abort.ts';
import { Slots } from '../../kit/slots.ts';
import type { CephCommand, CephCommands, CommandBounds, CommandResult, CommandTarget } from './commands.ts';
import { type CephLogin, RadosConnection } from './connection.ts';
import { connectionLost, daemonSilent, monitorsSilent } from './errors.ts';
import type { RadosLibraries } from './protocol.ts';

/** Options of {@link connectLibrados}. */
export interface LibradosOptions extends CephLogin {
  /** Other file names of the libraries than the platform's. */
  readonly libraries?: Partial<RadosLibraries>;
}

const libraries: RadosLibraries =
  process.platform === 'darwin'
    ? { rados: 'librados.2.dylib', cephfs: 'libcephfs.2.dylib' }
    : { rados: 'librados.so.2', cephfs: 'libcephfs.so.2' };

/** Commands under way at a time for each kind of daemon: those that hang for one hold up no other. */
const slotsPerKind = 8;
/** One more for the login. */
const threads = 3 * slotsPerKind + 1;

/**
 * Commands through librados. The login is made with the first command and again after it was lost; the library, which
 * is loaded in a process apart, finds daemons that were restarted by itself.
 */
export function connectLibrados({ libraries: names, ...login }: LibradosOptions): CephCommands {
  return new LibradosCommands(login, { ...libraries, ...names });
}

class LibradosCommands implements CephCommands {
  readonly #login: CephLogin;
  readonly #libraries: RadosLibraries;
  readonly #slots = { mon: new Slots(slotsPerKind), mgr: new Slots(slotsPerKind), mds: new Slots(slotsPerKind) };
  readonly #connections = new Set<RadosConnection>();
  #current: RadosConnection | undefined;
  #closed = false;

  constructor(login: CephLogin, names: RadosLibraries) {
    this.#login = login;
    this.#libraries = names;
  }

  async run(target: CommandTarget, command: CephCommand, bounds: CommandBounds): Promise<CommandResult> {
    return await this.#bounded(target, command.prefix, bounds, (connection) => connection.run(target, command));
  }

  async fsid(bounds: CommandBounds): Promise<string> {
    return await this.#bounded({ daemon: 'mon' }, 'fsid', bounds, (connection) => connection.ready);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }

  async #bounded<T>(
    target: CommandTarget,
    prefix: string,
    { timeoutMs, signal }: CommandBounds,
    work: (connection: RadosConnection) => Promise<T>,
  ): Promise<T> {
    if (signal.aborted) throw abortedError(signal, 'Ceph');
    const answer = Promise.withResolvers<T>();
    const expiry = Promise.withResolvers<undefined>();
    let done = false;
    const end = (settle: () => void) => {
      done = true;
      settle();
    };
    const timer = setTimeout(() => {
      const error = this.#couldNotLogIn(timeoutMs)
        ? monitorsSilent(this.#login)
        : daemonSilent(target, prefix, timeoutMs);
      end(() => answer.reject(error));
      expiry.resolve(undefined);
    }, timeoutMs);
    const abort = () => {
      // The command continues: its slot and its connection are taken until it ends or its time is over.
      end(() => answer.reject(abortedError(signal, 'Ceph')));
      timer.unref();
    };
    signal.addEventListener('abort', abort, { once: true });
    const task = async () => {
      if (done) return;
      try {
        const result = await this.#hold(this.#connection(), work, expiry.promise);
        if (result !== undefined) end(() => answer.resolve(result.value));
      } catch (error) {
        end(() => answer.reject(error));
      }
    };
    void this.#slots[target.daemon].run(task).finally(() => clearTimeout(timer));
    try {
      return await answer.promise;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** What came of the work, or undefined when its time was over before: its connection serves no other command then. */
  async #hold<T>(
    connection: RadosConnection,
    work: (connection: RadosConnection) => Promise<T>,
    expiry: Promise<undefined>,
  ): Promise<{ readonly value: T } | undefined> {
    connection.hold();
    try {
      const result = await Promise.race([work(connection).then((value) => ({ value })), expiry]);
      // A thread of it may be lost. A login that takes long may yet succeed, and others wait for it.
      if (result === undefined && connection.connected) {
        this.#forget(connection);
        connection.retire();
      }
      return result;
    } finally {
      connection.release();
    }
  }

  /** Whether a command whose time is over waited for the login; not for one that has only begun when others gave up. */
  #couldNotLogIn(timeoutMs: number): boolean {
    const connection = this.#current;
    if (connection === undefined || connection.connected) return false;
    return performance.now() - connection.startedAt > timeoutMs / 2;
  }

  #connection(): RadosConnection {
    if (this.#closed) throw connectionLost();
    if (this.#current !== undefined) return this.#current;
    const connection = new RadosConnection({
      login: this.#login,
      libraries: this.#libraries,
      threads,
    });
    this.#connections.add(connection);
    this.#current = connection;
    connection.ready.catch(() => this.#forget(connection));
    void connection.ended.then(() => {
      this.#connections.delete(connection);
      this.#forget(connection);
    });
    return connection;
  }

  #forget(connection: RadosConnection): void {
    if (this.#current === connection) this.#current = undefined;
  }
}
