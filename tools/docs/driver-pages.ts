/**
 * Makes the documentation pages of drivers from the README.md in their folders, and in these the table of reasons from reasons.ts.
 *
 *   node tools/docs/driver-pages.ts           writes the files
 *   node tools/docs/driver-pages.ts --check   writes nothing, fails when the files differ
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cephfsReasons } from '../../src/drivers/cephfs/reasons.ts';
import { dummyReasons } from '../../src/drivers/dummy/reasons.ts';
import { sambaReasons } from '../../src/drivers/samba/reasons.ts';
import { pageOf, withReasons } from './driver-page.ts';
import { writeGeneratedPage } from './generated-page.ts';

const generator = 'tools/docs/driver-pages.ts';
const pages = [
  { folder: 'src/drivers/cephfs', path: 'docs/cephfs.md', reasons: cephfsReasons },
  { folder: 'src/drivers/dummy', path: 'docs/dummy.md', reasons: dummyReasons },
  { folder: 'src/drivers/kit', path: 'docs/driver-kit.md', reasons: {} },
  { folder: 'src/drivers/samba', path: 'docs/samba.md', reasons: sambaReasons },
];

for (const { folder, path, reasons } of pages) {
  const source = `${folder}/README.md`;
  const present = await readFile(join(import.meta.dirname, '../..', source), 'utf8');
  const readme = withReasons(present, reasons);
  await writeGeneratedPage({ path: source, source: `${folder}/reasons.ts`, generator, text: readme });
  await writeGeneratedPage({ path, source, generator, text: pageOf(source, path, readme) });
}
