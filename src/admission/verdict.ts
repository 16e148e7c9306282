import type { AdmissionReason } from '../api/v1alpha1/admission-codes.ts';
import type { ClusterState } from '../cluster-state/cluster-state.ts';
import type { RunningCalls } from '../cluster-state/guard-input.ts';
import type { DriverModules } from '../drivers/registry.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';

/** A write of an object that the API server asks about. The object has passed the CRD's schema and rules. */
export interface ObjectWrite<T extends KubeObject = KubeObject> {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly object: T;
  /** As it is stored; absent when it is being created. */
  readonly oldObject?: T;
  /** Whether nothing will be stored: the write is only tried. */
  readonly dryRun?: boolean;
}

/** What admission says of a write. `code` and `reason` reach the client as they are. */
export type Verdict =
  | { readonly allowed: true; readonly warnings?: readonly string[] }
  | {
      readonly allowed: false;
      /** HTTP status. */
      readonly code: 400 | 403 | 404 | 409 | 422;
      /** The condition's reason in the reconciler, where it is not about the request itself. */
      readonly reason: AdmissionReason | 'Invalid' | 'AdmissionProbe';
      /** One line that names the objects and what can be done. */
      readonly message: string;
    };

/** What validators decide on: caches, and what runs in this process. Drivers are never called. */
export interface AdmissionState extends ClusterState {
  readonly calls: RunningCalls & {
    /** Whether a driver call for the share or its access rules is running in this process. */
    shareIsBusy(shareUID: string): boolean;
  };
  readonly modules: DriverModules;
}

/** Judges writes of one kind, within milliseconds: without requests and without waiting. */
export interface Validator<T extends KubeObject = KubeObject> {
  readonly type: ResourceType<T>;
  validate(write: ObjectWrite<T>, state: AdmissionState): Verdict;
}

export const allowed: Verdict = { allowed: true };
