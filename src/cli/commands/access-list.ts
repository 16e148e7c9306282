import { type Command, Option } from 'commander';
import { shareAccesses, shares } from '../../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { type AccessKey, readAccessKey } from '../access/access-key.ts';
import { CommandFailure, UsageError } from '../command-failure.ts';
import { connected, type Environment } from '../environment.ts';
import { objectName, referenceText } from '../object-reference.ts';
import { ageText } from '../output/age.ts';
import { byName } from '../output/by-name.ts';
import { printData, type TableFormat, tableFormats } from '../output/data-output.ts';
import { phaseCell } from '../output/phase.ts';
import { type Cell, printTable } from '../output/table.ts';
import type { Session } from '../session.ts';
import { firstNote, notesOf, noteText } from '../why/notes.ts';

interface Options {
  readonly allNamespaces?: true;
  readonly showKeys?: true;
  readonly output?: TableFormat;
}

/** A rule with its key, where keys were asked for. */
interface ListedRule {
  readonly rule: ShareAccess;
  readonly key: AccessKey | undefined;
}

/** Adds `access list`. */
export function addAccessList(access: Command, environment: Environment): void {
  access
    .command('list')
    .summary('list access rules')
    .description(
      'Lists access rules, of one share or of all. Keys are shown only with --show-keys, and need the right to get the Secrets.',
    )
    .argument('[share]', 'name of a share')
    .option('-A, --all-namespaces', 'in all namespaces')
    .option('--show-keys', 'read the keys from the Secrets that the rules name, and print them')
    .addOption(
      new Option('-o, --output <format>', 'wide: ages and whole reasons; json, yaml: data').choices(tableFormats),
    )
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet access list -n team-a
  kubectl sharenet access list scratch --show-keys`,
    )
    .action(async (share: string | undefined, options: Options, command: Command) => {
      if (share !== undefined && options.allNamespaces) throw new UsageError('name a share, or use --all-namespaces');
      const name = share === undefined ? undefined : objectName(share.replace(/^(?:shares?|shr)\//, ''));
      await connected(environment, command, (session) => list(environment, session, name, options));
    });
}

async function list(
  environment: Environment,
  session: Session,
  share: string | undefined,
  options: Options,
): Promise<void> {
  const { client, namespace } = session;
  const { items } = await client.list(shareAccesses, {
    namespace: options.allNamespaces ? undefined : namespace,
    fieldSelector: share === undefined ? undefined : `spec.shareName=${share}`,
  });
  // A share that does not exist is reported as such, not as one without rules.
  if (items.length === 0 && share !== undefined) await client.get(shares, { namespace, name: share });
  items.sort(byName);
  const rules = await Promise.all(
    items.map(
      async (rule): Promise<ListedRule> => ({
        rule,
        key: options.showKeys ? await readAccessKey(client, rule) : undefined,
      }),
    ),
  );
  const { terminal } = environment;
  if (options.output === 'json' || options.output === 'yaml') {
    printData(terminal, options.output, { shareAccesses: rules.map(dataOf) });
  } else if (rules.length > 0) printRules(environment, rules, options);
  else terminal.tell(`no access rules found${options.allNamespaces ? '' : ` in namespace ${namespace}`}`);

  let problems = 0;
  for (const { rule, key } of rules) {
    if (key?.kind !== 'problem') continue;
    problems += 1;
    const where = options.allNamespaces ? ` in namespace ${rule.metadata.namespace}` : '';
    terminal.tell(`${referenceText(shareAccesses, rule.metadata.name)}${where}: ${key.text}`);
  }
  if (problems > 0) throw new CommandFailure(`${problems} of ${rules.length} rules: the key could not be read`);
}

function printRules({ terminal, now }: Environment, rules: readonly ListedRule[], options: Options): void {
  const header = ['NAME', 'SHARE', 'TYPE', 'TO', 'LEVEL', 'PHASE', 'KEY-SECRET'];
  if (options.allNamespaces) header.unshift('NAMESPACE');
  const wide = options.output === 'wide';
  if (options.showKeys) header.push('KEY');
  if (wide) header.push('AGE');
  header.push('REASON');
  printTable(
    terminal,
    header,
    rules.map(({ rule, key }): readonly Cell[] => [
      ...(options.allNamespaces ? [{ text: rule.metadata.namespace ?? '' }] : []),
      { text: rule.metadata.name },
      { text: rule.spec.shareName },
      { text: rule.spec.accessType },
      { text: rule.spec.accessTo },
      { text: levelOf(rule) },
      phaseCell(rule.status?.phase),
      { text: rule.status?.accessKeySecretRef?.name ?? '' },
      ...(key === undefined ? [] : [keyCell(key)]),
      ...(wide ? [{ text: ageText(rule.metadata.creationTimestamp, now()) }] : []),
      { text: noteText(firstNote(rule)) },
    ]),
    { whole: wide },
  );
}

/** The level in force, and the desired one where it differs. */
function levelOf({ spec, status }: ShareAccess): string {
  const desired = spec.accessLevel ?? 'rw';
  return status?.accessLevel === undefined || status.accessLevel === desired
    ? desired
    : `${status.accessLevel} -> ${desired}`;
}

function keyCell(key: AccessKey): Cell {
  if (key.kind === 'key') return { text: key.key };
  return key.kind === 'none' ? { text: '' } : { text: key.short, color: 'red' };
}

function dataOf({ rule, key }: ListedRule): object {
  const { metadata, spec, status } = rule;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    shareName: spec.shareName,
    accessType: spec.accessType,
    accessTo: spec.accessTo,
    accessLevel: spec.accessLevel ?? 'rw',
    appliedAccessLevel: status?.accessLevel,
    phase: status?.phase,
    notes: notesOf(rule),
    accessKeySecretName: status?.accessKeySecretRef?.name,
    accessKey: key?.kind === 'key' ? key.key : undefined,
    accessKeyProblem: key?.kind === 'problem' ? key.text : undefined,
  };
}
