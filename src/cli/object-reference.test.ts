import { describe, expect, test } from 'vitest';
import { UsageError } from './command-failure.ts';
import { objectReferences, resettableKinds, serverNames } from './object-reference.ts';

const read = (...words: readonly string[]) =>
  objectReferences(words, resettableKinds).map(({ type, name }) => `${type.plural}/${name}`);

describe('objects on the command line', () => {
  test.each([
    [
      ['sharenetwork', 'a', 'b'],
      ['sharenetworks/a', 'sharenetworks/b'],
    ],
    [
      ['shnet/a', 'shsrv/a'],
      ['sharenetworks/a', 'shareservers/a'],
    ],
    [['ShareServers.sharenet.io', 'a'], ['shareservers/a']],
    [['server/a', 'server/a'], ['shareservers/a']],
    [['net', 'net'], ['sharenetworks/net']],
  ])('%j', (words, references) => {
    expect(read(...words)).toEqual(references);
  });

  test.each([
    ['a kind alone', ['shnet'], /names no object/],
    ['another kind', ['share/a'], /"share" is not a kind/],
    ['a name of Object.prototype', ['constructor/a'], /is not a kind/],
    ['no name', ['shnet/'], /can not be the name/],
    ['a path', ['shnet', '../a'], /write either/],
    ['a deep path', ['shnet/a/status'], /not of the form/],
    ['both forms', ['shnet', 'shnet/a'], /write either/],
    ['a name that is none', ['shnet', 'A_b'], /can not be the name/],
    ['a name of dots', ['shnet', '..'], /can not be the name/],
  ])('%s is refused', (_, words, says) => {
    expect(() => read(...words)).toThrow(UsageError);
    expect(() => read(...words)).toThrow(says);
  });

  test('share servers are named with or without their kind, each once', () => {
    expect(serverNames(['a', 'shareserver/b', 'shsrv/a'])).toEqual(['a', 'b']);
    expect(() => serverNames(['shnet/a'])).toThrow('not a share server');
  });
});
