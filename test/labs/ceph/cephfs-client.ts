import { z } from 'zod';
import { ClientProcess } from './client-process.ts';

/** What a user mounts: what the Secret and the export location of a share say. */
export interface CephFSMount {
  /** `host:port` each. */
  readonly monitors: readonly string[];
  /** Without `client.`. */
  readonly user: string;
  readonly key: string;
  /** Path within the file system. */
  readonly root: string;
  readonly fileSystem: string;
  /** Folder with another libcephfs than the system's. */
  readonly libraries?: string;
}

const quotaSchema = z.object({ maxBytes: z.int(), usedBytes: z.int() });
const sizeSchema = z.object({ total: z.int(), available: z.int() });
const timeoutMs = 15_000;

/**
 * A real CephFS client (libcephfs) in a process of its own, which stays mounted until {@link unmount} or {@link kill}.
 * What is refused is thrown as CephClientError, whose `code` is the error's name, such as `EACCES`; a client that was
 * evicted gets `ESHUTDOWN`. Paths are those within the mount.
 */
export class CephFSClient {
  readonly #process: ClientProcess;

  private constructor(process: ClientProcess) {
    this.#process = process;
  }

  /** @throws CephClientError when the mount is refused: nothing is left running then */
  static async mount(mount: CephFSMount): Promise<CephFSClient> {
    const process = new ClientProcess(mount.libraries);
    try {
      const { monitors, user, key, root, fileSystem } = mount;
      await process.request('mount', { monitors, user, key, root, fileSystem }, timeoutMs);
    } catch (error) {
      await process.kill();
      throw error;
    }
    return new CephFSClient(process);
  }

  /** Writes the text, or that many bytes, over what was there; answers when it is stored. */
  async write(path: string, content: string | number): Promise<void> {
    const what = typeof content === 'string' ? { text: content } : { size: content };
    await this.#process.request('write', { path, ...what }, 60_000);
  }

  async read(path: string): Promise<string> {
    return z.string().parse(await this.#process.request('read', { path }, timeoutMs));
  }

  async list(path = '/'): Promise<readonly string[]> {
    return z.array(z.string()).parse(await this.#process.request('list', { path }, timeoutMs));
  }

  async mkdir(path: string): Promise<void> {
    await this.#process.request('mkdir', { path }, timeoutMs);
  }

  async remove(path: string): Promise<void> {
    await this.#process.request('remove', { path }, timeoutMs);
  }

  /** Limit of a directory in bytes, 0 for none, and what it holds. */
  async quota(path = '/'): Promise<{ readonly maxBytes: number; readonly usedBytes: number }> {
    return quotaSchema.parse(await this.#process.request('quota', { path }, timeoutMs));
  }

  /** Size and free space as `df` shows them, in bytes: those of the quota where there is one. */
  async size(path = '/'): Promise<{ readonly total: number; readonly available: number }> {
    return sizeSchema.parse(await this.#process.request('size', { path }, timeoutMs));
  }

  /** Leaves the file system in order and ends the process; an evicted client can't, and is ended all the same. */
  async unmount(): Promise<void> {
    try {
      await this.#process.request('unmount', {}, timeoutMs);
    } finally {
      await this.#process.kill();
    }
  }

  /** Ends it without a word to the cluster: the session stays until it is evicted or runs out. */
  async kill(): Promise<void> {
    await this.#process.kill();
  }
}
