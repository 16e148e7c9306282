/**
 * Generates what the Helm chart has from elsewhere, its copies of crds/ and of the alerts, and docs/chart-values.md from its
 * values.yaml.
 *
 *   node tools/chart/generate.ts           writes the files
 *   node tools/chart/generate.ts --check   writes nothing, fails when a file differs
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { keptDefinition } from './kept-definition.ts';
import { valuesDocument } from './values-document.ts';

const root = join(import.meta.dirname, '../..');
const chartDefinitions = 'charts/sharenet/files/crds';

/** What a file is to hold; undefined: it must not be there. */
type Files = ReadonlyMap<string, string | undefined>;

async function wantedFiles(): Promise<Files> {
  const files = new Map<string, string | undefined>();
  for (const name of await definitionNames(chartDefinitions)) files.set(join(chartDefinitions, name), undefined);
  for (const name of await definitionNames('crds')) {
    const definition = await readFile(join(root, 'crds', name), 'utf8');
    files.set(join(chartDefinitions, name), keptDefinition(definition));
  }
  files.set('charts/sharenet/files/rules.yaml', await readFile(join(root, 'config/prometheus/rules.yaml'), 'utf8'));
  const values = await readFile(join(root, 'charts/sharenet/values.yaml'), 'utf8');
  return files.set('docs/chart-values.md', valuesDocument(values));
}

async function definitionNames(directory: string): Promise<readonly string[]> {
  await mkdir(join(root, directory), { recursive: true });
  return (await readdir(join(root, directory))).filter((name) => name.endsWith('.yaml'));
}

const { check } = parseArgs({ options: { check: { type: 'boolean', default: false } } }).values;
for (const [file, content] of await wantedFiles()) {
  const path = join(root, file);
  const present = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (present === content) continue;
  if (check) {
    console.error(
      `${file}: differs from crds/, config/prometheus/rules.yaml or the chart's values.yaml; run node tools/chart/generate.ts`,
    );
    process.exitCode = 1;
    continue;
  }
  if (content === undefined) await rm(path);
  else {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  console.log(`${file}: ${content === undefined ? 'removed' : 'written'}`);
}
