import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { z } from 'zod';
import { type SambaHost, type SambaHostLabOptions, startSambaHosts } from '../../labs/samba-host/samba-host.ts';

const errorSchema = z.object({
  kind: z.enum(['Unavailable', 'Rejected', 'NotFound', 'Internal']),
  reason: z.string(),
  message: z.string(),
  detail: z.string().optional(),
  retryAfterSeconds: z.number().optional(),
  partial: z.record(z.string(), z.unknown()).optional(),
});

const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.record(z.string(), z.unknown()) }),
  z.object({ ok: z.literal(false), error: errorSchema }),
]);

/** An answer of the program. */
export type Answer = z.infer<typeof answerSchema>;

/** Reads what the program said. */
export function answerOf(output: string): Answer {
  return answerSchema.parse(JSON.parse(output));
}

/** Who owns the servers of a test. */
const owner = { installationID: 'installation-1', namespaceUID: '5d3a9c1e-0000-4000-8000-000000000001' };

/** An allocation of a flat network. */
export function allocation(ipAddress: string, more: Readonly<Record<string, unknown>> = {}) {
  return { ipAddress, prefixLength: 24, networkType: 'flat', subnetName: 'lab', ...more };
}

/** A share server as a request names it. */
export function newServer(ipAddress: string, more: Readonly<Record<string, unknown>> = {}) {
  const id = randomUUID();
  const hostname = `S${id.slice(0, 8).toUpperCase()}`;
  return { id, name: `server-${id.slice(0, 8)}`, hostname, allocations: [allocation(ipAddress)], ...more };
}

/** Calls the program on a host as the operator does, with OpenSSH's client and the lab's key. */
export class HostCalls {
  readonly #host: SambaHost;
  readonly #directory: string;

  private constructor(host: SambaHost, directory: string) {
    this.#host = host;
    this.#directory = directory;
  }

  static async open(host: SambaHost): Promise<HostCalls> {
    const directory = await mkdtemp(join(tmpdir(), 'sharenet-calls-'));
    await writeFile(join(directory, 'key'), host.ssh.privateKey, { mode: 0o600 });
    await chmod(join(directory, 'key'), 0o600);
    const { address, port, hostKey } = host.ssh;
    await writeFile(join(directory, 'known_hosts'), `[${address}]:${port} ${hostKey}\n`);
    return new HostCalls(host, directory);
  }

  /** @param command what the client asks sshd to run, which the forced command makes irrelevant */
  start(input: string, command = 'anything') {
    const { address, port, user } = this.#host.ssh;
    const known = join(this.#directory, 'known_hosts');
    const options = ['-F', 'none', '-i', join(this.#directory, 'key'), '-o', `UserKnownHostsFile=${known}`];
    const argv = [...options, '-o', 'BatchMode=yes', '-p', String(port), `${user}@${address}`, command];
    const child = spawn('/usr/bin/ssh', argv, { stdio: 'pipe' });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
    return child;
  }

  /** Sends a text as it is. @returns what came back, and the exit code */
  async raw(input: string, command?: string): Promise<{ readonly output: string; readonly code: number | null }> {
    const child = this.start(input, command);
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject).once('close', resolve);
    return { code: await promise, output };
  }

  /** The text of a request. */
  request(verb: string, members: Readonly<Record<string, unknown>>): string {
    const { root } = this.#host;
    return JSON.stringify({ protocol: 1, verb, deadlineSeconds: 60, root, owner, ...members });
  }

  async call(verb: string, members: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    const { output } = await this.raw(this.request(verb, members));
    return answerOf(output);
  }

  /** As {@link call}. @returns the result @throws when the answer is an error */
  async succeed(verb: string, members: Readonly<Record<string, unknown>> = {}): Promise<Record<string, unknown>> {
    const answer = await this.call(verb, members);
    if (!answer.ok) throw new Error(`${verb}: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  /** Makes a server without a directory service. @returns its request's `server` */
  async createServer(ipAddress: string, more: Readonly<Record<string, unknown>> = {}) {
    const server = newServer(ipAddress, more);
    await this.succeed('create', { interface: this.#host.interface, server, securityServices: [], settings: {} });
    return server;
  }

  async close(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }
}

/** A file server host, its lab and calls to its program, until the tests of the calling file have ended. */
export async function startHost(options: SambaHostLabOptions = {}) {
  const lab = await startSambaHosts(options);
  afterAll(() => lab.stop());
  const { host } = lab;
  const calls = await HostCalls.open(host);
  afterAll(() => calls.close());
  return { lab, host, calls };
}
