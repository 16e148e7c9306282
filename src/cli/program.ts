import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { parseDuration } from '../api/duration.ts';
import { ApiError } from '../runtime/api-error.ts';
import { explainFailure } from './api-failure.ts';
import { CommandFailure, UsageError } from './command-failure.ts';
import { addAccess } from './commands/access.ts';
import { addResetStatus } from './commands/reset-status.ts';
import { addSetCapability } from './commands/set-capability.ts';
import { addStatus } from './commands/status.ts';
import type { Environment } from './environment.ts';

/**
 * Runs one command.
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage
 */
export async function runCommand(args: readonly string[], environment: Environment): Promise<0 | 1 | 2> {
  const { terminal } = environment;
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
    .description('Shows and resets what Sharenet manages, with your own rights.')
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
      new Option('--request-timeout <duration>', 'of one request, for example 10s; 0: none').argParser(timeout),
    );
  addStatus(command, environment);
  addAccess(command, environment);
  addResetStatus(command, environment);
  addSetCapability(command, environment);
  return command;
}

function namespaceName(text: string): string {
  if (/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('It must be the name of a namespace.');
}

/** Milliseconds; a number without a unit is in seconds, as for kubectl. */
function timeout(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms !== undefined && ms <= 86_400_000) return Math.ceil(ms);
  throw new InvalidArgumentError('It must be a duration of at most 24h, for example 10s or 1m.');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
