import * as labels from '../api/v1alpha1/labels.ts';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../api/v1alpha1/resource-types.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import type { Share } from '../api/v1alpha1/share.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../api/v1alpha1/storage-backend.ts';
import { parseCheckRequest } from '../network-change/parse-check-request.ts';
import { neverSetUp } from '../network-change/server-state.ts';
import { type Namespace, namespaces, type Secret, secrets } from '../runtime/core-types.ts';
import type { Informer } from '../runtime/informer.ts';
import type { KubeObject } from '../runtime/kube-object.ts';
import type { Manager } from '../runtime/manager.ts';
import { canonicalAddress } from '../scheduling/address-allocation.ts';
import { slimNamespace, slimObject, slimSecret } from './slim-object.ts';

/** What the operator knows without asking: one informer a kind, with the indexes that the reconcilers read. */
export interface Informers {
  readonly storageBackends: Informer<StorageBackend>;
  readonly securityServices: Informer<SecurityService>;
  readonly shareNetworks: Informer<ShareNetwork>;
  readonly shareServers: Informer<ShareServer>;
  readonly shares: Informer<Share>;
  readonly shareAccesses: Informer<ShareAccess>;
  readonly namespaces: Informer<Namespace>;
  /** Secrets that may be used as credentials. */
  readonly credentials: Informer<Secret>;
  /** Secrets that hold access keys. */
  readonly accessKeys: Informer<Secret>;
}

/** Whatever tenants store, a page is in memory as it is stored, as text and as objects: one can have 1.5 MiB. */
const objectsInPage = 100;
const secretsInPage = 50;

/** Key of an index by a name within the object's namespace. */
function inNamespace(object: KubeObject, name: string): string {
  return `${object.metadata.namespace ?? ''}/${name}`;
}

/** Whether the share is not on a storage system yet, and is to be. */
export function isUnmade({ metadata, status }: Share): boolean {
  return status?.identifier === undefined && metadata.deletionTimestamp === undefined;
}

/** Makes the informers. `operatorNamespace` is added to the watched ones for backend credentials. */
export function createInformers(
  manager: Manager,
  watchNamespaces: readonly string[] | undefined,
  operatorNamespace: string,
): Informers {
  const within = watchNamespaces === undefined ? {} : { namespaces: watchNamespaces };
  const credentialNamespaces =
    watchNamespaces === undefined ? {} : { namespaces: [...new Set([...watchNamespaces, operatorNamespace])] };
  return {
    storageBackends: manager.informer({ type: storageBackends, pageSize: objectsInPage, transform: slimObject }),
    namespaces: manager.informer({ type: namespaces, transform: slimNamespace }),
    securityServices: manager.informer({
      type: securityServices,
      ...within,
      pageSize: objectsInPage,
      transform: slimObject,
      indexers: {
        // Of its password, and of the authorities of its servers.
        byPasswordSecret: ({ metadata, spec: { passwordSecretRef, tls } }) => [
          ...new Set(
            [passwordSecretRef, tls?.caSecretRef].flatMap((reference) =>
              reference === undefined ? [] : [inNamespace({ metadata }, reference.name)],
            ),
          ),
        ],
        byRefusedCredentials: ({ metadata, status }) =>
          status?.refusal === undefined ? [] : [`${metadata.namespace ?? ''}/${status.refusal.credentials}`],
      },
    }),
    shareNetworks: manager.informer({
      type: shareNetworks,
      ...within,
      pageSize: objectsInPage,
      transform: slimObject,
      indexers: {
        bySecurityService: (network) => [
          ...new Set(
            [
              ...(network.spec.securityServices ?? []),
              ...(network.status?.securityServices ?? []),
              ...(parseCheckRequest(network.metadata.annotations?.[labels.checkSecurityServices] ?? '') ?? []),
            ].map((service) => inNamespace(network, service.name)),
          ),
        ],
      },
    }),
    shareServers: manager.informer({
      type: shareServers,
      ...within,
      pageSize: objectsInPage,
      transform: slimObject,
      indexers: {
        byNetwork: (server) => [inNamespace(server, server.spec.shareNetworkName)],
        byBackend: (server) => [server.spec.backendName],
        unmadeByNetwork: (server) => (neverSetUp(server) ? [inNamespace(server, server.spec.shareNetworkName)] : []),
        unmadeByBackend: (server) => (neverSetUp(server) ? [server.spec.backendName] : []),
        byAddress: (server) =>
          (server.status?.networkAllocations ?? []).map(({ ipAddress }) => canonicalAddress(ipAddress)),
      },
    }),
    shares: manager.informer({
      type: shares,
      ...within,
      pageSize: objectsInPage,
      transform: slimObject,
      indexers: {
        byNetwork: (share) =>
          share.spec.shareNetworkName === undefined ? [] : [inNamespace(share, share.spec.shareNetworkName)],
        /** Under one key those that any backend could be chosen for. */
        unplaced: (share) => (share.spec.backendName === undefined && isUnmade(share) ? [''] : []),
        unplacedByNetwork: (share) =>
          share.spec.shareNetworkName === undefined || share.status?.shareServerName !== undefined
            ? []
            : [inNamespace(share, share.spec.shareNetworkName)],
        byServer: (share) =>
          share.status?.shareServerName === undefined ? [] : [inNamespace(share, share.status.shareServerName)],
        byBackend: (share) => {
          const names = new Set<string>();
          if (share.spec.backendName !== undefined) names.add(share.spec.backendName);
          if (share.status?.backendName !== undefined) names.add(share.status.backendName);
          return [...names];
        },
      },
    }),
    shareAccesses: manager.informer({
      type: shareAccesses,
      ...within,
      pageSize: objectsInPage,
      transform: slimObject,
      indexers: { byShare: (rule) => [inNamespace(rule, rule.spec.shareName)] },
    }),
    credentials: manager.informer({
      type: secrets,
      ...credentialNamespaces,
      labelSelector: `${labels.credentialsLabel}=true`,
      pageSize: secretsInPage,
      // A backend's credentials may be of any size: they are an administrator's.
      transform: (secret) => (secret.metadata.namespace === operatorNamespace ? secret : slimSecret(secret)),
    }),
    accessKeys: manager.informer({
      type: secrets,
      ...within,
      labelSelector: `${labels.accessKeyLabel}=true`,
      pageSize: secretsInPage,
      transform: slimSecret,
    }),
  };
}
