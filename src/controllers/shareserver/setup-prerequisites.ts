import type { Finding } from '../../api/v1alpha1/finding.ts';
import { namespaceIsTerminating } from '../../cluster-state/namespace-view.ts';
import { associationPending } from '../../network-change/association.ts';
import { takesChanges } from '../../network-change/backend-state.ts';
import { segmentOf } from '../../scheduling/segments.ts';
import { segmentAllowed } from '../../scheduling/selection.ts';
import { subnetProblem } from '../../scheduling/subnets.ts';
import { namespaceTerminating, networkNotActive } from '../status/findings.ts';
import type { ServerScope } from './scope.ts';
import { subnetOf } from './server-addresses.ts';
import { whyNotPassable } from './services.ts';

/** Why the server can't be set up now. */
export function whyNoSetup(scope: ServerScope): Finding | undefined {
  const { operator, server, namespace, network, backend, view } = scope;
  if (namespaceIsTerminating(operator, namespace)) return namespaceTerminating;
  if (network === undefined) {
    return { reason: 'ShareNetworkNotFound', message: `share network ${server.spec.shareNetworkName} does not exist` };
  }
  if (network.status?.phase !== 'active') return networkNotActive(network.metadata.name);
  if (associationPending(network, view.serversOf(network.metadata.name))) {
    return {
      reason: 'SecurityServicesPending',
      message: `waits until share network ${network.metadata.name} has recorded its security services`,
    };
  }
  const incomplete = (network.status.securityServices ?? []).flatMap(
    (recorded) => whyNotPassable(scope, recorded)?.message ?? [],
  );
  if (incomplete.length > 0) return { reason: 'SecurityServiceIncomplete', message: incomplete.join('; ') };
  if (!takesChanges(backend)) {
    return { reason: 'BackendUnavailable', message: `backend ${server.spec.backendName} is not ready or not enabled` };
  }
  return subnetProblem(network.spec, view.serversOf(network.metadata.name)) ?? whyNoSegment(scope);
}

/** The owner of the backend may have closed the segment since the server was placed. */
function whyNoSegment(scope: ServerScope): Finding | undefined {
  const { operator, namespace, backend } = scope;
  const subnet = subnetOf(scope);
  const labels = operator.informers.namespaces.cache.get({ name: namespace })?.metadata.labels ?? {};
  if (backend === undefined || subnet === undefined) return undefined;
  if (segmentAllowed(subnet, backend.spec.allowedSegments, labels)) return undefined;
  return {
    reason: 'SegmentNotAllowed',
    message: `backend ${backend.metadata.name} does not allow the segment of subnet ${subnet.name}, ${segmentOf(subnet)}`,
  };
}
