import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { reasonLiterals } from '../../../tools/docs/reason-literals.ts';
import { reasons } from '../../api/v1alpha1/reasons.ts';
import { DriverError } from '../../drivers/errors.ts';
import { driverReason } from './driver-reason.ts';
import { presentable } from './presentable-error.ts';

const root = join(import.meta.dirname, '../../..');
const ours = Object.values(reasons).flatMap((entries) => entries.map(([reason]) => reason));
const shared = [
  'DriverError',
  'DriverFault',
  'OperationTimeout',
  'SecurityServiceTypeNotSupported',
  'SecurityServiceUpdateNotSupported',
];

/** Words of the host programs that may be reasons. */
async function hostReasons(): Promise<readonly string[]> {
  const folder = join(root, 'hosts');
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.py'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => [...text.matchAll(/["']((?:[A-Z][a-z]+)+)["']/g)].map(([, word = '']) => word));
}

it('no reason of a driver is shown under the name of one of ours that means something else', async () => {
  const literals = await reasonLiterals(join(root, 'src/drivers'), () => false);
  const drivers = new Set([...literals.map(({ reason }) => reason), ...(await hostReasons())]);
  expect(drivers.size).toBeGreaterThan(50);
  // Whatever a vendor's driver throws besides.
  for (const reason of ours) drivers.add(reason);
  const shown = [...drivers].map((reason) => presentable(error(reason), []).reason);
  expect(shown.filter((reason) => ours.includes(reason)).filter((reason) => !shared.includes(reason))).toEqual([]);
});

it('our drivers give no reason that has to be renamed, but for those of the host programs', async () => {
  const literals = await reasonLiterals(join(root, 'src/drivers'), (path) => path.startsWith('samba/'));
  const words = literals.filter(({ reason }) => /^\w+$/.test(reason));
  expect(words.filter(({ reason }) => driverReason(reason) !== reason)).toEqual([]);
});

it('what a driver says otherwise stays', () => {
  expect(['PasswordRefused', 'not a word', 'ShareNotFound'].map(driverReason)).toEqual([
    'PasswordRefused',
    'DriverError',
    'DriverShareNotFound',
  ]);
});

function error(reason: string): DriverError {
  return new DriverError({ kind: 'NotFound', reason, message: 'it is gone' });
}
