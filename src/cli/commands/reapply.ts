import type { Command } from 'commander';
import { reapplyRequestedAt } from '../../api/v1alpha1/labels.ts';
import { shareNetworks } from '../../api/v1alpha1/resource-types.ts';
import { annotate } from '../annotations.ts';
import { connected, type Environment } from '../environment.ts';
import { networkNamesIn, referenceText } from '../object-reference.ts';

interface Options {
  readonly dryRun?: boolean;
}

/** Adds `reapply`. */
export function addReapply(program: Command, environment: Environment): void {
  program
    .command('reapply')
    .summary('give share servers the security services again')
    .description(
      'Asks for another try: share servers that are not up to date are given the security services of their network, with present data and passwords. When all are up to date, all are given them again.',
    )
    .argument('<network...>', 'names of share networks')
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet reapply net-1 -n team-a
  kubectl sharenet reapply net-1 && kubectl sharenet watch net-1`,
    )
    .action(async (words: string[], { dryRun = false }: Options, command: Command) => {
      const names = networkNamesIn(words);
      await connected(environment, command, async ({ client, namespace }) => {
        // A wrong name shows before the first write.
        const networks = await Promise.all(names.map((name) => client.get(shareNetworks, { namespace, name })));
        for (const network of networks) {
          const token = new Date(environment.now()).toISOString();
          await annotate(client, shareNetworks, network, reapplyRequestedAt, token, { dryRun });
          const text = `${referenceText(shareNetworks, network.metadata.name)}: asked for another try, token ${token}`;
          environment.terminal.line(`${text}${dryRun ? ' (dry run)' : ''}`);
        }
      });
    });
}
