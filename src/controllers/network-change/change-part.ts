import type { ShareServer, ShareServerNetworkChange } from '../../api/v1alpha1/share-server.ts';
import type { DriverError, InProgress } from '../../drivers/errors.ts';
import { callKey } from '../shareserver/call-progress.ts';
import type { ServerScope } from '../shareserver/scope.ts';

/** One server's part of a network's change, while this process works on it. */
export class ChangePart {
  readonly scope: ServerScope;
  readonly change: ShareServerNetworkChange;
  /** Names the part. */
  readonly key: string;
  /** The server as this pass stored it last. */
  server: ShareServer;

  constructor(scope: ServerScope, change: ShareServerNetworkChange) {
    this.scope = scope;
    this.change = change;
    this.key = callKey(change.id, scope.server);
    this.server = scope.server;
  }

  /** Milliseconds that are left of changeTimeout. Queueing is not counted: the time runs from the first call. */
  get leftMs(): number {
    return this.#progress.leftMs(this.key, this.scope.timeouts.change);
  }

  /** Milliseconds that a driver call may take. */
  get callTimeoutMs(): number {
    return Math.max(1, Math.min(this.scope.timeouts.operation, this.leftMs));
  }

  /** Whether too little time is left for a call that could end by itself. */
  get isTimeUp(): boolean {
    return this.leftMs < Math.min(1000, this.scope.timeouts.change / 10);
  }

  /** Milliseconds to rest before the next call. */
  get restMs(): number {
    return this.#progress.restMs(this.key);
  }

  get lastAnswer(): DriverError | InProgress | undefined {
    return this.#progress.lastAnswer(this.key);
  }

  /** Notes that the driver is called now. */
  begin(): void {
    this.#progress.begin(this.key);
  }

  answered(answer: DriverError | InProgress): void {
    this.#progress.answered(this.key, answer);
  }

  /** @returns milliseconds to rest after a failure */
  failed(retryAfterSeconds: number | undefined): number {
    const retryAfterMs = retryAfterSeconds === undefined ? undefined : retryAfterSeconds * 1000;
    return this.#progress.failed(this.key, retryAfterMs, this.leftMs);
  }

  /** @returns milliseconds until the storage system, which works on it, is asked again */
  polled(pollAfterSeconds: number): number {
    return this.#progress.polled(this.key, pollAfterSeconds * 1000, this.leftMs);
  }

  /** Starts the time of the change again with the next call. */
  forgetProgress(): void {
    this.#progress.ended(this.key);
  }

  /** The part has ended, and its outcome is stored. */
  end(): void {
    this.forgetProgress();
    this.scope.operator.rollout.ended(this.change.id, this.server);
  }

  get #progress() {
    return this.scope.memory.progress;
  }
}
