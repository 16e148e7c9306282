import { z } from 'zod';
import { DriverError } from '../../errors.ts';
import { hostError } from '../ssh/errors.ts';
import type { Verb } from './protocol.ts';

/**
 * Verbs that change something: the program on a host refuses those that are late. `describe` brings the backend's settings into force
 * and leaves that out when it is late.
 */
const changing: ReadonlySet<Verb> = new Set([
  'create',
  'describe',
  'remove',
  'update-security-service',
  'share-add',
  'share-resize',
  'share-remove',
  'access-set',
]);

/** Answer of the verb `begin`. */
export const beginSchema = z.object({ epoch: z.number().int().positive() });

/** Whose calls these are. */
export interface Caller {
  readonly installationID: string;
  readonly backend: string;
}

/**
 * Numbers the calls of this process to one host in the order in which they were decided. The host gives the process its epoch, above all
 * that it gave before: calls of an older process, and of an older number, are refused there, however late they come.
 */
export class CallOrder {
  readonly #caller: Caller;
  readonly #hostName: string;
  #last = 0;
  #epoch: Promise<number> | undefined;

  constructor(caller: Caller, hostName: string) {
    this.#caller = caller;
    this.#hostName = hostName;
  }

  /** The number of a call that is decided now. */
  next(): number {
    this.#last += 1;
    return this.#last;
  }

  /** What a request has besides its own members. @param begin asks the host for an epoch */
  async of(
    verb: Verb,
    number: number,
    begin: (caller: Caller) => Promise<z.output<typeof beginSchema>>,
  ): Promise<object> {
    if (!changing.has(verb)) return {};
    this.#epoch ??= begin(this.#caller).then(({ epoch }) => epoch);
    const asked = this.#epoch;
    try {
      return { order: { caller: this.#caller, epoch: await asked, number } };
    } catch (error) {
      if (this.#epoch === asked) this.#epoch = undefined;
      if (verb === 'describe' && isOutdated(error)) return {};
      throw this.#explained(error);
    }
  }

  /** Takes note of how a call failed: where another process has begun since, this one begins again with its next call. */
  failed(error: unknown): void {
    if (error instanceof DriverError && error.reason === 'CallerSuperseded') this.#epoch = undefined;
  }

  #explained(error: unknown): unknown {
    if (!isOutdated(error)) return error;
    const message = `the program on host ${this.#hostName} is of a former version: run install.sh of the operator's version there`;
    return hostError('HostProgramOutdated', message);
  }
}

/** Whether the program on a host is of a version that does not number calls. */
function isOutdated(error: unknown): boolean {
  return error instanceof DriverError && error.reason === 'VerbUnknown';
}
