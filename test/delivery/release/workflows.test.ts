import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, '.github/workflows');
const workflows = await Promise.all(
  (await readdir(folder)).map(async (file) => ({ file, text: await readFile(join(folder, file), 'utf8') })),
);

describe.each(workflows)('the workflow $file', ({ text }) => {
  test('names each action by its commit, and the version beside it', () => {
    const used = [...text.matchAll(/^\s*(?:- )?uses:\s*(.*)$/gm)].map(([, action = '']) => action);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((action) => !/^[\w.-]+\/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(action))).toEqual([]);
  });

  test('has no rights but those it names', () => {
    expect(parse(text)).toHaveProperty('permissions', { contents: 'read' });
  });

  test('leaves no token of the repository in a checkout', () => {
    const checkouts = text.match(/uses: actions\/checkout@/g) ?? [];
    expect(text.match(/persist-credentials: false/g) ?? []).toHaveLength(checkouts.length);
  });

  test('puts nothing that an event carries into a script', () => {
    const scripts: string[] = [];
    JSON.stringify(parse(text), (key, value) => {
      if (key === 'run') scripts.push(String(value));
      return value;
    });
    expect(scripts.filter((script) => script.includes('${{'))).toEqual([]);
  });
});

test('a release signs every file that it publishes', () => {
  const text = workflows.find(({ file }) => file === 'release.yaml')?.text ?? '';
  const signed = /files=\(([^)]*)\)/.exec(text)?.[1]?.split(/\s+/) ?? [];
  const [, publishing = ''] = text.split('gh release create');
  const published = [...publishing.matchAll(/dist\/([^\s"]+)/g)].map(([, file = '']) => file);
  const unsigned = published.filter((file) => !file.endsWith('.sigstore.json') && file !== 'SHA256SUMS');
  expect(unsigned.filter((file) => !signed.map((name) => name.replaceAll('"', '')).includes(file))).toEqual([]);
  expect(published).toContain('*.sigstore.json');
});
