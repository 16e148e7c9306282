import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, test } from 'vitest';
import { cephfsReasons } from '../../src/drivers/cephfs/reasons.ts';
import { dummyReasons } from '../../src/drivers/dummy/reasons.ts';
import type { DriverReasonRecords } from '../../src/drivers/kit/reasons.ts';
import { sambaReasons } from '../../src/drivers/samba/reasons.ts';
import { templateReasons } from '../../src/drivers/template/reasons.ts';
import { pageOf, withReasons } from './driver-page.ts';

const reasons: DriverReasonRecords = {
  HostBusy: { meaning: 'Busy.', remedy: { kind: 'wait', text: 'Wait.' } },
  HostGone: { meaning: 'Gone.', remedy: { kind: 'administrator', text: 'Look.' } },
  HostFull: { meaning: 'Busy.', remedy: { kind: 'wait', text: 'Wait.' } },
};
const [begin, end] = ['<!-- The table is generated from reasons.ts. -->\n', '<!-- End of the generated table. -->\n'];

describe('the table of reasons', () => {
  it('replaces what is between the marks, with one row for reasons that are the same to a reader', () => {
    const expected = [
      '| reason | meaning | what to do |\n| --- | --- | --- |\n',
      '| `HostBusy`, `HostFull` | Busy. | Wait. |\n| `HostGone` | Gone. | Look. |\n',
    ].join('');
    const text = (middle: string): string => `a\n${begin}\n${middle}\n${end}b\n`;
    expect(withReasons(text('old\n'), reasons)).toBe(text(expected));
    expect(withReasons(text(expected), reasons)).toBe(text(expected));
  });

  it('is not added to a README without the marks, and must end', () => {
    expect(withReasons('a\n', reasons)).toBe('a\n');
    expect(() => withReasons(`a\n${begin}\nb\n`, reasons)).toThrow('mark at the end');
  });
});

test('links of the page lead where those of the README lead', () => {
  const readme = '[a](../../../docs/image.md#x) [b](config.ts) [c](#limits) [d](https://a.example/b)\n';
  const [, page] = pageOf('src/drivers/cephfs/README.md', 'docs/cephfs.md', readme).split('-->\n\n');
  expect(page).toBe('[a](image.md#x) [b](../src/drivers/cephfs/config.ts) [c](#limits) [d](https://a.example/b)\n');
});

test.each<[string, DriverReasonRecords]>([
  ['cephfs', cephfsReasons],
  ['dummy', dummyReasons],
  ['samba', sambaReasons],
  ['template', templateReasons],
])(
  'the catalogue of %s has sentences, and no reason that the driver and the kit never give',
  async (name, catalogue) => {
    const folders = [name, 'kit'].map((folder) => join(import.meta.dirname, '../../src/drivers', folder));
    const sources: string[] = [];
    for (const folder of folders) {
      const files = (await readdir(folder, { recursive: true })).filter((file) =>
        /(?<!reasons|\.test)\.ts$/.test(file),
      );
      sources.push(...(await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))));
    }
    const unused = Object.keys(catalogue).filter((reason) => !sources.some((text) => text.includes(`'${reason}'`)));
    expect(unused).toEqual([]);
    for (const [reason, { meaning, remedy }] of Object.entries(catalogue)) {
      expect(reason).toMatch(/^[A-Z][A-Za-z0-9]{0,62}$/);
      for (const text of [meaning, remedy.text]) expect(text, reason).toMatch(/^[A-Z`].*\.$/);
    }
  },
);
