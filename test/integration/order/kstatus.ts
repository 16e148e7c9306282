import type { KubeObject } from '../../../src/runtime/kube-object.ts';

/** An object of which kstatus knows nothing but what every kind has. */
export interface StatusCarrier extends KubeObject {
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

/** What Flux, Argo CD and `kubectl wait` take an object to be. */
export type KStatus = 'Terminating' | 'InProgress' | 'Failed' | 'Current';

/** The generic rules of kstatus (sigs.k8s.io/cli-utils, pkg/kstatus) for a kind that it does not know. */
export function kstatusOf({ metadata, status }: StatusCarrier): KStatus {
  if (metadata.deletionTimestamp !== undefined) return 'Terminating';
  if (status?.observedGeneration !== undefined && status.observedGeneration !== metadata.generation) {
    return 'InProgress';
  }
  const isTrue = (type: string) =>
    status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
  if (isTrue('Reconciling')) return 'InProgress';
  if (isTrue('Stalled')) return 'Failed';
  const ready = status?.conditions?.find(({ type }) => type === 'Ready');
  return ready === undefined || ready.status === 'True' ? 'Current' : 'InProgress';
}
