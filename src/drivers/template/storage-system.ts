import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { checkAnswer, jsonOf } from '../kit/answers.ts';
import type { TemplateConfig } from './config.ts';

const ruleSchema = z.object({
  accessType: z.enum(['ip', 'user', 'cert', 'cephx']),
  accessTo: z.string(),
  accessLevel: z.enum(['rw', 'ro']),
});

const serverSchema = z.object({
  /** Whose it is: installation and tenant. */
  owner: z.string(),
  hostname: z.string(),
  addresses: z.array(z.string()),
  /** Domain that it has joined. */
  domain: z.string().optional(),
});

const shareSchema = z.object({
  owner: z.string(),
  serverID: z.string(),
  /** Bytes. */
  size: z.number(),
  /** Bytes. */
  used: z.number(),
  rules: z.array(ruleSchema),
});

/** A share server as the storage system has it. */
export type StoredServer = z.output<typeof serverSchema>;
/** A share as the storage system has it. */
export type StoredShare = z.output<typeof shareSchema>;
/** A rule as the storage system has it. */
export type StoredRule = z.output<typeof ruleSchema>;

/**
 * Takes the place of a storage system: a file for each server and share. Replace it with a client of your product's interface. Keep of
 * this one: each method takes a signal and ends when it aborts; what is not there is undefined and no error; removing
 * what is not there succeeds; answers of the remote side are parsed, never trusted.
 */
export class StorageSystem {
  readonly #directory: string;
  readonly #latency: number;

  /** @param latency how long it takes for anything, in milliseconds */
  constructor({ directory }: Pick<TemplateConfig, 'directory'>, latency = 0) {
    this.#directory = directory;
    this.#latency = latency;
  }

  /** Asks whether it is there at all. */
  async probe(signal: AbortSignal): Promise<void> {
    await this.#take(signal);
    await mkdir(this.#directory, { recursive: true });
  }

  async server(id: string, signal: AbortSignal): Promise<StoredServer | undefined> {
    return await this.#read(serverSchema, 'servers', id, signal);
  }

  async saveServer(id: string, server: StoredServer, signal: AbortSignal): Promise<void> {
    await this.#write('servers', id, server, signal);
  }

  async removeServer(id: string, signal: AbortSignal): Promise<void> {
    await this.#remove('servers', id, signal);
  }

  async share(id: string, signal: AbortSignal): Promise<StoredShare | undefined> {
    return await this.#read(shareSchema, 'shares', id, signal);
  }

  async saveShare(id: string, share: StoredShare, signal: AbortSignal): Promise<void> {
    await this.#write('shares', id, share, signal);
  }

  async removeShare(id: string, signal: AbortSignal): Promise<void> {
    await this.#remove('shares', id, signal);
  }

  /** Number of shares on a server. */
  async sharesOn(serverID: string, signal: AbortSignal): Promise<number> {
    const names = await readdir(join(this.#directory, 'shares')).catch(noEntries);
    const shares = await Promise.all(
      names
        .filter((name) => name.endsWith('.json'))
        .map((name) => this.#read(shareSchema, 'shares', name.slice(0, -'.json'.length), signal)),
    );
    return shares.filter((share) => share?.serverID === serverID).length;
  }

  /** Time that the storage system takes; ends early when the caller gives up. */
  async #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#latency > 0) await pause(this.#latency, undefined, { signal });
  }

  async #read<T>(schema: z.ZodType<T>, kind: string, id: string, signal: AbortSignal): Promise<T | undefined> {
    await this.#take(signal);
    const text = await readFile(this.#path(kind, id), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    return text === undefined ? undefined : checkAnswer(schema, jsonOf(text), `the file of ${kind} ${id}`);
  }

  async #write(kind: string, id: string, value: object, signal: AbortSignal): Promise<void> {
    await this.#take(signal);
    await mkdir(join(this.#directory, kind), { recursive: true });
    // Whoever dies half way leaves the old one whole.
    const path = this.#path(kind, id);
    const next = `${path}.next`;
    await writeFile(next, JSON.stringify(value));
    await rename(next, path);
  }

  async #remove(kind: string, id: string, signal: AbortSignal): Promise<void> {
    await this.#take(signal);
    await rm(this.#path(kind, id), { force: true });
  }

  /** Ids are UIDs of Kubernetes objects, and so fit for the name of a file. */
  #path(kind: string, id: string): string {
    return join(this.#directory, kind, `${id}.json`);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function noEntries(error: unknown): readonly string[] {
  if (isMissing(error)) return [];
  throw error;
}
