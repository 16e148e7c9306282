import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dependencyProblems } from './dependency-direction.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sharenet-layers-'));
});

afterEach(() => rm(directory, { recursive: true }));

/** Writes files and checks them; what they import need not be there. */
async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return dependencyProblems(directory);
}

test.each([
  ['the runtime', 'runtime/cache.ts', `import { a } from '../api/v1alpha1/share.ts';`, 'runtime may not depend on api'],
  [
    'the runtime by type',
    'runtime/cache.ts',
    `import type { A } from '../process/config.ts';`,
    'runtime may not depend on process',
  ],
  ['the API types', 'api/x.ts', `import { a } from '../runtime/cache.ts';`, 'api may not depend on runtime'],
  ['a decision', 'scheduling/x.ts', `export * from '../controllers/x.ts';`, 'scheduling may not depend on controllers'],
  ['a decision on the disk', 'network-change/x.ts', `import fs from 'node:fs';`, 'may import ipaddr.js, zod only'],
  [
    'the driver interface',
    'drivers/driver.ts',
    `export { a } from './dummy/a.ts';`,
    'interface may not depend on driver',
  ],
  ['a driver', 'drivers/dummy/x.ts', `const a = await import('../../runtime/clock.ts');`, 'may not depend on runtime'],
  [
    'a driver on the API',
    'drivers/samba/config.ts',
    `import type { A } from '../../api/a.ts';`,
    'config may not depend on api',
  ],
  ['the kit on a driver', 'drivers/kit/x.ts', `import '../cephfs/x.ts';`, 'driver kit may not depend on driver'],
  ['a driver on another', 'drivers/samba/x.ts', `import '../cephfs/x.ts';`, 'samba may not depend on cephfs'],
  [
    'a driver on the suite',
    'drivers/samba/x.ts',
    `import '../conformance.ts';`,
    'may not depend on driver conformance',
  ],
  ['a controller', 'controllers/x.ts', `let a: import('../drivers/dummy/a.ts').A;`, 'may not depend on driver'],
  ['a controller on admission', 'controllers/x.ts', `import '../admission/x.ts';`, 'may not depend on admission'],
  ['a test', 'runtime/cache.test.ts', `import '../api/v1alpha1/share.ts';`, 'runtime may not depend on api'],
  [
    'what is outside',
    'runtime/cache.ts',
    `import '../../test/faults/manual-clock.ts';`,
    'only a test may import from outside',
  ],
])('%s that depends on what it may not is reported with its place', async (_, path, text, problem) => {
  expect(await problemsOf({ [path]: `// A comment.\n${text}\n` })).toEqual([
    expect.stringMatching(new RegExp(`^src/${path}:2: imports .*${problem}`)),
  ]);
});

test('a file that no layer has is reported', async () => {
  expect(await problemsOf({ 'utils/text.ts': '' })).toEqual([
    expect.stringContaining('src/utils/text.ts: belongs to no'),
  ]);
});

test('the allowed directions pass', async () => {
  const files = {
    'main.ts': `import './process/config.ts'; import './controllers/run.ts';`,
    'controllers/run.ts': `import './share/reconciler.ts'; import '../drivers/registry.ts';`,
    'controllers/share/reconciler.ts': `import '../requests.ts'; import '../../scheduling/placement.ts'; import 'node:fs';`,
    'scheduling/placement.ts': `import ipaddr from 'ipaddr.js'; import type { Share } from '../api/v1alpha1/share.ts';`,
    'api/v1alpha1/share.ts': `import type { KubeObject } from '../../runtime/kube-object.ts';`,
    'drivers/registry.ts': `import './dummy/module.ts';`,
    'drivers/dummy/module.ts': `import '../driver.ts'; import '../errors.ts'; import '../kit/a.ts'; import './faults/faults.ts';`,
    'api/v1alpha1/storage-backend.ts': `import type { DummyBackendConfig } from '../../drivers/dummy/config.ts';`,
    'drivers/dummy/conformance.test.ts': `import './conformance-fixture.ts'; import '../conformance.ts';`,
    'runtime/cache.test.ts': `import './kube-object.ts'; import '../../test/faults/manual-clock.ts';`,
  };
  expect(await problemsOf(files)).toEqual([]);
});

test('files that import each other in a circle are reported, types included', async () => {
  const files = { 'runtime/a.ts': `import './b.ts';`, 'runtime/b.ts': `import './c.ts';` };
  for (const text of [`import type { A } from './a.ts';`, `import { a } from './a.ts';`]) {
    expect(await problemsOf({ ...files, 'runtime/c.ts': text })).toEqual([
      'src/runtime/a.ts: files import each other in a circle: runtime/a.ts -> runtime/b.ts -> runtime/c.ts -> runtime/a.ts',
    ]);
  }
});

test('folders side by side that depend on each other are reported', async () => {
  const problems = await problemsOf({
    'controllers/share/a.ts': `import type { A } from '../shareaccess/a.ts';`,
    'controllers/shareaccess/b.ts': `import type { B } from '../share/b.ts';`,
  });
  expect(problems).toEqual([
    expect.stringContaining('controllers/share -> controllers/shareaccess -> controllers/share'),
  ]);
});

test('an empty folder is no success', async () => {
  expect(await problemsOf({})).toHaveLength(1);
});
