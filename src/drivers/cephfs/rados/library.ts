import type { CommandResult } from './commands.ts';
import type { RadosFailure, RadosLibraries } from './protocol.ts';

/** No login, or no library, and why. */
export class RadosFailureError extends Error {
  readonly failure: RadosFailure;

  constructor(failure: RadosFailure) {
    super(failure.what);
    this.failure = failure;
  }
}

type Koffi = typeof import('koffi').default;
type Library = ReturnType<Koffi['load']>;
/** A handle of the library's; this side only passes it on. */
type Handle = object | bigint;
type Async = (...args: unknown[]) => Promise<number>;

const commandBuffers =
  'const char **command, size_t commands, const char *input, size_t inputLength, ' +
  '_Out_ void **output, _Out_ size_t *outputLength, _Out_ void **status, _Out_ size_t *statusLength';

/**
 * The functions of librados and libcephfs that are used. Each call takes a thread of the pool until it ends, which can
 * be never: to be used in a process that may be killed at any time.
 */
export class RadosLibrary {
  readonly #koffi: Koffi;
  readonly #libraries: RadosLibraries;
  readonly #rados: Library;
  readonly #cluster: Handle;
  readonly #monCommand: Async;
  readonly #mgrCommand: Async;
  readonly #free: (buffer: Handle) => void;
  #mdsCommand: Promise<Async> | undefined;

  private constructor(koffi: Koffi, libraries: RadosLibraries, rados: Library, cluster: Handle) {
    this.#koffi = koffi;
    this.#libraries = libraries;
    this.#rados = rados;
    this.#cluster = cluster;
    this.#monCommand = asynchronous(rados, `int rados_mon_command(void *cluster, ${commandBuffers})`);
    this.#mgrCommand = asynchronous(rados, `int rados_mgr_command(void *cluster, ${commandBuffers})`);
    this.#free = rados.func('void rados_buffer_free(void *buffer)');
  }

  /**
   * Loads librados and makes a handle that is not connected.
   *
   * @param user without `client.`
   * @param options options of a ceph.conf; no file is read
   * @throws RadosFailureError
   */
  static async create(
    libraries: RadosLibraries,
    user: string,
    options: Readonly<Record<string, string>>,
  ): Promise<RadosLibrary> {
    const { koffi, library } = await load(libraries, 'rados');
    const create = library.func('int rados_create(_Out_ void **cluster, const char *user)');
    const cluster: [Handle | null] = [null];
    requireSuccess(create(cluster, user));
    const [handle] = cluster;
    if (handle === null) throw new RadosFailureError({ what: 'login', code: -12 });
    const set = library.func('int rados_conf_set(void *cluster, const char *option, const char *value)');
    for (const [option, value] of Object.entries(options)) requireSuccess(set(handle, option, value));
    return new RadosLibrary(koffi, libraries, library, handle);
  }

  /** Logs in. @returns the cluster's fsid @throws RadosFailureError */
  async connect(): Promise<string> {
    requireSuccess(await asynchronous(this.#rados, 'int rados_connect(void *cluster)')(this.#cluster));
    const fsid = Buffer.alloc(64);
    const length = this.#rados.func('int rados_cluster_fsid(void *cluster, void *buffer, size_t length)');
    const written: number = length(this.#cluster, fsid, fsid.length);
    requireSuccess(Math.min(written, 0));
    return fsid.toString('utf8', 0, written);
  }

  /** @param command JSON */
  async monCommand(command: string): Promise<CommandResult> {
    return await this.#run(this.#monCommand, [this.#cluster], command);
  }

  /** @param command JSON */
  async mgrCommand(command: string): Promise<CommandResult> {
    return await this.#run(this.#mgrCommand, [this.#cluster], command);
  }

  /** @param command JSON @throws RadosFailureError without libcephfs */
  async mdsCommand(name: string, command: string): Promise<CommandResult> {
    const opened = this.#mdsCommand ?? this.#openMds();
    this.#mdsCommand = opened;
    // What failed may work with the next command: the login is kept as long as it serves.
    opened.catch(() => {
      this.#mdsCommand = undefined;
    });
    return await this.#run(await opened, [name], command);
  }

  /** librados has no commands for metadata servers; libcephfs sends them with the same login. */
  async #openMds(): Promise<Async> {
    const { library } = await load(this.#libraries, 'cephfs');
    const mount: [Handle | null] = [null];
    const create = library.func('int ceph_create_from_rados(_Out_ void **mount, void *cluster)');
    requireSuccess(create(mount, this.#cluster));
    const [handle] = mount;
    requireSuccess(await asynchronous(library, 'int ceph_init(void *mount)')(handle));
    const run = asynchronous(library, `int ceph_mds_command(void *mount, const char *name, ${commandBuffers})`);
    return (...args) => run(handle, ...args);
  }

  async #run(run: Async, target: readonly unknown[], command: string): Promise<CommandResult> {
    const output: [Handle | null] = [null];
    const outputLength: [number | bigint] = [0];
    const status: [Handle | null] = [null];
    const statusLength: [number | bigint] = [0];
    const code = await run(...target, [command], 1, '', 0, output, outputLength, status, statusLength);
    return {
      code,
      output: this.#take(output[0], outputLength[0]),
      status: this.#take(status[0], statusLength[0]),
    };
  }

  #take(buffer: Handle | null, length: number | bigint): string {
    if (buffer === null) return '';
    const text = this.#koffi.decode.string(buffer, length);
    this.#free(buffer);
    return text;
  }
}

async function load(
  libraries: RadosLibraries,
  name: keyof RadosLibraries,
): Promise<{ koffi: Koffi; library: Library }> {
  try {
    const { default: koffi } = await import('koffi');
    return { koffi, library: koffi.load(libraries[name]) };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new RadosFailureError({ what: 'library', library: name, detail });
  }
}

function asynchronous(library: Library, definition: string): Async {
  const { async: start } = library.func(definition);
  return (...args) =>
    new Promise((resolve, reject) => {
      start(...args, (error: unknown, code: number) => {
        if (error === null || error === undefined) resolve(code);
        else reject(error);
      });
    });
}

function requireSuccess(code: number): void {
  if (code < 0) throw new RadosFailureError({ what: 'login', code });
}
