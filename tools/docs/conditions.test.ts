import { execFile } from 'node:child_process';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ReasonKind, reasons } from '../../src/api/v1alpha1/reasons.ts';
import { type ReasonLiteral, reasonLiterals } from './reason-literals.ts';

const source = join(import.meta.dirname, '../../src');

/** Whose reasons they are not: drivers' own words, which their pages have, Kubernetes', and those that only the operator is reported. */
function isLeftOut(path: string): boolean {
  const isDrivers = /^drivers\//.test(path) && path !== 'drivers/errors.ts';
  return (
    isDrivers ||
    /^(runtime|cli)\//.test(path) ||
    ['admission/admission-probe.ts', 'admission/object-shape.ts'].includes(path)
  );
}

/** The kinds that the code of a folder writes about, and so has to find its reasons under. */
const kindsOf: readonly (readonly [folder: string, ...kinds: ReasonKind[]])[] = [
  ['controllers/storagebackend/', 'StorageBackend'],
  ['controllers/securityservice/', 'SecurityService'],
  ['controllers/sharenetwork/', 'ShareNetwork'],
  ['controllers/shareserver/', 'ShareServer'],
  ['controllers/share/', 'Share'],
  // A recovery is reported on the share.
  ['controllers/shareaccess/', 'ShareAccess', 'Share'],
  ['access-rules/', 'ShareAccess'],
  ['network-change/judge-change.ts', 'ShareNetwork'],
  ['scheduling/placement.ts', 'Share'],
  ['scheduling/subnets.ts', 'ShareNetwork'],
];

describe('the catalogue of reasons', () => {
  let literals: readonly ReasonLiteral[];

  beforeAll(async () => {
    literals = await reasonLiterals(source, isLeftOut);
  });

  it('has every reason that the operator writes, under the kind it is written about', () => {
    const missing = literals.flatMap(({ reason, place }) => {
      const [, ...kinds] = kindsOf.find(([folder]) => place.startsWith(folder)) ?? [];
      const where =
        kinds.length === 0 ? Object.values(reasons) : [...kinds, 'Every kind' as const].map((kind) => reasons[kind]);
      return where.flat().some(([known]) => known === reason) ? [] : [`${place}: ${reason} (${kinds.join(', ')})`];
    });
    expect(missing).toEqual([]);
  });

  it('has no reason that no one writes', () => {
    const written = new Set(literals.map(({ reason }) => reason));
    const unused = Object.entries(reasons).flatMap(([kind, entries]) =>
      entries.flatMap(([reason]) => (written.has(reason) ? [] : [`${kind}: ${reason}`])),
    );
    expect(unused).toEqual([]);
  });

  it.each(Object.entries(reasons))('is sorted, has no reason twice, and says what each means: %s', (_kind, entries) => {
    const names = entries.map(([reason]) => reason);
    expect(names).toEqual([...new Set(names)].sort());
    for (const [reason, places, meaning, whatToDo] of entries) {
      expect(places, reason).not.toEqual([]);
      expect(meaning, reason).toMatch(/^[A-Z].*\.$/);
      expect(whatToDo, reason).toMatch(/^[A-Z].*\.$/);
    }
  });
});

describe('reasonLiterals', () => {
  it('finds reasons wherever they are given, and no other texts', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'sharenet-reasons-'));
    try {
      await mkdir(join(directory, 'left-out'));
      await writeFile(join(directory, 'left-out', 'a.ts'), "export const reason = 'LeftOut';\n");
      await writeFile(join(directory, 'a.test.ts'), "export const reason = 'InATest';\n");
      await writeFile(
        join(directory, 'a.ts'),
        `
        const options = { reason: 'Property', other: 'Other', message: 'Text of it' };
        const chosen = { reason: flag ? 'OneBranch' : (given ?? 'OtherBranch') };
        const built = { reason: \`Change\${result}\` };
        const handed = { reason: error.reason };
        export const exhausted = 'OfConstant';
        const named = { reason: exhausted };
        const endedReasons = { Failed: 'OfMap' } as const;
        function stand(state: string, reason: string) {}
        stand('Working', 'Positional');
        class Draft { setCondition(type: string, status: string, reason: string) {} }
        draft.setCondition('Ready', 'True', 'OfMethod');
        const refuse = (reason: string, message: string) => {};
        refuse('OfArrow', 'Message');
        for (const reason of ['OfLoop'] as const) use(reason);
        const judgedReasons = new Set(['OfSet']);
        type GuardReason = 'OfAlias' | 'OfAliasToo';
        interface Verdict { readonly reason: 'OfSignature'; readonly kind: 'Kind' }
        `,
      );
      const found = await reasonLiterals(directory, (path) => path.startsWith('left-out/'));
      expect(found.map(({ reason }) => reason).sort()).toEqual(
        [
          ...['Property', 'OneBranch', 'OtherBranch', 'Positional', 'OfMethod', 'OfArrow', 'OfLoop', 'OfSet'],
          ...['OfAlias', 'OfAliasToo', 'OfSignature', 'OfConstant', 'OfMap', '`Change$' + '{result}`'],
        ].sort(),
      );
      expect(found.find(({ reason }) => reason === 'Property')?.place).toBe('a.ts:2');
    } finally {
      await rm(directory, { recursive: true });
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
