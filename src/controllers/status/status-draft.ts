import { isDeepStrictEqual } from 'node:util';
import type { ConditionType } from '../../api/v1alpha1/condition-types.ts';
import { type Condition, findCondition } from '../../api/v1alpha1/conditions.ts';
import type { ObjectReference } from '../../api/v1alpha1/finding.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import { invalidTokens } from '../../cluster-state/request-tokens.ts';
import { recordsUID } from '../../cluster-state/storage-id.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { removeCondition, setCondition } from '../../runtime/conditions.ts';
import type { Informer } from '../../runtime/informer.ts';
import { type KubeObject, nameOf, uidOf } from '../../runtime/kube-object.ts';
import { safeText } from '../../values/safe-text.ts';
import type { Operator } from '../operator.ts';
import type { Readiness } from './readiness.ts';

/** What every object of this project has. */
export interface ManagedObject extends KubeObject {
  readonly spec: unknown;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
    readonly lastHandledReconcileAt?: string;
    readonly waitingFor?: ObjectReference;
    readonly phase?: string;
    readonly recordedPhase?: string;
  };
}

type StatusOf<T extends ManagedObject> = NonNullable<T['status']>;

type Changes<S> = { readonly [K in keyof S]?: S[K] | undefined };

/** The status of one object while it is being worked out: compared with what is stored, written once and only when it differs. */
export class StatusDraft<T extends ManagedObject> {
  #object: T;
  readonly #now: Date;
  readonly #refusal: () => Readiness | undefined;
  #status: StatusOf<T>;

  /** @param refusal what the object says while the API server refuses a write for it, whatever else the draft says */
  constructor(object: T, now: Date, refusal: () => Readiness | undefined = () => undefined) {
    this.#object = object;
    this.#now = now;
    this.#refusal = refusal;
    // An object without a status is one whose kind has no default for it: every field of it is optional.
    this.#status = object.status ?? ({} as StatusOf<T>);
  }

  /** What the draft is worked out from. */
  get object(): T {
    return this.#object;
  }

  /** From now on the draft is for the version of the object that the same pass has stored meanwhile. */
  onto(object: T): void {
    this.#object = object;
  }

  get status(): StatusOf<T> {
    return this.#status;
  }

  /** Sets fields; undefined removes one. */
  set(changes: Changes<StatusOf<T>>): this {
    const next: Record<string, unknown> = Object.fromEntries(Object.entries(this.#status));
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined) delete next[key];
      else next[key] = value;
    }
    this.#status = next as StatusOf<T>;
    return this;
  }

  /** Takes the phase for recorded, whoever wrote it. */
  recordPhase(): this {
    const { phase } = this.#status;
    if (phase !== undefined) this.#status = { ...this.#status, recordedPhase: phase };
    return this;
  }

  condition(type: ConditionType): Condition | undefined {
    return findCondition(this.#status.conditions, type);
  }

  setCondition(type: ConditionType, status: 'True' | 'False' | 'Unknown', reason: Reason, message: string): this {
    const { generation } = this.object.metadata;
    const conditions = setCondition(
      this.#status.conditions,
      {
        type,
        status,
        reason,
        message: safeText(message),
        ...(generation === undefined ? {} : { observedGeneration: generation }),
      },
      this.#now,
    );
    // What was said before in this pass was never stored: the time is that of the last change that was.
    const stored = findCondition(this.object.status?.conditions, type);
    const since = stored?.status === status ? stored.lastTransitionTime : undefined;
    this.#status = {
      ...this.#status,
      conditions:
        since === undefined
          ? conditions
          : conditions.map((one) => (one.type === type ? { ...one, lastTransitionTime: since } : one)),
    };
    return this;
  }

  removeCondition(type: ConditionType): this {
    if (this.condition(type) !== undefined) {
      this.#status = { ...this.#status, conditions: removeCondition(this.#status.conditions, type) };
    }
    return this;
  }

  /** Sets Ready, Reconciling and Stalled together, so that they never contradict each other, and observedGeneration. */
  setReadiness(readiness: Readiness): this {
    this.showReadiness(readiness);
    return this.set({ observedGeneration: this.object.metadata.generation } as Changes<StatusOf<T>>);
  }

  get changed(): boolean {
    this.#showRefusal();
    return !isDeepStrictEqual(this.#status, this.object.status ?? {});
  }

  /**
   * Writes the status if it differs, guarded by the resourceVersion of the object it was worked out from, and shows the cache
   * what was written.
   * @returns the object as it is stored now
   * @throws ApiError with a conflict when the object was changed meanwhile
   */
  async write(client: ApiClient, informer: Informer<T>): Promise<T> {
    this.#noteInvalidTokens();
    if (!this.changed) return this.object;
    const { uid } = this.object.metadata;
    if (recordsUID(informer) && !('recordedUID' in this.#status) && uid !== undefined) {
      this.#status = { ...this.#status, recordedUID: uid };
    }
    const written = await client.replaceStatus(informer.type, { ...this.object, status: this.#status });
    informer.cache.observe(written);
    return written;
  }

  /** Sets Ready, Reconciling and Stalled without observedGeneration. */
  showReadiness({ state, reason, message, subject }: Readiness): this {
    this.#setWaitingFor(subject);
    this.setCondition('Ready', state === 'ready' ? 'True' : 'False', reason, message);
    if (state === 'working') this.setCondition('Reconciling', 'True', reason, message);
    else this.removeCondition('Reconciling');
    if (state === 'stalled') this.setCondition('Stalled', 'True', reason, message);
    else this.removeCondition('Stalled');
    return this;
  }

  #setWaitingFor(subject: ObjectReference | undefined): void {
    const { waitingFor: _, ...status } = this.#status;
    // A kind without this field has no finding with a subject.
    this.#status = { ...status, ...(subject !== undefined && { waitingFor: subject }) } as StatusOf<T>;
  }

  /** Without it each pass that comes to the refused write would first announce its beginning, and so bring itself back at once. */
  #showRefusal(): void {
    const refusal = this.#refusal();
    if (refusal !== undefined && this.condition('Ready')?.status !== 'True') this.showReadiness(refusal);
  }

  #noteInvalidTokens(): void {
    const invalid = invalidTokens(this.object);
    if (invalid.length === 0) {
      this.removeCondition('InvalidRequestToken');
      return;
    }
    const message = `ignored, since a token is 1 to 64 printable ASCII characters: ${invalid.join(', ')}`;
    this.setCondition('InvalidRequestToken', 'True', 'InvalidRequestToken', message);
  }
}

/** A phase that the operator sets: also recorded, so that a phase that an administrator writes is recognized. */
export function ownPhase<P extends string>(phase: P): { readonly phase: P; readonly recordedPhase: P } {
  return { phase, recordedPhase: phase };
}

/** An object as the cache has it; itself where that is another one or none. */
export function latestOf<T extends KubeObject>(informer: Informer<T>, object: T): T {
  const cached = informer.cache.get(nameOf(object));
  return cached !== undefined && uidOf(cached) === uidOf(object) ? cached : object;
}

/** Begins a draft of an object's status. */
export function draftOf<T extends ManagedObject>(
  { clock, refusedWrites }: Pick<Operator, 'clock' | 'refusedWrites'>,
  object: T,
): StatusDraft<T> {
  return new StatusDraft(object, new Date(clock.now()), () => refusedWrites.readinessOf(uidOf(object)));
}
