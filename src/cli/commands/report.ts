import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { CommandFailure, UsageError } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { objectName } from '../object-reference.ts';
import { makeReport } from '../report/report.ts';

interface Options {
  readonly allNamespaces?: true;
  readonly directory?: string;
  readonly hideAddresses?: true;
  readonly operatorNamespace: string;
}

/** Adds `report`. */
export function addReport(program: Command, environment: Environment): void {
  program
    .command('report')
    .summary('write a redacted report for whoever is to help')
    .description(
      'Writes a new folder with the status, the objects and events of a namespace, the storage backends, and the state and logs of the operator, as far as you may read them. No Secret is read; users, clients and free texts are hidden.',
    )
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('-d, --directory <folder>', 'the folder to make; else sharenet-report-<time> here')
    .option('--hide-addresses', 'hide addresses, domains and paths too')
    .addOption(
      new Option('--operator-namespace <name>', 'where the operator runs')
        .default('sharenet-system')
        .argParser(objectName),
    )
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet report -n team-a
  kubectl sharenet report -A --hide-addresses -d report && tar czf report.tar.gz report`,
    )
    .action(async (options: Options, command: Command) => {
      const now = environment.now();
      const time = new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');
      const folder = options.directory ?? `sharenet-report-${time}`;
      if (folder === '') throw new UsageError('--directory must name a folder');
      await connected(environment, command, async (session) => {
        await makeFolder(folder);
        const { files, missing } = await makeReport(session, {
          namespace: options.allNamespaces ? undefined : session.namespace,
          operatorNamespace: options.operatorNamespace,
          addresses: options.hideAddresses === true,
          now,
        });
        for (const { path, content } of files) {
          const file = join(folder, path);
          await mkdir(dirname(file), { recursive: true, mode: 0o700 });
          await writeFile(file, content, { mode: 0o600, flag: 'wx' });
        }
        for (const line of missing) environment.terminal.tell(`left out: ${line}`);
        environment.terminal.line(`${folder}: ${files.length} files; look through them before you give them to anyone`);
      });
    });
}

/** Only a new one: what is there is not overwritten, nor mixed with. */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { mode: 0o700 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason =
      code === 'EEXIST' ? 'is there already' : code === 'ENOENT' ? 'is in no folder' : `can't be made (${code})`;
    throw new CommandFailure(`${folder} ${reason}: name another one with --directory`);
  }
}
