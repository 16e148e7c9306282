import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Controller, ReconcileContext, ReconcileResult } from '../../runtime/controller.ts';
import type { Informer } from '../../runtime/informer.ts';
import { nameOf, type ObjectName, uidOf } from '../../runtime/kube-object.ts';
import type { Manager } from '../../runtime/manager.ts';
import { keyOf } from '../../runtime/object-store.ts';
import { reportingRefusals } from '../status/report-refusal.ts';
import type { ManagedObject } from '../status/status-draft.ts';
import { resetBy } from '../status/status-reset.ts';
import { type ObjectRecords, type Pass, passOf, recordsInObject, showStep, store } from './pass.ts';
import { type Phase, runPhases, type Step } from './step.ts';

/** A phase that an administrator wrote. */
export interface PhaseReset {
  readonly from: string;
  readonly to: string;
}

/** What is particular to the controller of one kind. */
export interface Kind<T extends ManagedObject, S extends Pass<T>> {
  /** Name of the controller. */
  readonly name: string;
  readonly informer: Informer<T>;
  /** Says which events bring which keys into the queue; those of the kind itself included. */
  watches(controller: Controller): void;
  /** Gathers what the phases work with. */
  scope(pass: Pass<T, S['operator']>): S;
  /** Phases of an object that is to exist. */
  readonly phases: readonly Phase<S>[];
  /** Phases of an object that is being deleted; the last one gives it free. */
  readonly deletion: readonly Phase<S>[];
  /** What an object says whose phases are all done. */
  readonly ready: Finding;
  /** For kinds that record their phase: what else changes when an administrator wrote another one. */
  reset?(scope: S, reset: PhaseReset): void;
  /** Follows the write at the end of a pass; not where it was left out because a newer version is in the queue. */
  stored?(scope: S): Promise<void> | void;
  /** Removes what this process remembers of an object that is gone. */
  forget?(object: T): Promise<void> | void;
  /** Finalizer and status of the object itself when absent. */
  readonly records?: ObjectRecords<T>;
}

/**
 * The frame of every reconcile pass: takes responsibility for the object, honours a phase that an administrator wrote, runs the
 * phases of the kind, and writes the status once. Nothing is written when a phase throws.
 */
export class Reconciler<T extends ManagedObject, S extends Pass<T>> {
  readonly #operator: S['operator'];
  readonly #kind: Kind<T, S>;
  readonly #records: ObjectRecords<T>;
  /** Deleted objects by key, until the next pass over the key has forgotten them. */
  readonly #gone = new Map<string, T[]>();

  constructor(operator: S['operator'], kind: Kind<T, S>) {
    this.#operator = operator;
    this.#kind = kind;
    this.#records = kind.records ?? recordsInObject(operator.client, kind.informer);
    if (kind.forget !== undefined)
      kind.informer.onEvent(({ type, object }) => type === 'deleted' && this.#left(object));
  }

  /** Adds the controller to the manager. */
  register(manager: Pick<Manager, 'controller'>, workers: number): Controller {
    const { name, informer } = this.#kind;
    const controller = manager.controller({
      name,
      workers,
      reconcile: reportingRefusals(this.#operator, name, informer, (context) => this.reconcile(context)),
    });
    this.#kind.watches(controller);
    return controller;
  }

  async reconcile(context: ReconcileContext): Promise<ReconcileResult | undefined> {
    await this.#forgetGone(context.key);
    const object = this.#kind.informer.cache.get(context.key);
    if (object === undefined) return undefined;
    const isDeleting = object.metadata.deletionTimestamp !== undefined;
    if (!this.#records.holds(object)) {
      // The event of the write brings the key back.
      if (!isDeleting) await this.#records.take(object);
      return undefined;
    }
    const scope = this.#kind.scope(passOf(this.#operator, context, object, this.#records));
    if (await this.#observeReset(scope)) {
      await store<T>(scope);
      return undefined;
    }
    const step = await runPhases(scope, isDeleting ? this.#kind.deletion : this.#kind.phases);
    if (step.kind !== 'passOver') await this.#end(scope, step, isDeleting);
    const { requeueAfterMs } = step;
    return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
  }

  /** Sets the readiness that a pass came to, and writes the status. */
  async #end(scope: S, step: Step, isDeleting: boolean): Promise<void> {
    // What is being deleted is not ready for use, whatever went well.
    if (!(isDeleting && step.kind === 'done')) showStep(scope.draft, step, this.#kind.ready);
    if (this.#isOvertaken(scope.draft.object)) return;
    await store<T>(scope);
    await this.#kind.stored?.(scope);
  }

  /** Whether a newer version is known: it is in the queue already, and a write would end in a conflict. */
  #isOvertaken(object: T): boolean {
    const cached = this.#kind.informer.cache.get(nameOf(object));
    return (
      cached === undefined ||
      uidOf(cached) !== uidOf(object) ||
      cached.metadata.resourceVersion !== object.metadata.resourceVersion
    );
  }

  /** Honours a phase that an administrator wrote. @returns whether there was one: it is stored before anything else is decided */
  async #observeReset(scope: S): Promise<boolean> {
    const { draft, events } = scope;
    const { phase, recordedPhase } = draft.status;
    if (phase === undefined || recordedPhase === undefined || phase === recordedPhase) return false;
    const manager = await resetBy(this.#operator, this.#kind.informer, draft.object);
    draft.recordPhase();
    events.push({
      type: 'Warning',
      reason: 'StatusReset',
      action: 'ResetStatus',
      note: `phase was set from ${recordedPhase} to ${phase} by ${manager}`,
    });
    this.#kind.reset?.(scope, { from: recordedPhase, to: phase });
    return true;
  }

  #left(object: T): void {
    const key = keyOf(object.metadata);
    this.#gone.set(key, [...(this.#gone.get(key) ?? []), object]);
  }

  /** A pass may have been running when the object was deleted, and have remembered something. */
  async #forgetGone(name: ObjectName): Promise<void> {
    const key = keyOf(name);
    const gone = this.#gone.get(key) ?? [];
    this.#gone.delete(key);
    for (const object of gone) await this.#kind.forget?.(object);
  }
}
