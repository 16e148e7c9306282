import { expect, it } from 'vitest';
import { isOwnReason, reasons } from './catalogue.ts';
import { driverReason, toReason } from './reason.ts';

const ours = Object.values(reasons).flatMap((records) => Object.keys(records));
const shared = [
  'DriverError',
  'DriverFault',
  'Incompatible',
  'NotImplemented',
  'OperationTimeout',
  'SecurityServiceTypeNotSupported',
  'SecurityServiceUpdateNotSupported',
];

it('shows no reason of a driver under the name of one of ours that means something else', () => {
  const shown = ours.map((reason) => driverReason(reason)).filter(isOwnReason);
  expect([...new Set(shown)].sort()).toEqual(shared);
});

it('keeps what a driver says otherwise, and replaces what is not a word', () => {
  const texts = ['PasswordRefused', 'not a word', '', 'ShareNotFound', `A${'b'.repeat(63)}`];
  expect(texts.map((text) => driverReason(text))).toEqual([
    'PasswordRefused',
    'DriverError',
    'DriverError',
    'DriverShareNotFound',
    'DriverError',
  ]);
  expect(driverReason('not a word', 'Incompatible')).toBe('Incompatible');
});

it('shows a reason the same when it was shown before', () => {
  for (const reason of [...ours, 'PasswordRefused']) {
    expect(driverReason(driverReason(reason))).toBe(driverReason(reason));
    expect(toReason(driverReason(reason))).toBe(driverReason(reason));
  }
});

it('reads stored reasons as they are, and replaces what no version of the operator can have stored', () => {
  expect(['ShareNotFound', 'PasswordRefused', 'not a word'].map(toReason)).toEqual([
    'ShareNotFound',
    'PasswordRefused',
    'DriverError',
  ]);
});
