import type { Command } from 'commander';
import { shareServers } from '../../api/v1alpha1/resource-types.ts';
import { CommandFailure, UsageError } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { quoted, referenceText, serverNames } from '../object-reference.ts';
import { type CapabilityOutcome, type CapabilityRequest, capabilities, setCapability } from '../server-capability.ts';

interface Options {
  readonly dryRun?: true;
}

export function addSetCapability(program: Command, environment: Environment): void {
  program
    .command('set-capability')
    .summary('say what share servers can do')
    .description(
      'Sets a capability of share servers: on all that are named, or on none. For storage administrators.\n' +
        `Capabilities: ${capabilities.join(', ')}.`,
    )
    .argument('<capability=true|false>')
    .argument('<server...>', 'names of share servers')
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet set-capability securityServiceUpdateSupport=false net-1-02074116 net-1-c8d98636 -n team-a`,
    )
    .action(async (assignment: string, words: string[], options: Options, command: Command) => {
      const wanted = capabilityOf(assignment);
      const servers = serverNames(words);
      await connected(environment, command, async ({ client, namespace }) => {
        const request = { ...wanted, namespace, servers, dryRun: options.dryRun === true };
        report(environment, request, await setCapability(client, request));
      });
    });
}

function capabilityOf(assignment: string): Pick<CapabilityRequest, 'capability' | 'value'> {
  const [name = '', value] = assignment.split(/=(.*)/s);
  const capability = capabilities.find((known) => known === name);
  if (capability === undefined) {
    throw new UsageError(`${quoted(name)} is not a capability; there is: ${capabilities.join(', ')}`);
  }
  if (value !== 'true' && value !== 'false') {
    throw new UsageError(`write ${capability}=true or ${capability}=false, not ${quoted(assignment)}`);
  }
  return { capability, value: value === 'true' };
}

function report({ terminal }: Environment, request: CapabilityRequest, outcome: CapabilityOutcome): void {
  const { capability, value } = request;
  const named = (server: string) => referenceText(shareServers, server);
  switch (outcome.kind) {
    case 'refused':
      for (const { server, text } of outcome.problems) terminal.tell(`${named(server)}: ${text}`);
      throw new CommandFailure('nothing was changed');
    case 'failed': {
      const { problem, putBack, left } = outcome;
      terminal.tell(`${named(problem.server)}: ${problem.text}`);
      for (const { server, text } of left) {
        terminal.tell(`${named(server)} may now have ${capability}=${value}, it could not be put back: ${text}`);
      }
      const back = putBack.length === 0 ? '' : `; put back: ${putBack.join(', ')}`;
      throw new CommandFailure(left.length === 0 ? `nothing is changed${back}` : `changed in part${back}`);
    }
    case 'done':
      for (const { server, was } of outcome.servers) {
        const change = was === value ? `is ${value} already` : `${was ?? 'unset'} -> ${value}`;
        terminal.line(`${named(server)}: ${capability} ${change}${request.dryRun ? ' (dry run)' : ''}`);
      }
  }
}
