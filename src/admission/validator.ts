import { isDeepStrictEqual } from 'node:util';
import type { ClusterState } from '../cluster-state/cluster-state.ts';
import type { RunningCalls } from '../cluster-state/guard-input.ts';
import type { DriverModules } from '../drivers/registry.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';
import type { Verdict } from './verdict.ts';

/** A write of an object that the API server asks about. The object has passed the CRD's schema and rules. */
export interface ObjectWrite<T extends KubeObject = KubeObject> {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly object: T;
  /** The stored object; absent when the object is created. */
  readonly oldObject?: T;
  /** Whether the write is a dry run, which stores nothing. */
  readonly dryRun?: boolean;
}

/** What validators decide on: caches, and the work of this process. Drivers are never called. */
export interface AdmissionState extends ClusterState {
  readonly calls: RunningCalls & {
    /** Whether a driver call for the share or its access rules is running in this process. */
    shareIsBusy(shareUID: string): boolean;
  };
  readonly modules: DriverModules;
}

/** Judges writes of one kind within milliseconds: it makes no requests and does not wait. */
export interface Validator<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>;
  validate(write: ObjectWrite<T>, state: AdmissionState): Verdict;
}

/** Whether a write creates an object or changes its spec: a write that keeps the spec is never refused. */
export function specChanges(write: {
  readonly object: { readonly spec: unknown };
  readonly oldObject?: { readonly spec: unknown };
}): boolean {
  return write.oldObject === undefined || !isDeepStrictEqual(write.object.spec, write.oldObject.spec);
}
