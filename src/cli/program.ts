import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ApiError } from '../runtime/api-error.ts';
import { version } from '../version.ts';
import { explainFailure } from './api-failure.ts';
import { CommandFailure, UsageError } from './command-failure.ts';
import { addAbort } from './commands/abort.ts';
import { addAccess } from './commands/access.ts';
import { addCheck } from './commands/check.ts';
import { addCompletion, completeWord, completeWords } from './commands/completion.ts';
import { addPause, addResume } from './commands/pause.ts';
import { addReapply } from './commands/reapply.ts';
import { addReport } from './commands/report.ts';
import { addResetStatus } from './commands/reset-status.ts';
import { addSetCapability } from './commands/set-capability.ts';
import { addStatus } from './commands/status.ts';
import { addWatch } from './commands/watch.ts';
import { addWhy } from './commands/why.ts';
import { durationFlag } from './duration-flag.ts';
import type { Environment } from './environment.ts';

/**
 * Runs one command.
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function runCommand(args: readonly string[], environment: Environment): Promise<0 | 1 | 2> {
  const { terminal } = environment;
  const [first, ...rest] = args;
  if (first === completeWord) {
    await completeWords(program(environment), rest, environment);
    return 0;
  }
  // kubectl writes the mode with an equals sign; the server's is the only one here.
  const words = args.map((word) => (word === '--dry-run=server' ? '--dry-run' : word));
  try {
    await program(environment).parseAsync(words, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (error instanceof UsageError) {
      terminal.tell(`kubectl-sharenet: ${error.message}; see --help`);
      return 2;
    }
    if (error instanceof CommandFailure || error instanceof ApiError) {
      terminal.tell(`kubectl-sharenet: ${explainFailure(error)}`);
      return 1;
    }
    throw error;
  }
}

function program(environment: Environment): Command {
  const { terminal } = environment;
  const command = new Command('kubectl sharenet')
    .description('Shows and steers what Sharenet manages, with your own rights.')
    .version(version, '--version', 'print the version')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (subcommand) => subcommand.name() })
    .configureOutput({
      writeOut: (text) => terminal.line(text.trimEnd()),
      writeErr: (text) => {
        for (const line of text.trimEnd().split('\n')) terminal.tell(line);
      },
      outputError: (text) => {
        const line = text
          .replace(/^error: /, '')
          .trim()
          .replaceAll(/\s*\n\s*/g, ' ')
          .replace(/\.$/, '');
        terminal.tell(`kubectl-sharenet: ${line}; see --help`);
      },
    })
    .option('--kubeconfig <file>', 'kubeconfig file; else KUBECONFIG, ~/.kube/config')
    .option('--context <name>', 'context of the kubeconfig; else its current one')
    .addOption(new Option('-n, --namespace <name>', "else the context's").argParser(namespaceName))
    .option('--as <user>', 'act as this user')
    .option('--as-group <group>', 'and as a member of this group; may be repeated', collect)
    .addOption(
      new Option('--request-timeout <duration>', 'of one request, for example 10s; 0: none').argParser(durationFlag),
    );
  addStatus(command, environment);
  addWhy(command, environment);
  addAccess(command, environment);
  addCheck(command, environment);
  addReapply(command, environment);
  addWatch(command, environment);
  addAbort(command, environment);
  addPause(command, environment);
  addResume(command, environment);
  addResetStatus(command, environment);
  addSetCapability(command, environment);
  addReport(command, environment);
  addCompletion(command, environment);
  return command;
}

function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('It must be the name of a namespace.');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
