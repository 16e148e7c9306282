import * as labels from '../api/v1alpha1/labels.ts';
import { type ReasonEntry, reasons } from '../api/v1alpha1/reasons.ts';
import { shareNetworks } from '../api/v1alpha1/resource-types.ts';
import type { CauseStep, HiddenObject } from './cause.ts';
import { notesOf } from './notes.ts';

/** What a person does about a cause. */
export interface Remedy {
  readonly text: string;
  /** The command for it, where one does it or is a part of it. */
  readonly command?: string;
}

/** What to do about the one thing that is in the way; `hidden` is what lies behind it, out of the user's sight. */
export function remedyOf(step: CauseStep, hidden?: HiddenObject): Remedy {
  if (hidden !== undefined) {
    const reference = `${hidden.kind.toLowerCase()}/${hidden.name}`;
    return {
      text: `Ask an administrator: you may not see ${reference}.`,
      command: `kubectl sharenet why ${reference}`,
    };
  }
  const entry = entryOf(step);
  if (entry !== undefined) return withCommand(step, entry[3]);
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

/** The commands that do what the catalogue of reasons says, by what it says. The first that fits. */
const commands: readonly (readonly [says: RegExp, command: (step: CauseStep) => string | undefined])[] = [
  [
    /sharenet\.io\/reapply-requested-at/,
    (step) => {
      const network = networkOf(step);
      return network === undefined ? undefined : `kubectl sharenet reapply ${network}${inNamespace(step)}`;
    },
  ],
  [
    /sharenet\.io\/reconcile-requested-at/,
    (step) =>
      `kubectl annotate ${targetOf(step)}${inNamespace(step)} ${labels.reconcileRequestedAt}="$(date +%s)" --overwrite`,
  ],
  [
    /sharenet\.io\/paused|Remove the annotation/,
    (step) => `kubectl sharenet resume ${targetOf(step)}${inNamespace(step)}`,
  ],
  [/sharenet\.io\/abort-change/, (step) => `kubectl sharenet abort ${step.object.metadata.name}${inNamespace(step)}`],
  [
    /sets the phase to active/,
    (step) => `kubectl sharenet reset-status ${targetOf(step)} --to active${inNamespace(step)}`,
  ],
];

function withCommand(step: CauseStep, text: string): Remedy {
  const command = commands.find(([says]) => says.test(text))?.[1](step);
  return { text, ...(command !== undefined && { command }) };
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

/** What a command about the step is about: some requests about a rule are made of its share. */
function targetOf({ kind, object, note }: CauseStep): string {
  const ofShare = note.reason === 'SharePaused' || note.reason === 'AccessKeyMissing';
  if (kind === 'ShareAccess' && ofShare) return `share/${object.spec.shareName}`;
  return `${kind.toLowerCase()}/${object.metadata.name}`;
}

function networkOf({ kind, object }: CauseStep): string | undefined {
  if (kind === shareNetworks.kind) return object.metadata.name;
  return kind === 'ShareServer' ? object.spec.shareNetworkName : undefined;
}

function inNamespace({ object }: CauseStep): string {
  const { namespace } = object.metadata;
  return namespace === undefined ? '' : ` -n ${namespace}`;
}
