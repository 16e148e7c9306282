import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { reasons } from '../../src/api/v1alpha1/reasons/catalogue.ts';

describe('the catalogue of reasons', () => {
  it('has no reason that the operator never gives', async () => {
    const source = join(import.meta.dirname, '../../src');
    const files = (await readdir(source, { recursive: true })).filter(
      (file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !/^(?:api|cli)\//.test(file),
    );
    const text = (await Promise.all(files.map((file) => readFile(join(source, file), 'utf8')))).join('\n');
    const unused = Object.entries(reasons).flatMap(([kind, records]) =>
      Object.keys(records).flatMap((reason) => (text.includes(`'${reason}'`) ? [] : [`${kind}: ${reason}`])),
    );
    expect(unused).toEqual([]);
  });

  it.each(Object.entries(reasons))('is sorted and complete: %s', (_kind, records) => {
    expect(Object.keys(records)).toEqual(Object.keys(records).sort());
    for (const [reason, { places, meaning, remedy }] of Object.entries(records)) {
      expect(reason).toMatch(/^[A-Z][A-Za-z0-9]+$/);
      expect(places, reason).not.toEqual([]);
      expect(meaning, reason).toMatch(/^[A-Z].*\.$/);
      expect(remedy.text, reason).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('docs/conditions.md', () => {
  const generate = (...args: string[]) =>
    promisify(execFile)(process.execPath, [join(import.meta.dirname, 'conditions.ts'), ...args]);

  it('is what the catalogue says', async () => {
    expect(await generate('--check')).toMatchObject({ stderr: '' });
  });

  it('is checked: a file that was edited is named, and written again', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sharenet-conditions-'));
    const file = join(directory, 'docs', 'conditions.md');
    try {
      await generate('--file', file);
      await appendFile(file, 'edited\n');
      const failure = await generate('--check', '--file', file).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: 1, stderr: expect.stringContaining('conditions.md: differs') });
      await generate('--file', file);
      const text = await readFile(file, 'utf8');
      expect(text).not.toContain('edited');
      expect(text).toContain('| `UpdateFailed` | `SecurityServicesUpToDate`, `Ready`, `Stalled` |');
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
