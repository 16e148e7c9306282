import type { BackendScope } from './scope.ts';

const callsSuspended = 'CallsSuspended';

/** Stops driver calls of a backend that does not answer its probes. */
export function suspendCalls({ operator, draft, name }: BackendScope): void {
  operator.calls.circuits.open(name);
  const message = 'the storage system did not answer the last probe; no driver call is made until it does';
  draft.set({ callsSuspended: true }).setCondition(callsSuspended, 'True', callsSuspended, message);
}

/** Driver calls are made again: the backend answers, or it is not probed. */
export function resumeCalls({ operator, draft, name }: BackendScope): void {
  operator.calls.circuits.close(name);
  draft.set({ callsSuspended: undefined }).removeCondition(callsSuspended);
}
