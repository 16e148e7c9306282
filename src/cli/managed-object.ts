import type { Condition } from '../api/v1alpha1/conditions.ts';
import type { ObjectReference } from '../api/v1alpha1/finding.ts';
import type { KubeObject } from '../runtime/kube-object.ts';

/** An object of any of our kinds, as far as they have something in common. */
export interface ManagedObject extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly phase?: string;
    readonly conditions?: readonly Condition[];
    readonly waitingFor?: ObjectReference;
  };
}
