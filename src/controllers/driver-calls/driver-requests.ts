import { createHash } from 'node:crypto';
import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import { storageID } from '../../cluster-state/storage-id.ts';
import type {
  DriverAccessRule,
  DriverAllocation,
  DriverNetwork,
  DriverSecurityService,
  DriverServer,
  DriverShare,
} from '../../drivers/driver.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { parseDuration } from '../../values/duration.ts';
import { parseQuantity } from '../../values/quantity.ts';

/**
 * The name of the server in directories and DNS: at most 15 characters, valid as a NetBIOS name, and derived from the UID so that it is
 * stable and unique.
 */
export function hostnameOf(server: ShareServer): string {
  const digest = createHash('sha256').update(storageID(server)).digest();
  return `sn${BigInt(`0x${digest.subarray(0, 8).toString('hex')}`)
    .toString(36)
    .padStart(13, '0')
    .slice(-13)}`;
}

function allocationsOf(server: ShareServer, network: ShareNetwork | undefined): readonly DriverAllocation[] {
  return (server.status?.networkAllocations ?? []).map(({ subnetName, ipAddress }) => {
    const subnet = subnetsOf(server, network).find(({ name }) => name === subnetName);
    return {
      subnetName,
      ipAddress,
      prefixLength: Number(subnet?.cidr.split('/')[1] ?? (ipAddress.includes(':') ? 128 : 32)),
      networkType: subnet?.networkType ?? 'flat',
      ...(subnet?.gateway === undefined ? {} : { gateway: subnet.gateway }),
      ...(subnet?.mtu === undefined ? {} : { mtu: subnet.mtu }),
      ...(subnet?.segmentationID === undefined ? {} : { segmentationID: subnet.segmentationID }),
    };
  });
}

/** The network's subnets; the server's own as it was when the server was created. */
function subnetsOf({ status }: ShareServer, network: ShareNetwork | undefined): readonly ShareNetworkSubnet[] {
  const given = status?.subnet;
  const present = network?.spec.subnets ?? [];
  return given === undefined ? present : [...present.filter(({ name }) => name !== given.name), given];
}

/** A share server for the driver. */
export function driverServer(
  server: ShareServer,
  network: ShareNetwork | undefined,
  backendSecrets: Readonly<Record<string, string>>,
): DriverServer {
  const { identifier, backendDetails } = server.status ?? {};
  return {
    id: storageID(server),
    name: server.metadata.name,
    hostname: hostnameOf(server),
    ...(identifier === undefined ? {} : { identifier }),
    backendDetails: backendDetails ?? {},
    backendSecrets,
    allocations: allocationsOf(server, network),
  };
}

/** A share network for the driver; where it is gone (a forced deletion), what the server has recorded of it. */
export function driverNetwork(server: ShareServer, network: ShareNetwork | undefined): DriverNetwork {
  return {
    id: network === undefined ? '' : uidOf(network),
    name: server.spec.shareNetworkName,
    subnets: subnetsOf(server, network),
    allocations: allocationsOf(server, network),
  };
}

/** A share for the driver, with its present size, or its first one. */
export function driverShare(share: Share): DriverShare {
  const { identifier, exportLocations, size } = share.status ?? {};
  return {
    id: storageID(share),
    name: share.metadata.name,
    protocol: share.spec.protocol,
    size: parseQuantity(size ?? share.spec.size) ?? 0,
    ...(identifier === undefined ? {} : { identifier }),
    exportLocations: exportLocations ?? [],
  };
}

/** An access rule for the driver, at the level of its spec or at a given one. */
export function driverRule(rule: ShareAccess, level = rule.spec.accessLevel ?? 'rw'): DriverAccessRule {
  return {
    id: uidOf(rule),
    name: rule.metadata.name,
    accessType: rule.spec.accessType,
    // As it was validated and compared: white space around a common name does not belong to it.
    accessTo: rule.spec.accessType === 'cert' ? rule.spec.accessTo.trim() : rule.spec.accessTo,
    accessLevel: level,
  };
}

/** What a server gets of a service: every field that is not secret. */
export function appliedService(
  service: SecurityService,
  credentialsVersion: string | undefined,
): AppliedSecurityService {
  const { passwordSecretRef: _secret, description: _text, ...fields } = service.spec;
  return {
    ...fields,
    name: service.metadata.name,
    uid: uidOf(service),
    generation: service.metadata.generation ?? 0,
    ...(credentialsVersion === undefined ? {} : { credentialsVersion }),
  };
}

/** A service for the driver, from its stored fields and its Secrets. */
export function driverService(
  applied: AppliedSecurityService,
  found: { readonly password: string; readonly authorities?: string } | undefined,
): DriverSecurityService {
  const { uid, generation: _generation, credentialsVersion: _version, tls, ...fields } = applied;
  const caBundle = found?.authorities ?? tls?.caBundle;
  const ofTLS = { mode: tls?.mode ?? 'Required', ...(caBundle === undefined ? {} : { caBundle }) };
  return {
    ...fields,
    id: uid,
    ...(applied.type === 'ldap' ? { tls: ofTLS } : {}),
    ...(found === undefined ? {} : { password: found.password }),
  };
}

/**
 * Backend details that show a service, one entry a service as in Manila (`security_service_<type>`, JSON), never the password.
 */
export function serviceDetails(services: readonly AppliedSecurityService[]): Record<string, string> {
  return Object.fromEntries(
    services.map(({ generation: _generation, credentialsVersion: _version, uid: _uid, type, tls, ...fields }) => [
      `security_service_${type}`,
      // Certificates are long, and the server's status has them already.
      JSON.stringify(tls?.mode === undefined ? fields : { ...fields, tls: { mode: tls.mode } }),
    ]),
  );
}

/** Bounds of driver calls of a backend, in milliseconds. */
export function timeoutsOf(backend: StorageBackend | undefined): {
  readonly operation: number;
  readonly change: number;
} {
  return {
    operation: parseDuration(backend?.spec.operationTimeout ?? '60s') ?? 60_000,
    change: parseDuration(backend?.spec.changeTimeout ?? '10m') ?? 600_000,
  };
}
