import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '../..');
const controllers = join(root, 'src/controllers');
const page = await readFile(join(root, 'docs/architecture.md'), 'utf8');

/** The kinds by the name of their informer. */
const kinds: Readonly<Record<string, string>> = {
  storageBackends: 'StorageBackend',
  securityServices: 'SecurityService',
  shareNetworks: 'ShareNetwork',
  shareServers: 'ShareServer',
  shares: 'Share',
  shareAccesses: 'ShareAccess',
};
/** A call that writes a status and names the informer of its kind. */
const write = new RegExp(
  String.raw`(?:\.write|writeDriverResult|showMeanwhile)\([^;{]*?\b(${Object.keys(kinds).join('|')})\b`,
  'g',
);

/** Rows of the table of status writers: kind, folder of its controller, other files that write it. */
function documentedWriters() {
  const [, section = ''] = page.split('## Who writes which status');
  const rows = [...section.matchAll(/^\| ([A-Z]\w+) \| `([a-z]+)\/` \| (.*) \|$/gm)];
  return rows.map(([, kind = '', folder = '', others = '']) => ({
    kind,
    folder,
    others: [...others.matchAll(/`([\w/-]+\.ts)`/g)].map(([, file = '']) => file).sort(),
  }));
}

test('only the controller of a kind writes its status, and the files that the architecture page names', async () => {
  const files = (await readdir(controllers, { recursive: true })).filter((file) => /(?<!\.test)\.ts$/.test(file));
  const writers = new Map(Object.values(kinds).map((kind) => [kind, new Set<string>()]));
  for (const file of files) {
    const text = await readFile(join(controllers, file), 'utf8');
    for (const [, informer = ''] of text.matchAll(write)) writers.get(kinds[informer] ?? '')?.add(file);
  }
  const documented = documentedWriters();
  expect(documented.map(({ kind }) => kind).sort()).toEqual(Object.values(kinds).sort());
  expect(documented.map(({ kind, others }) => [kind, others])).toEqual(
    documented.map(({ kind, folder }) => [
      kind,
      [...(writers.get(kind) ?? [])].filter((file) => !file.startsWith(`${folder}/`)).sort(),
    ]),
  );
});

test('every file and folder of the source that the architecture page names exists', async () => {
  const names = [...page.matchAll(/`(src\/[\w./-]+)`/g)].map(([, name = '']) => name);
  const present = new Set((await readdir(join(root, 'src'), { recursive: true })).map((file) => `src/${file}`));
  expect(names.length).toBeGreaterThan(40);
  expect(names.filter((name) => !present.has(name.replace(/\/$/, '')))).toEqual([]);
});
