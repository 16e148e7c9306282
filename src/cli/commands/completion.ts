import { Argument, type Command } from 'commander';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { suggestions } from '../completion/completion.ts';
import { completionScripts, type Shell, shells } from '../completion/completion-scripts.ts';
import type { Environment } from '../environment.ts';
import { plainText } from '../output/plain-text.ts';
import type { Terminal } from '../output/terminal.ts';
import { type ConnectionFlags, withSession } from '../session.ts';

/** The first word of a call that asks how its last word may go on, as cobra's programs have it. */
export const completeWord = '__complete';

/** cobra's ShellCompDirectiveNoFileComp: no names of files. */
const noFiles = ':4';
/** A shell must not hang: without an answer by then there are no names. */
const patienceMs = 3000;

/** Adds `completion`. */
export function addCompletion(program: Command, { terminal }: Environment): void {
  program
    .command('completion')
    .summary('print a script that completes the words of this command')
    .description(
      "Prints a script for a shell that completes commands, flags and the names of objects of kubectl-sharenet. For kubectl sharenet, put a program kubectl_complete-sharenet onto the PATH, which kubectl's own completion asks; it is beside kubectl-sharenet.",
    )
    .addArgument(new Argument('<shell>').choices(shells))
    .addHelpText(
      'after',
      `
Examples:
  source <(kubectl sharenet completion bash)
  kubectl sharenet completion zsh > "\${fpath[1]}/_kubectl-sharenet"
  kubectl sharenet completion fish > ~/.config/fish/completions/kubectl-sharenet.fish`,
    )
    .action((shell: Shell) => terminal.line(completionScripts[shell].trimEnd()));
}

/** Prints what the last word may become, one a line with what it is, in the form that kubectl's completion reads. */
export async function completeWords(
  program: Command,
  words: readonly string[],
  environment: Environment,
): Promise<void> {
  const { terminal } = environment;
  for (const { word, about } of await suggestions(program, words, (types) => namesOf(words, types))) {
    terminal.line(plainText(word) + (about === undefined ? '' : `\t${plainText(about)}`));
  }
  terminal.line(noFiles);
}

/** Names on the API server; none where it can't be asked, for whatever reason. */
async function namesOf(
  words: readonly string[],
  types: readonly ResourceType[],
): Promise<readonly (readonly string[])[]> {
  let found: readonly (readonly string[])[] = [];
  try {
    await withSession({ ...connectionIn(words), requestTimeout: patienceMs }, silent, async ({ client, namespace }) => {
      const signal = AbortSignal.timeout(patienceMs);
      found = await Promise.all(
        types.map(async (type) => {
          try {
            const { items } = await client.list(type, { namespace: type.namespaced ? namespace : undefined, signal });
            return items.map(({ metadata }) => metadata.name);
          } catch {
            return [];
          }
        }),
      );
    });
  } catch {
    // A completion has nowhere to tell it.
  }
  return found;
}

const silent: Terminal = { columns: undefined, line: () => {}, tell: () => {}, paint: (_, text) => text };

/** The flags among the words that say which cluster and namespace. */
function connectionIn(words: readonly string[]): ConnectionFlags {
  const flagValue = (...flags: readonly string[]): string | undefined => {
    for (const [index, word] of words.entries()) {
      for (const flag of flags) {
        if (word === flag) return words[index + 1];
        if (word.startsWith(`${flag}=`)) return word.slice(flag.length + 1);
      }
    }
    return undefined;
  };
  const asGroups = words.filter((_, index) => words[index - 1] === '--as-group');
  return {
    kubeconfig: flagValue('--kubeconfig'),
    context: flagValue('--context'),
    namespace: flagValue('--namespace', '-n'),
    as: flagValue('--as'),
    ...(asGroups.length > 0 && { asGroup: asGroups }),
  };
}
