import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../api/v1alpha1/resource-types.ts';
import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import type { StorageBackend } from '../../api/v1alpha1/storage-backend.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { compare } from '../../values/compare.ts';
import type { ManagedObject } from '../managed-object.ts';
import { type Note, notesOf } from './notes.ts';

/** Reads the objects that a cause may lead to. */
export interface CauseReader {
  /** Undefined where there is none; `hidden` where the user may not see it. */
  find<T extends ManagedObject>(type: ResourceType<T>, name: string): Promise<T | 'hidden' | undefined>;
  /** All objects of the namespace. */
  list<T extends ManagedObject>(type: ResourceType<T>): Promise<readonly T[]>;
}

/** An object with its kind. */
export type KnownObject =
  | { readonly kind: 'ShareAccess'; readonly object: ShareAccess }
  | { readonly kind: 'Share'; readonly object: Share }
  | { readonly kind: 'ShareServer'; readonly object: ShareServer }
  | { readonly kind: 'ShareNetwork'; readonly object: ShareNetwork }
  | { readonly kind: 'SecurityService'; readonly object: SecurityService }
  | { readonly kind: 'StorageBackend'; readonly object: StorageBackend };

/** An object that is not as wished, and the one reason that tells most. */
export type CauseStep = KnownObject & { readonly note: Note };

/** An object that is waited for, but which the user may not see. */
export interface HiddenObject {
  readonly kind: KnownObject['kind'];
  readonly name: string;
}

/** What an object waits for: from itself to the one thing that is in the way. Without steps it waits for nothing. */
export interface Cause {
  readonly steps: readonly CauseStep[];
  readonly hidden?: HiddenObject;
}

type Next = KnownObject | { readonly hidden: HiddenObject } | undefined;

/** Follows the reasons of an object to the one thing that is in the way. */
export async function causeOf(start: KnownObject, reader: CauseReader): Promise<Cause> {
  const steps: CauseStep[] = [];
  const seen = new Set<string>();
  for (let present = start; ; ) {
    const key = `${present.kind}/${present.object.metadata.name}`;
    const note = tellingNote(present.object);
    // Nothing to tell, or two that wait for each other: the last one that could say something has it.
    if (note === undefined || seen.has(key)) return { steps };
    seen.add(key);
    steps.push({ ...present, note });
    const next = await nextOf(present, note, reader);
    if (next === undefined) return { steps };
    if ('hidden' in next) return { steps, hidden: next.hidden };
    present = next;
  }
}

/** Reads an object of any kind. */
export async function findKnown(kind: string, name: string, reader: CauseReader): Promise<Next> {
  switch (kind) {
    case 'ShareAccess':
      return known('ShareAccess', name, await reader.find(shareAccesses, name));
    case 'Share':
      return known('Share', name, await reader.find(shares, name));
    case 'ShareServer':
      return known('ShareServer', name, await reader.find(shareServers, name));
    case 'ShareNetwork':
      return known('ShareNetwork', name, await reader.find(shareNetworks, name));
    case 'SecurityService':
      return known('SecurityService', name, await reader.find(securityServices, name));
    default:
      return known('StorageBackend', name, await reader.find(storageBackends, name));
  }
}

function known<K extends KnownObject['kind'], T>(kind: K, name: string, found: T | 'hidden' | undefined) {
  if (found === undefined) return undefined;
  return found === 'hidden' ? { hidden: { kind, name } } : { kind, object: found };
}

/** What matters most: of an object that is to go, what keeps it. */
function tellingNote(object: ManagedObject): Note | undefined {
  const notes = notesOf(object);
  if (object.metadata.deletionTimestamp === undefined) return notes[0];
  return notes.find(({ condition }) => condition === 'DeletionBlocked') ?? notes[0];
}

/** The object in which the reason of another one lies. */
async function nextOf(present: KnownObject, { reason = '', message }: Note, reader: CauseReader): Promise<Next> {
  switch (present.kind) {
    case 'ShareAccess': {
      const share = await reader.find(shares, present.object.spec.shareName);
      if (share === 'hidden' || share === undefined) return undefined;
      if (reason === 'ShareNotAvailable' || reason === 'SharePaused') return { kind: 'Share', object: share };
      return await nextOfShare(share, reason, reader);
    }
    case 'Share':
      return await nextOfShare(present.object, reason, reader);
    case 'ShareServer':
      return await nextOfServer(present.object, reason, message, reader);
    case 'ShareNetwork':
      return await nextOfNetwork(present.object, reason, message, reader);
    default:
      return undefined;
  }
}

async function nextOfShare({ metadata, spec, status }: Share, reason: string, reader: CauseReader): Promise<Next> {
  switch (reason) {
    case 'ShareServerError':
    case 'ShareServerNotActive':
      return await maybe('ShareServer', status?.shareServerName, reader);
    case 'ShareNetworkNotActive':
    case 'SecurityServicesPending':
    case 'SubnetInUse':
    case 'SubnetInvalid':
      return await maybe('ShareNetwork', spec.shareNetworkName, reader);
    case 'BackendUnavailable':
      return await maybe('StorageBackend', status?.backendName ?? spec.backendName, reader);
    case 'AccessRulesExist': {
      const rules = (await reader.list(shareAccesses)).filter((rule) => rule.spec.shareName === metadata.name);
      const object = firstTelling(rules, '');
      return object && { kind: 'ShareAccess', object };
    }
    default:
      return undefined;
  }
}

async function nextOfServer(
  { spec }: ShareServer,
  reason: string,
  message: string,
  reader: CauseReader,
): Promise<Next> {
  switch (reason) {
    case 'NetworkChangeInProgress':
    case 'ShareNetworkNotActive':
    case 'SecurityServicesPending':
    case 'SubnetInUse':
    case 'SubnetInvalid':
      return await maybe('ShareNetwork', spec.shareNetworkName, reader);
    case 'BackendUnavailable':
      return await maybe('StorageBackend', spec.backendName, reader);
    case 'SecurityServiceIncomplete':
    case 'CredentialsNotFound':
    case 'CredentialsRefused':
    case 'CABundleInvalid':
    case 'PasswordInvalid': {
      const network = await reader.find(shareNetworks, spec.shareNetworkName);
      return typeof network === 'object' ? await serviceOf(network, message, reader) : undefined;
    }
    default:
      return undefined;
  }
}

async function nextOfNetwork(
  network: ShareNetwork,
  reason: string,
  message: string,
  reader: CauseReader,
): Promise<Next> {
  const { name } = network.metadata;
  switch (reason) {
    case 'SecurityServiceIncomplete':
      return await serviceOf(network, message, reader);
    case 'NetworkChangeInProgress': {
      // One that tells more than that it takes part.
      const servers = (await serversOf(name, reader)).filter(
        (server) => tellingNote(server)?.reason !== 'NetworkChangeInProgress',
      );
      const id = network.status?.networkChange?.id;
      const object = firstTelling(
        servers.filter(({ status }) => status?.networkChange?.id === id),
        '',
      );
      return object && { kind: 'ShareServer', object };
    }
    case 'UpdateFailed':
    case 'ShareServerNotActive':
    case 'ShareServersExist': {
      const object = firstTelling(await serversOf(name, reader), message);
      return object && { kind: 'ShareServer', object };
    }
    case 'BackendUnavailable': {
      const names = new Set((await serversOf(name, reader)).map(({ spec }) => spec.backendName));
      for (const backendName of [...names].sort()) {
        const next = await findKnown('StorageBackend', backendName, reader);
        if (next === undefined || 'hidden' in next || tellingNote(next.object) !== undefined) return next;
      }
      return undefined;
    }
    default: {
      // A driver's reason: whether it is one of credentials, the service has.
      const next = await serviceOf(network, message, reader);
      const isRefused =
        next !== undefined && 'kind' in next && tellingNote(next.object)?.reason === 'CredentialsRefused';
      return isRefused ? next : undefined;
    }
  }
}

async function serviceOf({ spec, status }: ShareNetwork, message: string, reader: CauseReader): Promise<Next> {
  const names = new Set(
    [...(spec.securityServices ?? []), ...(status?.securityServices ?? [])].map(({ name }) => name),
  );
  const services = (await reader.list(securityServices)).filter(({ metadata }) => names.has(metadata.name));
  const object = firstTelling(services, message);
  return object && { kind: 'SecurityService', object };
}

async function serversOf(network: string, reader: CauseReader): Promise<readonly ShareServer[]> {
  return (await reader.list(shareServers)).filter(({ spec }) => spec.shareNetworkName === network);
}

async function maybe(kind: KnownObject['kind'], name: string | undefined, reader: CauseReader): Promise<Next> {
  return name === undefined ? undefined : await findKnown(kind, name, reader);
}

/** The first object, by name, that has something to tell; better one that the message names. */
function firstTelling<T extends ManagedObject>(objects: readonly T[], message: string): T | undefined {
  const telling = objects
    .filter((object) => tellingNote(object) !== undefined)
    .sort((a, b) => compare(a.metadata.name, b.metadata.name));
  const words = new Set(message.split(/[^a-z0-9.-]+/).map((word) => word.replace(/\.+$/, '')));
  return telling.find(({ metadata }) => words.has(metadata.name)) ?? telling[0];
}
