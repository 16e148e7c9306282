import type { Command } from 'commander';
import { paused } from '../../api/v1alpha1/labels.ts';
import { annotate, annotationOf } from '../annotations.ts';
import { explainFailure } from '../api-failure.ts';
import { CommandFailure } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import type { ManagedObject } from '../managed-object.ts';
import { everyKind, type ObjectReference, objectReferences, placeOf, referenceText } from '../object-reference.ts';
import type { Session } from '../session.ts';

interface Options {
  readonly dryRun?: boolean;
}

/** Adds `pause`. */
export function addPause(program: Command, environment: Environment): void {
  program
    .command('pause')
    .summary('have the operator leave objects alone')
    .description(
      'Has the operator leave objects alone until resume. A driver call that runs is finished; a paused network starts no further server of a change. Whose share or server is paused, a change of the network waits.',
    )
    .argument('<object...>', 'KIND NAME... or KIND/NAME..., of any kind')
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet pause sharenetwork/net-1 -n team-a
  kubectl sharenet pause share home scratch`,
    )
    .action((words: string[], options: Options, command: Command) => run(environment, command, words, options, true));
}

/** Adds `resume`. */
export function addResume(program: Command, environment: Environment): void {
  program
    .command('resume')
    .summary('have the operator go on with paused objects')
    .description('Has the operator go on with objects that were paused.')
    .argument('<object...>', 'KIND NAME... or KIND/NAME..., of any kind')
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet resume sharenetwork/net-1 -n team-a`,
    )
    .action((words: string[], options: Options, command: Command) => run(environment, command, words, options, false));
}

async function run(
  environment: Environment,
  command: Command,
  words: readonly string[],
  options: Options,
  pause: boolean,
): Promise<void> {
  const references = objectReferences(words, everyKind);
  await connected(environment, command, (session) => setAll(environment, session, references, options, pause));
}

async function setAll(
  { terminal }: Environment,
  { client, namespace }: Session,
  references: readonly ObjectReference<ManagedObject>[],
  { dryRun = false }: Options,
  pause: boolean,
): Promise<void> {
  const tell = ({ type, name }: ObjectReference, error: unknown) =>
    terminal.tell(`${referenceText(type, name)}: ${explainFailure(error)}`);
  // A wrong name shows before the first write.
  const read = await Promise.allSettled(
    references.map((reference) => client.get(reference.type, placeOf(reference, namespace))),
  );
  const found = references.flatMap((reference, index) => {
    const answer = read[index];
    if (answer?.status === 'fulfilled') return [{ reference, object: answer.value }];
    tell(reference, answer?.reason);
    return [];
  });
  if (found.length < references.length) throw new CommandFailure('nothing was changed');

  let failures = 0;
  for (const { reference, object } of found) {
    const { type, name } = reference;
    const was = annotationOf(object, paused) === 'true';
    try {
      if (was !== pause) await annotate(client, type, object, paused, pause ? 'true' : null, { dryRun });
      const state = was === pause ? `is ${pause ? 'paused' : 'not paused'} already` : pause ? 'paused' : 'resumed';
      terminal.line(`${referenceText(type, name)}: ${state}${dryRun ? ' (dry run)' : ''}`);
    } catch (error) {
      failures += 1;
      tell(reference, error);
    }
  }
  if (failures > 0) {
    const none = failures === found.length;
    throw new CommandFailure(none ? 'nothing was changed' : `${failures} of ${found.length} were not changed`);
  }
}
