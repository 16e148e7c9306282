import { type ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { python } from './packages.ts';

const replySchema = z.object({
  id: z.int(),
  result: z.unknown().optional(),
  error: z.object({ errno: z.int(), name: z.string(), text: z.string() }).optional(),
});

/** What Ceph or the file system refused, by its error number. */
export class CephClientError extends Error {
  /** Such as `EACCES`; `ETIMEDOUT` also where the client itself did not answer in time. */
  readonly code: string;

  constructor(operation: string, code: string, text: string) {
    super(`${operation}: ${code} (${text})`);
    this.name = 'CephClientError';
    this.code = code;
  }
}

interface Pending {
  readonly operation: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The program ceph_client.py. It ends when this process does, and does not keep it alive. */
export class ClientProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #stderr = '';
  #failure: Error | undefined;

  /** @param libraries folder with libraries that take the place of the system's */
  constructor(libraries?: string) {
    const env = libraries === undefined ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries };
    const child = spawn(python, [join(import.meta.dirname, 'ceph_client.py')], { stdio: 'pipe', env });
    this.#child = child;
    this.#ended = new Promise((resolve) => child.once('close', resolve).once('error', resolve));
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-2000);
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#receive(line));
    child.once('error', (error) => this.#fail(error));
    child.once('close', (code, signal) => {
      const how = signal ?? `code ${code}`;
      this.#fail(new Error(`the client of the Ceph cluster ended with ${how} ${this.#stderr}`.trimEnd()));
    });
    child.unref();
    for (const pipe of child.stdio) if (pipe instanceof Socket) pipe.unref();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** @throws CephClientError */
  async request(operation: string, args: Readonly<Record<string, unknown>>, timeoutMs: number): Promise<unknown> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { operation, resolve, reject });
    const late = () => reject(new CephClientError(operation, 'ETIMEDOUT', `no answer within ${timeoutMs} ms`));
    const timer = setTimeout(late, timeoutMs);
    this.#child.stdin?.write(`${JSON.stringify({ id, operation, arguments: args })}\n`);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Ends it without a word to the cluster, like a machine that loses its power. */
  async kill(): Promise<void> {
    this.#child.ref();
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #receive(line: string): void {
    const { id, result, error } = replySchema.parse(JSON.parse(line));
    const request = this.#pending.get(id);
    if (request === undefined) return;
    if (error === undefined) request.resolve(result);
    else request.reject(new CephClientError(request.operation, error.name, error.text));
  }

  #fail(error: Error): void {
    this.#failure = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
