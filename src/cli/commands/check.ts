import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { shareNetworks } from '../../api/v1alpha1/resource-types.ts';
import type { SecurityServiceCheckServer } from '../../api/v1alpha1/share-network.ts';
import { parseCheckRequest } from '../../network-change/parse-check-request.ts';
import { askCheck, type CheckAnswer } from '../check/check-question.ts';
import { CommandFailure, UsageError } from '../command-failure.ts';
import { durationFlag } from '../duration-flag.ts';
import { connected, type Environment } from '../environment.ts';
import { networkName, quoted, referenceText } from '../object-reference.ts';
import { printData, type TableFormat, tableFormats } from '../output/data-output.ts';
import { plainText } from '../output/plain-text.ts';
import { printTable } from '../output/table.ts';

interface Options {
  readonly timeout: number;
  readonly output?: TableFormat;
}

/** Adds `check`. */
export function addCheck(program: Command, environment: Environment): void {
  program
    .command('check')
    .summary('ask whether a change of security services would be accepted')
    .description(
      'Asks whether share servers could be given other security services now, and what that would mean for each. Nothing is changed: the API server tries the write, then the operator and its drivers are asked by an annotation that is removed again. The exit code is 0 when the change would be accepted.',
    )
    .argument('<network>', 'name of a share network')
    .argument('<type=name...>', 'security services that would replace those of their type, or join them')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait for the answer')
        .argParser(durationFlag)
        .default(120_000, '2m'),
    )
    .addOption(new Option('-o, --output <format>', 'wide: whole messages; json, yaml: data').choices(tableFormats))
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet check net-1 active_directory=ad-b -n team-a
  kubectl sharenet check net-1 active_directory=ad-b ldap=ldap-a -o json`,
    )
    .action(async (network: string, words: string[], options: Options, command: Command) => {
      const name = networkName(network);
      const services = parseCheckRequest(words.join(','));
      if (services === undefined) {
        throw new UsageError(
          `${quoted(words.join(' '))}: write TYPE=NAME, each type once; types: active_directory, ldap, kerberos`,
        );
      }
      await connected(environment, command, async ({ client, namespace }) => {
        const interrupted = new AbortController();
        const onSignal = () => interrupted.abort();
        process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
        try {
          const answer = await askCheck({
            client,
            namespace,
            network: name,
            services,
            timeoutMs: options.timeout,
            signal: interrupted.signal,
            now: environment.now,
            pause: (ms) => sleep(ms),
          });
          print(environment, name, answer, options.output);
        } finally {
          process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
        }
      });
    });
}

/** @throws CommandFailure when the change would not be accepted */
function print({ terminal }: Environment, network: string, answer: CheckAnswer, output: TableFormat | undefined): void {
  const accepted = answer.kind === 'judged' && answer.check.compatible;
  const reference = referenceText(shareNetworks, network);
  if (output === 'json' || output === 'yaml') {
    printData(terminal, output, { network, accepted, ...dataOf(answer) });
  } else if (answer.kind === 'judged') {
    const { servers = [], message } = answer.check;
    if (servers.length > 0) {
      printTable(terminal, ['SERVER', 'COMPATIBLE', 'CUTS-SESSIONS', 'SECONDS', 'MESSAGE'], servers.map(cells), {
        whole: output === 'wide',
      });
    }
    if (accepted)
      terminal.line(plainText(`${reference}: the change would be accepted${message ? `: ${message}` : ''}`));
  }
  if (!accepted) throw new CommandFailure(`${reference}: the change would not be accepted: ${whyNot(answer)}`);
}

function cells({ name, compatible, disruptsSessions, estimatedSeconds, message = '' }: SecurityServiceCheckServer) {
  const color = compatible ? ('green' as const) : ('red' as const);
  return [
    { text: name },
    { text: compatible ? 'yes' : 'no', color },
    { text: disruptsSessions === undefined ? '' : disruptsSessions ? 'yes' : 'no' },
    { text: estimatedSeconds === undefined ? '' : String(estimatedSeconds) },
    { text: message },
  ];
}

function whyNot(answer: CheckAnswer): string {
  if (answer.kind === 'judged') return `${answer.check.reason}: ${answer.check.message}`;
  return answer.kind === 'refused' ? `${answer.message} (${answer.code})` : answer.message;
}

function dataOf(answer: CheckAnswer): object {
  if (answer.kind !== 'judged') {
    return { code: answer.kind === 'refused' ? answer.code : undefined, message: answer.message, servers: [] };
  }
  const { request, checkedTime, reason, message, servers = [] } = answer.check;
  return { request, checkedTime, reason, message, servers };
}
