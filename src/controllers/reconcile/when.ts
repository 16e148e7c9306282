import { done, type Phase, runPhases } from './step.ts';

/** Phases for objects in a certain state only. */
export function when<S>(applies: (scope: S) => boolean, phases: readonly Phase<S>[]): Phase<S> {
  return (scope) => (applies(scope) ? runPhases(scope, phases) : done);
}
