import { expect, test } from 'vitest';
import { hostInPath, uncPath } from './export-paths.ts';

test('an IPv6 address is in brackets before a path', () => {
  expect([hostInPath('192.0.2.1'), hostInPath('2001:db8::1')]).toEqual(['192.0.2.1', '[2001:db8::1]']);
});

test('an IPv6 address is written in a UNC path as Windows reads it', () => {
  expect(uncPath('192.0.2.1', 'share-1')).toBe('\\\\192.0.2.1\\share-1');
  expect(uncPath('2001:db8::1', 'share-1')).toBe('\\\\2001-db8--1.ipv6-literal.net\\share-1');
});
