import { join } from 'node:path';
import type { Variant } from './image.ts';
import { runCommand } from './run-command.ts';

const root = join(import.meta.dirname, '../..');
const operator = { project: 'delivery', file: 'test/delivery/image/operator.test.ts' } as const;
const onCeph = { project: 'e2e-ceph', file: 'test/e2e/ceph/operator/delivered.test.ts' } as const;

/** Runs the tests of what is delivered on an image; that with Ceph's libraries on a real Ceph cluster too. @throws CommandError */
export async function testImage(image: string, variant: Variant): Promise<void> {
  if (variant === 'librados') await runCommand(process.execPath, [join(root, 'test/labs/ceph/cli.ts'), 'install']);
  const tests = variant === 'librados' ? [operator, onCeph] : [operator];
  process.env.SHARENET_TEST_IMAGE = image;
  await runCommand(process.execPath, [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...tests.map(({ project }) => `--project=${project}`),
    ...tests.map(({ file }) => file),
  ]);
}
