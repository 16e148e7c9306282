import { type Command, Option } from 'commander';
import { CommandFailure, UsageError } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import type { ManagedObject } from '../managed-object.ts';
import { everyKind, objectName, objectReferences } from '../object-reference.ts';
import { ageText } from '../output/age.ts';
import { type DataFormat, dataFormats, printData } from '../output/data-output.ts';
import { plainText } from '../output/plain-text.ts';
import { rightsOf } from '../rights.ts';
import type { Session } from '../session.ts';
import { type Cause, causeOf } from '../why/cause.ts';
import { causeReader } from '../why/cause-reader.ts';
import { type CauseReader, findKnown, isKind, type KnownObject, kinds } from '../why/known-object.ts';
import { noteText } from '../why/notes.ts';
import { type Remedy, remedyOf } from '../why/remedy.ts';

interface Options {
  readonly output?: DataFormat;
}

/** Adds `why`. */
export function addWhy(program: Command, environment: Environment): void {
  program
    .command('why')
    .summary('show what an object waits for, and what to do')
    .description(
      'Shows the one thing that an object waits for, whatever object it is on, and what to do about it. A name alone is enough if only one object has it.',
    )
    .argument('<object...>', 'NAME, KIND/NAME or KIND NAME, of any kind')
    .addOption(new Option('-o, --output <format>', 'print data instead of text').choices(dataFormats))
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet why home -n team-a
  kubectl sharenet why shareaccess/scratch-batch
  kubectl sharenet why shnet net-1 -o json`,
    )
    .action(async (words: string[], { output }: Options, command: Command) => {
      const [word = ''] = words;
      const alone = words.length === 1 && !word.includes('/') ? objectName(word) : undefined;
      const [reference, ...others] = alone === undefined ? objectReferences(words, everyKind) : [];
      if (others.length > 0) throw new UsageError('why takes one object');
      await connected(environment, command, async (session) => {
        const reader = causeReader(session.client, session.namespace);
        const start =
          reference === undefined
            ? await byNameAlone(session, reader, alone ?? '')
            : await byReference(session, reader, reference.type.kind, reference.name);
        const cause = await causeOf(start, reader);
        const last = cause.steps.at(-1);
        const remedy = last && (await remedyOf(last, rightsOf(session.client), cause.hidden));
        print(environment, start, cause, remedy, output);
      });
    });
}

async function byReference(
  { namespace }: Session,
  reader: CauseReader,
  kind: string,
  name: string,
): Promise<KnownObject> {
  if (!isKind(kind)) throw new UsageError(`${kind} is not a kind of Sharenet`);
  const found = await findKnown(kind, name, reader);
  const reference = `${kind.toLowerCase()}/${name}`;
  if (found === undefined)
    throw new CommandFailure(`${reference} not found${kind === 'StorageBackend' ? '' : ` in namespace ${namespace}`}`);
  if ('hidden' in found) throw new CommandFailure(`you are not allowed to get ${reference}`);
  return found;
}

async function byNameAlone({ namespace }: Session, reader: CauseReader, name: string): Promise<KnownObject> {
  const answers = await Promise.all(kinds.map((kind) => findKnown(kind, name, reader)));
  const found = answers.flatMap((answer) => (answer === undefined || 'hidden' in answer ? [] : [answer]));
  const [only, ...others] = found;
  if (only === undefined) {
    // Users who may not read the namespace do not learn what it has.
    if (answers.slice(0, -1).some((answer) => answer !== undefined)) {
      throw new CommandFailure(`you are not allowed to get the objects of namespace ${namespace}`);
    }
    throw new CommandFailure(`no object with the name ${name} found in namespace ${namespace}`);
  }
  if (others.length === 0) return only;
  throw new CommandFailure(`several objects have the name ${name}: write ${found.map(referenceOf).join(' or ')}`);
}

function print(
  { terminal, now }: Environment,
  start: KnownObject,
  cause: Cause,
  remedy: Remedy | undefined,
  output: DataFormat | undefined,
): void {
  const { steps, hidden } = cause;
  const say = (text: string) => terminal.line(plainText(text));
  const last = steps.at(-1);
  if (output !== undefined) {
    printData(terminal, output, causeData(start, cause, remedy));
    return;
  }
  if (last === undefined || remedy === undefined) {
    say(`${described(start)} is up to date; nothing is pending`);
    return;
  }
  for (const [index, step] of steps.entries()) {
    const indent = index === 0 ? '' : `${'   '.repeat(index - 1)}└─ `;
    say(`${indent}${described(step)}: ${noteText(step.note)}`);
  }
  say('');
  if (hidden !== undefined) {
    say(`In the way:  ${hidden.kind.toLowerCase()}/${hidden.name}`);
  } else {
    const since = last.note.since === undefined ? '' : `, for ${ageText(last.note.since, now())}`;
    say(`In the way:  ${described(last)}${since}`);
    say(`Because:     ${noteText(last.note)}`);
  }
  say(`What to do:  ${remedy.text}`);
  if (remedy.command !== undefined) say(`             ${remedy.command}`);
  if (remedy.ask !== undefined) {
    say(`             You are not allowed to do this. Ask ${remedy.ask.who} to run:`);
    say(`             ${remedy.ask.command}`);
  }
}

function causeData(start: KnownObject, { steps, hidden }: Cause, remedy: Remedy | undefined): object {
  return {
    object: objectData(start),
    upToDate: steps.length === 0,
    steps: steps.map((step) => ({ ...objectData(step), ...step.note })),
    inTheWay: hidden === undefined ? steps.slice(-1).map((step) => ({ ...objectData(step), ...step.note }))[0] : hidden,
    whatToDo: remedy?.text,
    command: remedy?.command,
    ask: remedy?.ask,
  };
}

function objectData({ kind, object }: KnownObject): object {
  const { metadata, status }: ManagedObject = object;
  return { kind, namespace: metadata.namespace, name: metadata.name, phase: status?.phase };
}

function referenceOf({ kind, object }: KnownObject): string {
  return `${kind.toLowerCase()}/${object.metadata.name}`;
}

function described(known: KnownObject): string {
  const { status }: ManagedObject = known.object;
  return status?.phase === undefined ? referenceOf(known) : `${referenceOf(known)} (${status.phase})`;
}
