/**
 * Whether crds/ still takes every object and manifest of the last release.
 *
 *   node tools/crds/compatibility.ts                 fails when it does not, with a line for each reason
 *   node tools/crds/compatibility.ts --record 0.2.0  keeps the present definitions as those of a release
 */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseAllDocuments, parse as parseYAML } from 'yaml';
import { type Definition, definitionSchema, incompatibilities } from './incompatibilities.ts';

const crds = join(import.meta.dirname, '../../crds');
const released = join(import.meta.dirname, 'released');

async function presentFiles(): Promise<readonly string[]> {
  const names = (await readdir(crds)).filter((name) => name.endsWith('.yaml')).sort();
  return await Promise.all(names.map((name) => readFile(join(crds, name), 'utf8')));
}

/** Of versions such as 0.10.0, the highest. */
function newest(versions: readonly string[]): string | undefined {
  return versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1);
}

async function lastRelease(): Promise<{ readonly version: string; readonly definitions: readonly Definition[] }> {
  const version = newest((await readdir(released)).map((name) => name.replace(/\.yaml$/, '')));
  if (version === undefined) throw new Error('tools/crds/released is empty: record a release with --record VERSION');
  const documents = parseAllDocuments(await readFile(join(released, `${version}.yaml`), 'utf8'));
  return { version, definitions: documents.map((document) => definitionSchema.parse(document.toJS())) };
}

const { record } = parseArgs({ options: { record: { type: 'string' } } }).values;
if (record !== undefined) {
  if (!/^\d+\.\d+\.\d+$/.test(record)) throw new Error(`--record ${record}: a version such as 0.2.0 is expected`);
  await writeFile(join(released, `${record}.yaml`), (await presentFiles()).join('---\n'));
} else {
  const { version, definitions } = await lastRelease();
  const now = (await presentFiles()).map((file) => definitionSchema.parse(parseYAML(file)));
  const found = incompatibilities(definitions, now);
  for (const line of found) console.error(line);
  if (found.length > 0) {
    console.error(
      `crds/ breaks what release ${version} promised: keep the old form beside the new one, or make a new version`,
    );
    process.exit(1);
  }
}
