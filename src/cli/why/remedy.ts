import * as labels from '../../api/v1alpha1/labels.ts';
import { type ReasonEntry, reasons } from '../../api/v1alpha1/reasons.ts';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../api/v1alpha1/resource-types.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { refusalAdvice } from '../../values/refusal-advice.ts';
import { type MayI, type Right, whoMay } from '../rights.ts';
import type { CauseStep, HiddenObject, KnownObject } from './cause.ts';
import { notesOf } from './notes.ts';

/** What a person does about a cause. */
export interface Remedy {
  readonly text: string;
  /** The command for it, where one does it or is a part of it and the user may run it. */
  readonly command?: string;
  /** Whom to ask for it where the user may not. */
  readonly ask?: { readonly who: string; readonly command: string };
}

const types: Readonly<Record<KnownObject['kind'], ResourceType>> = {
  SecurityService: securityServices,
  ShareAccess: shareAccesses,
  ShareNetwork: shareNetworks,
  ShareServer: shareServers,
  Share: shares,
  StorageBackend: storageBackends,
};

/** What to do about the one thing that is in the way; `hidden` is what lies behind it, out of the user's sight. */
export async function remedyOf(step: CauseStep, mayI: MayI, hidden?: HiddenObject): Promise<Remedy> {
  if (hidden !== undefined) {
    const reference = `${hidden.kind.toLowerCase()}/${hidden.name}`;
    const type = types[hidden.kind];
    const namespace = type.namespaced ? step.object.metadata.namespace : undefined;
    return {
      text: `You are not allowed to see ${reference}.`,
      ask: {
        who: whoMay({ type, namespace }),
        command: `kubectl sharenet why ${reference}${inNamespace({ namespace })}`,
      },
    };
  }
  // Who can lift it depends on who refused it.
  if (step.note.reason === 'WriteRefused') return { text: refusalAdvice(step.note.message) };
  const entry = entryOf(step);
  if (entry !== undefined) return await withCommand(step, mayI, entry[3]);
  if (step.note.reason === undefined) {
    return {
      text:
        step.note.condition === undefined && step.object.metadata.deletionTimestamp !== undefined
          ? 'Nothing: it goes on by itself.'
          : 'Nothing, if it passes. If it stays, an administrator looks whether the operator runs and watches the namespace.',
    };
  }
  return { text: 'Read the message: it is a reason of the storage driver, whose documentation has it.' };
}

/** A command, and the right that it needs. */
interface Action {
  readonly command: string;
  readonly right: Right;
}

type Actions = readonly (readonly [says: RegExp, action: (step: CauseStep) => Action | undefined])[];

/** The commands that do what the catalogue of reasons says, by what it says. The first that the user may run. */
const actions: Actions = [
  [
    /sharenet\.io\/reapply-requested-at/,
    (step) => {
      const name = networkOf(step);
      const target = { type: shareNetworks, name: name ?? '' };
      return name === undefined ? undefined : patching(step, target, `kubectl sharenet reapply ${name}`);
    },
  ],
  [
    /sharenet\.io\/reconcile-requested-at/,
    (step) => {
      const target = targetOf(step);
      const annotation = `${labels.reconcileRequestedAt}="$(date +%s)" --overwrite`;
      return patching(step, target, `kubectl annotate ${referenceOf(target)}`, ` ${annotation}`);
    },
  ],
  [
    /sharenet\.io\/paused|Remove the annotation/,
    (step) => patching(step, targetOf(step), `kubectl sharenet resume ${referenceOf(targetOf(step))}`),
  ],
  [
    /sharenet\.io\/abort-change/,
    (step) => patching(step, targetOf(step), `kubectl sharenet abort ${step.object.metadata.name}`),
  ],
  [
    /sets the phase to active|resets the phase/,
    (step) => {
      const target = targetOf(step);
      const action = patching(step, target, `kubectl sharenet reset-status ${referenceOf(target)} --to active`);
      return { ...action, right: { ...action.right, subresource: 'status' } };
    },
  ],
];

async function withCommand(step: CauseStep, mayI: MayI, text: string): Promise<Remedy> {
  const fitting = actions.filter(([says]) => says.test(text)).flatMap(([, action]) => action(step) ?? []);
  for (const { command, right } of fitting) {
    if (await mayI(right)) return { text, command };
  }
  const [first] = fitting;
  return first === undefined ? { text } : { text, ask: { who: whoMay(first.right), command: first.command } };
}

/** What the catalogue has about the reason; about another one of the object where the driver gave the first. */
function entryOf({ kind, object, note }: CauseStep): ReasonEntry | undefined {
  const all = [...reasons[kind], ...reasons['Every kind']];
  for (const { condition, reason } of [note, ...notesOf(object)]) {
    const entries = all.filter(([name]) => name === reason);
    const found = entries.find(([, places]) => places.some((place) => place === condition)) ?? entries[0];
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Target {
  readonly type: ResourceType;
  readonly name: string;
}

function patching({ object }: CauseStep, { type, name }: Target, command: string, rest = ''): Action {
  const { namespace } = object.metadata;
  return {
    command: `${command}${inNamespace(object.metadata)}${rest}`,
    right: { verb: 'patch', type, namespace, name },
  };
}

/** What a command about the step is about: some requests about a rule are made of its share. */
function targetOf({ kind, object, note }: CauseStep): Target {
  const ofShare = note.reason === 'SharePaused' || note.reason === 'AccessKeyMissing';
  if (kind === 'ShareAccess' && ofShare) return { type: shares, name: object.spec.shareName };
  return { type: types[kind], name: object.metadata.name };
}

function referenceOf({ type, name }: Target): string {
  return `${type.kind.toLowerCase()}/${name}`;
}

function networkOf({ kind, object }: CauseStep): string | undefined {
  if (kind === shareNetworks.kind) return object.metadata.name;
  return kind === 'ShareServer' ? object.spec.shareNetworkName : undefined;
}

function inNamespace({ namespace }: { readonly namespace?: string | undefined }): string {
  return namespace === undefined ? '' : ` -n ${namespace}`;
}
