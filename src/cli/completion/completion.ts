import type { Argument, Command, Option } from 'commander';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../api/v1alpha1/resource-types.ts';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { everyKind, resettableKinds } from '../object-reference.ts';
import { capabilities } from '../server-capability.ts';

/** One way to go on with a word. */
export interface Suggestion {
  readonly word: string;
  readonly about?: string;
}

/** What the words of a command name. */
type Subject = 'network' | 'server' | 'share' | 'rule' | 'any object' | 'resettable object' | 'capability' | 'service';

/** What the arguments of commands are, by the words of the command; the last is repeated. */
const subjects: Readonly<Record<string, readonly Subject[]>> = {
  abort: ['network'],
  'access list': ['share'],
  'access volume': ['rule'],
  check: ['network', 'service'],
  pause: ['any object'],
  reapply: ['network'],
  'reset-status': ['resettable object'],
  resume: ['any object'],
  'set-capability': ['capability', 'server'],
  status: ['network'],
  watch: ['network'],
  why: ['any object'],
};

/** Asks for the names of all objects of each of these kinds. */
export type NamesOf = (types: readonly ResourceType[]) => Promise<readonly (readonly string[])[]>;

/**
 * What the last word may become.
 *
 * @param words the words after the program's name, the last one as far as it is typed
 */
export async function suggestions(
  program: Command,
  words: readonly string[],
  names: NamesOf,
): Promise<readonly Suggestion[]> {
  const typed = words.at(-1) ?? '';
  const state = readWords(program, words.slice(0, -1));
  return (await candidates(state, typed, names))
    .filter(({ word }) => word.startsWith(typed))
    .filter(({ word }) => !state.args.includes(word));
}

interface TypedWords {
  readonly command: Command;
  readonly path: string;
  readonly args: readonly string[];
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  readonly onlyArgs: boolean;
}

/** Finds the command, its arguments so far, and what the next word belongs to. */
function readWords(program: Command, words: readonly string[]): TypedWords {
  let command = program;
  const path: string[] = [];
  const args: string[] = [];
  let pending: Option | undefined;
  let onlyArgs = false;
  for (const word of words) {
    if (pending !== undefined) pending = undefined;
    else if (word === '--') onlyArgs = true;
    else if (!onlyArgs && word.startsWith('-')) {
      const option = optionsOf(command).find(({ long, short }) => long === word || short === word);
      pending = option?.required ? option : undefined;
    } else {
      const next = args.length === 0 ? command.commands.find((known) => known.name() === word) : undefined;
      if (next === undefined) args.push(word);
      else {
        command = next;
        path.push(word);
      }
    }
  }
  return { command, path: path.join(' '), args, pending, onlyArgs };
}

async function candidates(
  { command, path, args, pending, onlyArgs }: TypedWords,
  typed: string,
  names: NamesOf,
): Promise<readonly Suggestion[]> {
  if (pending !== undefined) return (pending.argChoices ?? []).map((word) => ({ word }));
  if (!onlyArgs && typed.startsWith('-')) {
    const [flag, value] = typed.split(/=(.*)/s);
    if (value !== undefined) {
      const option = optionsOf(command).find(({ long }) => long === flag);
      return (option?.argChoices ?? []).map((word) => ({ word: `${flag}=${word}` }));
    }
    return optionsOf(command).flatMap(({ long, description }) =>
      long == null ? [] : [{ word: long, about: description }],
    );
  }
  if (command.commands.length > 0) {
    return command.commands
      .filter((known) => !isHidden(known))
      .map((known) => ({ word: known.name(), about: known.summary() || known.description() }));
  }
  const argument: Argument | undefined = command.registeredArguments[args.length] ?? command.registeredArguments.at(-1);
  if (argument === undefined || (args.length >= command.registeredArguments.length && !argument.variadic)) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((word) => ({ word }));
  return await ofSubject(subjects[path]?.[args.length] ?? subjects[path]?.at(-1), typed, args, names);
}

async function ofSubject(
  subject: Subject | undefined,
  typed: string,
  args: readonly string[],
  names: NamesOf,
): Promise<readonly Suggestion[]> {
  const plain = async (type: ResourceType) => (await names([type])).flat().map((word) => ({ word }));
  switch (subject) {
    case 'network':
      return await plain(shareNetworks);
    case 'server':
      return await plain(shareServers);
    case 'share':
      return await plain(shares);
    case 'rule':
      return await plain(shareAccesses);
    case 'any object':
    case 'resettable object': {
      const { types }: { readonly types: Readonly<Record<string, ResourceType>> } =
        subject === 'any object' ? everyKind : resettableKinds;
      const [kind = ''] = args;
      // `KIND NAME...`
      if (Object.hasOwn(types, kind)) return await plain(types[kind] ?? shareNetworks);
      const all = [...new Set(Object.values(types))];
      const wanted = all.filter((type) => !typed.includes('/') || typed.startsWith(`${type.kind.toLowerCase()}/`));
      const lists = await names(wanted);
      return wanted.flatMap((type, index) =>
        (lists[index] ?? []).map((name) => ({ word: `${type.kind.toLowerCase()}/${name}` })),
      );
    }
    case 'capability':
      return capabilities.flatMap((name) => [{ word: `${name}=true` }, { word: `${name}=false` }]);
    default:
      return [];
  }
}

/** The options of a command and of those that it is part of. */
function optionsOf(command: Command): readonly Option[] {
  const own = command.options.filter(({ hidden }) => !hidden);
  return command.parent === null ? own : [...own, ...optionsOf(command.parent)];
}

function isHidden(command: Command): boolean {
  return !(command.parent?.createHelp().visibleCommands(command.parent).includes(command) ?? true);
}
