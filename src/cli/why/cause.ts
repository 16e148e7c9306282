import type { OwnReason } from '../../api/v1alpha1/reasons/catalogue.ts';
import { securityServices, shareAccesses, shareNetworks, shareServers } from '../../api/v1alpha1/resource-types.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ManagedObject } from '../managed-object.ts';
import { byName } from '../output/by-name.ts';
import {
  type CauseReader,
  findKnown,
  type HiddenObject,
  isKind,
  type Kind,
  type KnownObject,
  referencesOf,
} from './known-object.ts';
import { type Note, notesOf } from './notes.ts';

/** An object on the way to a cause, with what it says. */
export type CauseStep = KnownObject & { readonly note: Note };

/** What an object waits for: from itself to the one thing that is in the way. Without steps it waits for nothing. */
export interface Cause extends Partial<HiddenObject> {
  readonly steps: readonly CauseStep[];
}

type Next = KnownObject | HiddenObject | undefined;
type ServiceObject = Extract<KnownObject, { kind: 'SecurityService' }>;
type ServerObject = Extract<KnownObject, { kind: 'ShareServer' }>;

/** Follows what an object waits for to the one thing that is in the way. */
export async function causeOf(start: KnownObject, reader: CauseReader): Promise<Cause> {
  const steps: CauseStep[] = [];
  const seen = new Set<string>();
  for (let present = start; ; ) {
    const key = `${present.kind}/${present.object.metadata.name}`;
    const note = tellingNote(present);
    // Nothing to say, or two objects that wait for each other: the last one that could say something has it.
    if (note === undefined || seen.has(key)) return { steps };
    seen.add(key);
    steps.push({ ...present, note });
    const next = await nextOf(present, note, reader);
    if (next === undefined) return { steps };
    if ('hidden' in next) return { steps, hidden: next.hidden };
    present = next;
  }
}

/** What matters most: of an object that is being deleted, what prevents it. */
function tellingNote({ object }: KnownObject): Note | undefined {
  const notes = notesOf(object);
  if (object.metadata.deletionTimestamp === undefined) return notes[0];
  return notes.find(({ condition }) => condition === 'DeletionBlocked') ?? notes[0];
}

/** Reasons about an object that the object itself, or the share of a rule, refers to. */
const referenced: Readonly<Partial<Record<OwnReason, Kind>>> = {
  BackendUnavailable: 'StorageBackend',
  NetworkChangeInProgress: 'ShareNetwork',
  SecurityServicesPending: 'ShareNetwork',
  ShareNetworkNotActive: 'ShareNetwork',
  ShareNotAvailable: 'Share',
  SharePaused: 'Share',
  ShareServerError: 'ShareServer',
  ShareServerNotActive: 'ShareServer',
  SubnetInUse: 'ShareNetwork',
  SubnetInvalid: 'ShareNetwork',
};

/** The object that another one waits for: the one that its status names, else the one that its reason is about. */
async function nextOf(present: KnownObject, note: Note, reader: CauseReader): Promise<Next> {
  const { status }: ManagedObject = present.object;
  const waitingFor = status?.waitingFor;
  if (note.condition === 'Ready' && waitingFor !== undefined && isKind(waitingFor.kind)) {
    return await findKnown(waitingFor.kind, waitingFor.name, reader);
  }
  return (await referencedBy(present, note, reader)) ?? (await firstInTheWay(present, note, reader));
}

async function referencedBy(present: KnownObject, { reason = '' }: Note, reader: CauseReader): Promise<Next> {
  const kind = Object.entries(referenced).find(([name]) => name === reason)?.[1];
  if (kind === undefined) return undefined;
  const name = referencesOf(present)[kind];
  if (name !== undefined) return await findKnown(kind, name, reader);
  if (present.kind !== 'ShareAccess') return undefined;
  const share = await findKnown('Share', present.object.spec.shareName, reader);
  return share === undefined || 'hidden' in share
    ? undefined
    : await referencedBy(share, { reason, message: '' }, reader);
}

/** Of several objects that a reason is about, the first by name that has something to say. */
async function firstInTheWay(present: KnownObject, { reason }: Note, reader: CauseReader): Promise<Next> {
  switch (present.kind) {
    case 'Share': {
      if (reason !== 'AccessRulesExist') return undefined;
      const rules = (await reader.list(shareAccesses)).filter(
        ({ spec }) => spec.shareName === present.object.metadata.name,
      );
      return firstWithNote(rules.map((object) => ({ kind: 'ShareAccess', object })));
    }
    case 'ShareServer': {
      if (!reasonsOfServices.has(reason)) return undefined;
      const network = await reader.find(shareNetworks, present.object.spec.shareNetworkName);
      return typeof network === 'object' ? firstWithNote(await servicesOf(network, reader)) : undefined;
    }
    case 'ShareNetwork':
      return await firstInTheWayOfNetwork(present.object, reason, reader);
    default:
      return undefined;
  }
}

/** Reasons of a share server about one of the security services of its network. */
const reasonsOfServices: ReadonlySet<string | undefined> = new Set<OwnReason>([
  'SecurityServiceIncomplete',
  'CredentialsNotFound',
  'CredentialsRefused',
  'CABundleInvalid',
  'PasswordInvalid',
]);

async function firstInTheWayOfNetwork(
  network: ShareNetwork,
  reason: string | undefined,
  reader: CauseReader,
): Promise<Next> {
  switch (reason) {
    case 'SecurityServiceIncomplete':
      return firstWithNote(await servicesOf(network, reader));
    case 'NetworkChangeInProgress': {
      const id = network.status?.networkChange?.id;
      const servers = (await serversOf(network, reader)).filter(
        ({ object }) => object.status?.networkChange?.id === id,
      );
      // One that says more than that it is part of the change.
      return firstWithNote(servers, (note) => note.reason !== 'NetworkChangeInProgress');
    }
    case 'UpdateFailed':
    case 'ShareServerNotActive':
    case 'ShareServersExist':
      return firstWithNote(await serversOf(network, reader));
    case 'BackendUnavailable': {
      const names = new Set((await serversOf(network, reader)).map(({ object }) => object.spec.backendName));
      for (const name of [...names].sort()) {
        const next = await findKnown('StorageBackend', name, reader);
        if (next === undefined || 'hidden' in next || tellingNote(next) !== undefined) return next;
      }
      return undefined;
    }
    default:
      // A reason of a driver: the service says whether it is about its credentials.
      return firstWithNote(await servicesOf(network, reader), (note) => note.reason === 'CredentialsRefused');
  }
}

async function servicesOf({ spec, status }: ShareNetwork, reader: CauseReader): Promise<readonly ServiceObject[]> {
  const names = new Set(
    [...(spec.securityServices ?? []), ...(status?.securityServices ?? [])].map(({ name }) => name),
  );
  return (await reader.list(securityServices))
    .filter(({ metadata }) => names.has(metadata.name))
    .map((object) => ({ kind: 'SecurityService', object }));
}

async function serversOf({ metadata }: ShareNetwork, reader: CauseReader): Promise<readonly ServerObject[]> {
  return (await reader.list(shareServers))
    .filter(({ spec }) => spec.shareNetworkName === metadata.name)
    .map((object) => ({ kind: 'ShareServer', object }));
}

/** The first object, by name, that has something to say. */
function firstWithNote(
  objects: readonly KnownObject[],
  accepts: (note: Note) => boolean = () => true,
): KnownObject | undefined {
  return objects
    .toSorted((left, right) => byName(left.object, right.object))
    .find((known) => {
      const note = tellingNote(known);
      return note !== undefined && accepts(note);
    });
}
