import * as labels from '../../api/v1alpha1/labels.ts';
import { reasons } from '../../api/v1alpha1/reasons/catalogue.ts';
import type { ReasonRecord, ReasonRemedy, RemedyKind } from '../../api/v1alpha1/reasons/reason-record.ts';
import { shareNetworks, shares } from '../../api/v1alpha1/resource-types.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { type MayI, type Right, whoMay } from '../rights.ts';
import type { CauseStep } from './cause.ts';
import { type HiddenObject, types } from './known-object.ts';
import { notesOf } from './notes.ts';

/** What a person does about a cause. */
export interface Remedy {
  readonly text: string;
  /** The command for it, where one does it or is a part of it and the user may run it. */
  readonly command?: string;
  /** Whom to ask for it where the user may not. */
  readonly ask?: { readonly who: string; readonly command: string };
}

/** What to do about the one thing that is in the way; `hidden` is what lies behind it, out of the user's sight. */
export async function remedyOf(step: CauseStep, mayI: MayI, hidden?: HiddenObject['hidden']): Promise<Remedy> {
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
  const record = recordOf(step);
  if (record !== undefined) return await withCommand(step, mayI, record.remedy);
  if (step.note.reason === undefined) {
    return {
      text:
        step.note.condition === undefined && step.object.metadata.deletionTimestamp !== undefined
          ? 'Nothing: this resolves automatically.'
          : 'Wait a moment. If it persists, an administrator checks whether the operator runs and watches the namespace.',
    };
  }
  return {
    text: 'Read the message. The storage driver gave this reason; the documentation of the driver describes it.',
  };
}

/** A command, and the right that it needs. */
interface Action {
  readonly command: string;
  readonly right: Right;
}

/** The commands that do what a remedy says. */
const actions: Readonly<Partial<Record<RemedyKind, (step: CauseStep) => Action | undefined>>> = {
  reapply(step) {
    const name = networkOf(step);
    if (name === undefined) return undefined;
    return patching(step, { type: shareNetworks, name }, `kubectl sharenet reapply ${name}`);
  },
  reconcile: (step) => reconciling(step, targetOf(step)),
  reconcileShare: (step) => reconciling(step, shareOf(step)),
  resume: (step) => resuming(step, targetOf(step)),
  resumeShare: (step) => resuming(step, shareOf(step)),
  abort: (step) => patching(step, targetOf(step), `kubectl sharenet abort ${step.object.metadata.name}`),
  resetStatus(step) {
    const target = targetOf(step);
    const action = patching(step, target, `kubectl sharenet reset-status ${referenceOf(target)} --to active`);
    return { ...action, right: { ...action.right, subresource: 'status' } };
  },
};

/** The first command that the user may run; else the first, and whom to ask. */
async function withCommand(step: CauseStep, mayI: MayI, { kind, otherKind, text }: ReasonRemedy): Promise<Remedy> {
  const kinds = otherKind === undefined ? [kind] : [kind, otherKind];
  const possible = kinds.flatMap((one) => actions[one]?.(step) ?? []);
  for (const { command, right } of possible) {
    if (await mayI(right)) return { text, command };
  }
  const [first] = possible;
  return first === undefined ? { text } : { text, ask: { who: whoMay(first.right), command: first.command } };
}

/** What the catalogue has about the reason; about another reason of the object if a driver gave the first. */
function recordOf({ kind, object, note }: CauseStep): ReasonRecord | undefined {
  for (const { condition, reason = '' } of [note, ...notesOf(object)]) {
    const records = [reasons[kind][reason], reasons['Every kind'][reason]].filter((record) => record !== undefined);
    const found = records.find(({ places }) => places.some((place) => place === condition)) ?? records[0];
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

function reconciling(step: CauseStep, target: Target): Action {
  const annotation = `${labels.reconcileRequestedAt}="$(date +%s)" --overwrite`;
  return patching(step, target, `kubectl annotate ${referenceOf(target)}`, ` ${annotation}`);
}

function resuming(step: CauseStep, target: Target): Action {
  return patching(step, target, `kubectl sharenet resume ${referenceOf(target)}`);
}

function targetOf({ kind, object }: CauseStep): Target {
  return { type: types[kind], name: object.metadata.name };
}

/** The share of a rule. */
function shareOf(step: CauseStep): Target {
  return step.kind === 'ShareAccess' ? { type: shares, name: step.object.spec.shareName } : targetOf(step);
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
