import { type Command, Option } from 'commander';
import { explainFailure } from '../api-failure.ts';
import { CommandFailure } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { objectReferences, type ResettableReference, referenceText, resettableKinds } from '../object-reference.ts';
import type { Session } from '../session.ts';

/** What a person may set; the other phases are the operator's to enter. */
const phases = ['active', 'error', 'network_change'] as const;

interface Options {
  readonly to: (typeof phases)[number];
  readonly dryRun?: true;
}

export function addResetStatus(program: Command, environment: Environment): void {
  program
    .command('reset-status')
    .summary('set the phase of share networks or share servers')
    .description(
      'Sets the phase of share networks or share servers, whatever the operator is at. For storage administrators.',
    )
    .argument('<object...>', 'KIND NAME... or KIND/NAME...; KIND: sharenetwork (shnet), shareserver (shsrv)')
    .addOption(new Option('--to <phase>', 'the phase to set').choices(phases).makeOptionMandatory())
    .option('--dry-run', 'let the API server check it, and change nothing')
    .addHelpText(
      'after',
      `
Phases:
  active           a network: drops its change; a server: it is repaired
  error            takes it out of service
  network_change   a network: maintenance, everything on it waits

Examples:
  kubectl sharenet reset-status sharenetwork net-1 --to active -n team-a
  kubectl sharenet reset-status shsrv/net-1-02074116 shsrv/net-1-c8d98636 --to error --dry-run`,
    )
    .action(async (words: string[], options: Options, command: Command) => {
      const references = objectReferences(words, resettableKinds);
      await connected(environment, command, (session) => resetAll(environment, session, references, options));
    });
}

async function resetAll(
  { terminal }: Environment,
  session: Session,
  references: readonly ResettableReference[],
  options: Options,
): Promise<void> {
  const tell = ({ type, name }: ResettableReference, error: unknown) =>
    terminal.tell(`${referenceText(type, name)}: ${explainFailure(error)}`);
  // A wrong name shows before the first write.
  const read = await Promise.allSettled(
    references.map(({ type, name }) => session.client.get(type, { namespace: session.namespace, name })),
  );
  const before = new Map<
    ResettableReference,
    { readonly uid: string | undefined; readonly phase: string | undefined }
  >();
  for (const [index, reference] of references.entries()) {
    const answer = read[index];
    if (answer?.status === 'fulfilled') {
      before.set(reference, { uid: answer.value.metadata.uid, phase: answer.value.status?.phase });
    } else tell(reference, answer?.reason);
  }
  if (before.size < references.length) throw new CommandFailure('nothing was changed');

  let failures = 0;
  for (const [reference, { uid, phase }] of before) {
    const { type, name } = reference;
    try {
      // Not guarded by the version: it is to win over what the operator writes. The uid refuses a new object of that name.
      const patch = { metadata: { uid }, status: { phase: options.to } };
      const target = { namespace: session.namespace, name };
      await session.client.mergePatch(type, target, patch, { subresource: 'status', dryRun: options.dryRun === true });
      const change = phase === options.to ? `is ${options.to} already` : `${phase ?? 'no phase'} -> ${options.to}`;
      terminal.line(`${referenceText(type, name)}: ${change}${options.dryRun ? ' (dry run)' : ''}`);
    } catch (error) {
      failures += 1;
      tell(reference, error);
    }
  }
  if (failures > 0) {
    const done = before.size - failures;
    throw new CommandFailure(done === 0 ? 'nothing was changed' : `${failures} of ${before.size} were not changed`);
  }
}
