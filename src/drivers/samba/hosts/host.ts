import type { z } from 'zod';
import { DriverError } from '../../errors.ts';
import { abortedError, unlessAborted } from '../../kit/abort.ts';
import { changedError } from '../../kit/failures.ts';
import type { SambaHostConfig } from '../config.ts';
import {
  type CommandResult,
  NoChannelError,
  type SSHCommand,
  SSHConnection,
  type SSHLogin,
} from '../ssh/connection.ts';
import { hostError, loginRefused } from '../ssh/errors.ts';
import { parseHostKey } from '../ssh/keys.ts';
import { beginSchema, type Caller, CallOrder } from './call-order.ts';
import { protocolVersion, readAnswer, readResult, type Verb } from './protocol.ts';

/** Commands that run at once on one connection; sshd allows ten by default, and takes a moment to count one as ended. */
const maxCommands = 8;
/** The program, unless the key's entry on the host forces it anyway. */
const program = 'sharenet-samba-host';
const usualSeconds = 45;
/** When a host that refused the key is logged in to again, in milliseconds: hosts ban addresses whose log-ins fail. */
const refusedPauseMs = 300_000;
/** How much longer than the program itself its answer is waited for, in milliseconds. */
const graceMs = 5000;

/** How a verb is called. */
export interface HostCall<Schema extends z.ZodType> {
  readonly verb: Verb;
  /** Besides the root directory. */
  readonly request: Readonly<Record<string, unknown>>;
  /** Form of the result. */
  readonly schema: Schema;
  readonly signal: AbortSignal;
  /** Time that the program may take, in seconds. */
  readonly deadlineSeconds?: number;
  /** When the call was decided, where that is not now; of {@link Host.decideNow}. */
  readonly number?: number;
  /** What must not show in an error, whatever the host says. */
  readonly secrets?: readonly string[];
  /** The security service that the program logs in with. */
  readonly serviceID?: string | undefined;
}

/** A file server host: verbs go to its program over connections that are kept. */
export class Host {
  readonly config: SambaHostConfig;
  readonly #login: SSHLogin;
  /** Long work must not take the places of what is quick. */
  #refusal: { readonly error: DriverError; readonly until: number } | undefined;
  readonly #connections: Record<'quick' | 'long', SSHConnection | undefined> = { quick: undefined, long: undefined };
  readonly #order: CallOrder;
  #closed = false;

  constructor(config: SambaHostConfig, privateKey: string, caller: Caller) {
    this.config = config;
    this.#order = new CallOrder(caller, config.name);
    const { name, address, port, user } = config;
    const hostKey = parseHostKey(config.hostKey);
    if (hostKey === undefined) throw new Error(`hostKey of host ${name} was not checked`);
    this.#login = { name, address, port, user, hostKey, privateKey };
  }

  get name(): string {
    return this.config.name;
  }

  /** The number of calls that are decided now and made later. */
  decideNow(): number {
    return this.#order.next();
  }

  /** @throws DriverError as the program says; `Unavailable` when it can't be reached or the call is cut off */
  async call<Schema extends z.ZodType>(call: HostCall<Schema>): Promise<z.output<Schema>> {
    const { verb, request, number = this.decideNow(), signal } = call;
    const order = this.#order.of(verb, number, (caller) => this.#begin(caller));
    try {
      const ordered = { ...request, ...(await unlessAborted(order, signal)) };
      return await this.#call({ ...call, request: ordered });
    } catch (error) {
      this.#order.failed(error);
      throw signal.aborted && error === signal.reason ? abortedError(signal, `host ${this.name}`) : error;
    }
  }

  /** Calls wait for it together, so none of them ends it. */
  #begin(caller: Caller): Promise<z.output<typeof beginSchema>> {
    const signal = AbortSignal.timeout(usualSeconds * 1000);
    return this.#call({ verb: 'begin', request: { caller }, schema: beginSchema, signal });
  }

  async #call<Schema extends z.ZodType>(call: HostCall<Schema>): Promise<z.output<Schema>> {
    const { verb, request, schema, signal, deadlineSeconds = usualSeconds, secrets = [], serviceID } = call;
    const question = { hostName: this.name, verb, secrets, serviceID };
    const input = { protocol: protocolVersion, verb, deadlineSeconds, root: this.config.root, ...request };
    const late = hostError('OperationTimeout', `host ${this.name} gave no answer within ${deadlineSeconds} s`);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(late), deadlineSeconds * 1000 + graceMs);
    try {
      const result = await this.#run(deadlineSeconds > usualSeconds ? 'long' : 'quick', {
        command: program,
        input: JSON.stringify(input),
        signal: AbortSignal.any([signal, deadline.signal]),
      });
      return readResult(schema, question, readAnswer(question, result));
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of Object.values(this.#connections)) connection?.close();
  }

  /** A host that refused the key gets no command for some minutes, until the driver is created again: for another key, or because a person requests it. */
  async #run(kind: 'quick' | 'long', command: SSHCommand): Promise<CommandResult> {
    const leftMs = (this.#refusal?.until ?? 0) - performance.now();
    if (this.#refusal !== undefined && leftMs > 0)
      throw changedError(this.#refusal.error, { retryAfter: leftMs / 1000 });
    try {
      return await this.#runNow(kind, command);
    } catch (error) {
      if (!(error instanceof DriverError) || error.reason !== loginRefused) throw error;
      this.#refusal = { error, until: performance.now() + refusedPauseMs };
      throw changedError(error, { retryAfter: refusedPauseMs / 1000 });
    }
  }

  async #runNow(kind: 'quick' | 'long', command: SSHCommand): Promise<CommandResult> {
    const connection = this.#connection(kind);
    try {
      return await connection.run(command);
    } catch (error) {
      if (!(error instanceof NoChannelError)) throw error;
      connection.retire();
    }
    try {
      return await this.#connection(kind).run(command);
    } catch (error) {
      if (!(error instanceof NoChannelError)) throw error;
      throw hostError('HostBusy', `host ${this.name} takes no further command`, error.message);
    }
  }

  #connection(kind: 'quick' | 'long'): SSHConnection {
    if (this.#closed) throw hostError('OperationAborted', `host ${this.name} is not used any more`);
    const present = this.#connections[kind];
    if (present?.usable) return present;
    const made = new SSHConnection(this.#login, maxCommands);
    this.#connections[kind] = made;
    return made;
  }
}
