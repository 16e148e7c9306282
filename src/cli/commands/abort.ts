import type { Command } from 'commander';
import { abortChange } from '../../api/v1alpha1/labels.ts';
import { shareNetworks } from '../../api/v1alpha1/resource-types.ts';
import { annotate } from '../annotations.ts';
import { CommandFailure } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { networkName, referenceText } from '../object-reference.ts';

interface Options {
  readonly dryRun?: boolean;
}

/** Adds `abort`. */
export function addAbort(program: Command, environment: Environment): void {
  program
    .command('abort')
    .summary('stop the change of a share network')
    .description(
      'Stops the change of security services that is under way: share servers that were not begun keep their old services. Those begun are finished, those done stay changed.',
    )
    .argument('<network>', 'name of a share network')
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet abort net-1 -n team-a`,
    )
    .action(async (word: string, { dryRun = false }: Options, command: Command) => {
      const name = networkName(word);
      await connected(environment, command, async ({ client, namespace }) => {
        const network = await client.get(shareNetworks, { namespace, name });
        const change = network.status?.networkChange;
        const reference = referenceText(shareNetworks, name);
        if (change === undefined) throw new CommandFailure(`${reference}: no change is under way`);
        // By its id: a change that begins meanwhile is another one, and goes on.
        if (!change.aborted) await annotate(client, shareNetworks, network, abortChange, change.id, { dryRun });
        const state = change.aborted ? 'is aborted already' : 'asked to stop';
        environment.terminal.line(`${reference}: change ${change.id} ${state}${dryRun ? ' (dry run)' : ''}`);
      });
    });
}
