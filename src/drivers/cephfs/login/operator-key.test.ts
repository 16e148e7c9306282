import { expect, test } from 'vitest';
import { newCephxKey } from '../../../../test/labs/ceph/cephx-key.ts';
import { keyTypeOf, readOperatorKey } from './operator-key.ts';

const aes = newCephxKey();
const aes256k = newCephxKey('aes256k');
const keyring = `[client.admin]\n\tkey = ${newCephxKey()}\n\tcaps mon = "allow *"\n[client.sharenet]\n\tkey = ${aes}\n\tcaps mon = "allow r"\n`;

test.each<[what: string, text: string, key: string]>([
  ['a key', aes, aes],
  ['a key with a line break at its end', `${aes}\n`, aes],
  ['a key of type aes256k', aes256k, aes256k],
  ['a line of a keyring', `key = ${aes}`, aes],
  ['a keyring with several entries', keyring, aes],
  ['a keyring in the order of Windows lines', keyring.replaceAll('\n', '\r\n'), aes],
  ['a keyring with a key of type aes256k', `[client.sharenet]\n  key=${aes256k}\n`, aes256k],
])('%s is taken', (_, text, key) => {
  expect(readOperatorKey(text, 'sharenet')).toEqual({ ok: true, key });
});

test.each<[what: string, text: string, problem: RegExp]>([
  ['nothing', '  \n', /is missing or empty/],
  [
    'a keyring of another user',
    keyring.replaceAll('sharenet', 'other'),
    /keyring without an entry for client\.sharenet$/,
  ],
  ['a keyring without a key', '[client.sharenet]\n\tcaps mon = "allow r"\n', /entry for client\.sharenet has no key$/],
  ['a key that is cut short', aes.slice(0, 24), /not a whole key: it has 24 characters/],
  ['a long key that is cut short', aes256k.slice(0, 40), /not a whole key: it has 40 characters/],
  ['a key in base64 twice', Buffer.from(aes).toString('base64'), /base64 twice/],
  ['a key with a line break in base64 twice', Buffer.from(`${aes}\n`).toString('base64'), /base64 twice/],
  ['something else', 'a pass phrase', /not a key/],
  ['something short', 'AQ==', /not a whole key/],
])('%s is refused in words, which have nothing of it', (_, text, problem) => {
  const read = readOperatorKey(text, 'sharenet');
  expect(read).toEqual({ ok: false, problem: expect.stringMatching(problem) });
  expect(JSON.stringify(read)).not.toContain(aes.slice(0, 24));
});

test('the type of a key is in it', () => {
  expect([aes.length, keyTypeOf(aes)]).toEqual([40, 'aes']);
  expect([aes256k.length, keyTypeOf(aes256k)]).toEqual([60, 'aes256k']);
  expect(keyTypeOf('AQ==')).toBeUndefined();
});

test('a type that is not known is left to Ceph', () => {
  const bytes = Buffer.from(aes256k, 'base64');
  bytes.writeUInt16LE(7, 0);
  const key = bytes.toString('base64');
  expect(readOperatorKey(key, 'sharenet')).toEqual({ ok: true, key });
});
