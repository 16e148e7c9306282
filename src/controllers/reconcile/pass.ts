import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { Reason } from '../../api/v1alpha1/reasons/reason.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import type { ReconcileContext } from '../../runtime/controller.ts';
import type { EventContent } from '../../runtime/events.ts';
import type { Informer } from '../../runtime/informer.ts';
import { addFinalizer, hasFinalizer } from '../lifecycle/finalizers.ts';
import type { Operator } from '../operator.ts';
import { draftOf, type ManagedObject, type StatusDraft } from '../status/status-draft.ts';
import type { Step } from './step.ts';

/** Where the operator records that it manages an object, and the object's status. */
export interface ObjectRecords<T extends ManagedObject> {
  /** Whether the operator has taken responsibility for the object. */
  holds(object: T): boolean;
  /** Takes it, before the first effect outside of the cluster; an event of the object follows. */
  take(object: T): Promise<unknown>;
  /** Stores the status if it differs. @throws ApiError with a conflict when the object was changed meanwhile */
  store(draft: StatusDraft<T>): Promise<T>;
}

/** Finalizer and status of the object itself. */
export function recordsInObject<T extends ManagedObject>(client: ApiClient, informer: Informer<T>): ObjectRecords<T> {
  return {
    holds: hasFinalizer,
    take: (object) => addFinalizer(client, informer, object),
    store: (draft) => draft.write(client, informer),
  };
}

/** What every phase of a pass over one object works with. */
export interface Pass<T extends ManagedObject, O extends Operator = Operator> {
  readonly operator: O;
  readonly context: ReconcileContext;
  /** The status as this pass works it out, and the object that it is worked out from. */
  readonly draft: StatusDraft<T>;
  /** Events that tell what the draft says; sent when it is stored. */
  readonly events: EventContent<Reason>[];
  readonly records: ObjectRecords<T>;
}

/** Begins a pass over an object. */
export function passOf<T extends ManagedObject, O extends Operator>(
  operator: O,
  context: ReconcileContext,
  object: T,
  records: ObjectRecords<T>,
): Pass<T, O> {
  return { operator, context, draft: draftOf(operator, object), events: [], records };
}

/** Has the object say what its phases came to. @param ready what it says where all are done */
export function showStep<T extends ManagedObject>(draft: StatusDraft<T>, step: Step, ready: Finding): void {
  if (step.kind === 'wait') draft.setReadiness({ ...step.finding, state: 'working' });
  if (step.kind === 'stalled') draft.setReadiness({ ...step.finding, state: 'stalled' });
  if (step.kind === 'done') draft.setReadiness({ ...ready, state: 'ready' });
}

/** Stores the draft, then sends the events that tell what it says. */
export async function store<T extends ManagedObject>({ operator, draft, events, records }: Pass<T>): Promise<T> {
  const stored = await records.store(draft);
  for (const event of events.splice(0)) operator.recorder.event(stored, event);
  return stored;
}

/**
 * Stores the draft in the middle of a pass: what follows relies on it. The draft continues on the stored version.
 * @param scopeOf builds the scope of the kind
 * @returns the scope on that version. Later phases still get the former one: the phase continues with this one, and ends the pass.
 */
export async function checkpoint<T extends ManagedObject, S extends Pass<T>>(
  scope: S & Pass<T>,
  scopeOf: (pass: Pass<T, S['operator']>) => S,
): Promise<S> {
  scope.draft.onto(await store<T>(scope));
  const { operator, context, draft, events, records } = scope;
  return scopeOf({ operator, context, draft, events, records });
}
