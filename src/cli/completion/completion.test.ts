import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { describe, expect, test } from 'vitest';
import type { ResourceType } from '../../runtime/kube-object.ts';
import { suggestions } from './completion.ts';
import { completionScripts } from './completion-scripts.ts';

const program = new Command('x').option('-n, --namespace <name>', 'a namespace');
program
  .command('status')
  .argument('[network]')
  .addOption(new Option('-o, --output <format>').choices(['json', 'yaml']));
program.command('why').argument('<object...>');
program.command('check').argument('<network>').argument('<type=name...>');
const access = program.command('access');
access.command('list').argument('[share]').option('--show-keys', 'the keys');

const objects: Readonly<Record<string, readonly string[]>> = { sharenetworks: ['net-1', 'other'], shares: ['home'] };
const names = async (types: readonly ResourceType[]) => types.map(({ plural }) => objects[plural] ?? []);
const complete = async (...words: readonly string[]) =>
  (await suggestions(program, words, names)).map(({ word }) => word);

describe('completion', () => {
  test.each([
    [['st'], ['status']],
    [['access', ''], ['list']],
    [['access', 'list', '--s'], ['--show-keys']],
    [['access', 'list', ''], ['home']],
    [
      ['status', ''],
      ['net-1', 'other'],
    ],
    [['status', 'n'], ['net-1']],
    [['status', 'net-1', ''], []],
    [['-n', 'access', 'status', 'n'], ['net-1']],
    [
      ['status', '-o', ''],
      ['json', 'yaml'],
    ],
    [['status', '--output=j'], ['--output=json']],
    [['status', '-n', ''], []],
    [
      ['why', 'share'],
      ['sharenetwork/net-1', 'sharenetwork/other', 'share/home'],
    ],
    [
      ['why', 'shnet', ''],
      ['net-1', 'other'],
    ],
    [['check', 'net-1', ''], []],
    [
      ['nonsense', ''],
      ['status', 'why', 'check', 'access'],
    ],
  ])('%j', async (words, found) => {
    expect(await complete(...words)).toEqual(expect.arrayContaining(found));
    expect((await complete(...words)).filter((word) => word !== 'help')).toHaveLength(found.length);
  });

  test('the script for bash offers what the program says', async () => {
    const script = `${completionScripts.bash}
kubectl-sharenet() { printf '%s\\n' "$*" >&3; printf -- '--output=json\\tdata\\n--output=yaml\\tdata\\n:4\\n'; }
COMP_LINE='kubectl-sharenet status --output='; COMP_POINT=\${#COMP_LINE}
__kubectl_sharenet; echo "\${COMPREPLY[*]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', `exec 3>&1; ${script}`]);
    // Readline takes what follows the equals sign for the word.
    expect(stdout.trim().split('\n').at(-1)).toBe('json yaml');
  });
});
