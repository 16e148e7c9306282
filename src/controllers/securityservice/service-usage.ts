import type { SecurityService, SecurityServiceStatus } from '../../api/v1alpha1/security-service.ts';
import { namespaceView, networksRecording } from '../../cluster-state/namespace-view.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { ChangeMemory } from '../change-memory/change-memory.ts';
import type { Operator } from '../operator.ts';

/** What a service's status says about its use: by the networks that record it, or are about to. */
export function usageOf(
  operator: Pick<Operator, 'informers'> & Pick<ChangeMemory, 'pendingAssociations'>,
  service: SecurityService,
): Pick<SecurityServiceStatus, 'shareNetworks' | 'inUse'> {
  const { serversOf } = namespaceView(operator, service.metadata.namespace ?? '');
  const recording = new Set(networksRecording(operator, service).map(({ metadata }) => metadata.name));
  for (const network of operator.pendingAssociations.of(uidOf(service))) recording.add(network);
  return {
    shareNetworks: recording.size,
    inUse: [...recording].some((network) => serversOf(network).length > 0),
  };
}
