import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { SharePlacement } from '../../cluster-state/share-placement.ts';

/** A share and the objects that it is placed on. */
export interface PlacedShare extends SharePlacement {
  readonly share: Share;
}

/** Nothing is made any more. */
export const namespaceTerminating: Finding = {
  reason: 'NamespaceTerminating',
  message: 'nothing is made in a namespace that is being deleted',
};

/** The cache has not caught up with a new namespace. */
export function namespaceNotKnown(namespace: string): Finding {
  return { reason: 'NamespaceNotKnown', message: `namespace ${namespace} is not known to the operator yet` };
}

/** A lock that calls for the same object exclude each other by. */
export const callRunning: Finding = {
  reason: 'OperationRunning',
  message: 'another driver call is still running; this continues automatically when it has ended',
};

/** The lock of a share network, which calls hold together and the commit of a change alone. */
export const changeBeginning: Finding = {
  reason: 'OperationRunning',
  message:
    'a change of the security services of the share network waits for running driver calls; this continues automatically when it has begun',
};

/** Credentials that no directory has accepted lately are tried by one call at a time. */
export const credentialsBeingTried: Finding = {
  reason: 'OperationRunning',
  message: 'another driver call tries the same credentials first; this continues automatically when it has ended',
};

/** Every slot of a backend is taken. */
export function backendBusy(name: string): Finding {
  const message = `as many driver calls run on backend ${name} as its maxConcurrentOperations allows; this continues automatically when one has ended`;
  return { reason: 'BackendBusy', message };
}

/** A share network is changing, in maintenance or in error. */
export function networkNotActive(name: string): Finding {
  const message = `waits until share network ${name} is active`;
  return { reason: 'ShareNetworkNotActive', message, subject: { kind: 'ShareNetwork', name } };
}

/** What is missing can be made again, or is not waited for on a person's word. */
export function backendNotFound(name: string | undefined): Finding {
  const message = `backend ${name} does not exist; make it again, or set the annotation ${labels.abandon}`;
  return { reason: 'BackendNotFound', message };
}

/** Why no driver call is made: the backend did not answer its last probe. */
export function callsSuspended(backend: StorageBackend | undefined): Finding | undefined {
  if (backend?.status?.callsSuspended !== true) return undefined;
  return { reason: 'BackendUnavailable', message: `backend ${backend.metadata.name} does not answer at present` };
}

/** Why nothing can be made or changed for a share where it is, or is to be. */
export function whyNoChange({ share, network, server, backend }: PlacedShare): Finding | undefined {
  const { shareNetworkName } = share.spec;
  if (shareNetworkName !== undefined && network?.status?.phase !== 'active') return networkNotActive(shareNetworkName);
  const { shareServerName, backendName } = share.status ?? {};
  if (shareServerName !== undefined && server?.status?.phase !== 'active') return serverNotActive(shareServerName);
  if (backend === undefined || backend.spec.enabled === false) {
    return { reason: 'BackendUnavailable', message: `backend ${backendName} is missing or not enabled` };
  }
  return callsSuspended(backend);
}

/** Why a share, or access to it, can't be taken away now. A network on its way out holds nothing up, unless it is being changed. */
export function whyNoRemoval({ share, network, server, backend }: PlacedShare): Finding | undefined {
  const leaving = network?.metadata.deletionTimestamp !== undefined;
  const { phase, networkChange } = network?.status ?? {};
  if (network !== undefined && phase !== 'active' && (!leaving || networkChange !== undefined)) {
    return networkNotActive(network.metadata.name);
  }
  if (server?.status?.phase === 'network_change' && !leaving) return serverNotActive(server.metadata.name);
  return backend === undefined ? backendNotFound(share.status?.backendName) : callsSuspended(backend);
}

function serverNotActive(name: string): Finding {
  const message = `waits until share server ${name} is active`;
  return { reason: 'ShareServerNotActive', message, subject: { kind: 'ShareServer', name } };
}
