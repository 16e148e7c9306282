import { describe, expect, test } from 'vitest';
import {
  type Caps,
  type CapsTarget,
  capsWith,
  capsWithout,
  exceedsShares,
  grantedLevel,
  grantedShares,
  grantsShare,
  lostTarget,
  sameCaps,
} from './caps.ts';

const one: CapsTarget = {
  fsName: 'vol',
  path: '/volumes/g/one/uuid-1',
  dataPool: 'data',
  poolNamespace: 'fsvolumens_one',
};
const two: CapsTarget = {
  fsName: 'vol',
  path: '/volumes/g/two/uuid-2',
  dataPool: 'data',
  poolNamespace: 'fsvolumens_two',
};

const mdsOne = 'allow rw path=/volumes/g/one/uuid-1';
const osdOne = 'allow rw pool=data namespace=fsvolumens_one';
const mdsTwo = 'allow r path=/volumes/g/two/uuid-2';
const osdTwo = 'allow r pool=data namespace=fsvolumens_two';
const onOne: Caps = { mds: mdsOne, mon: 'allow r', osd: osdOne };
const onBoth: Caps = { mds: `${mdsOne},${mdsTwo}`, mon: 'allow r', osd: `${osdOne},${osdTwo}` };

test('the shares of an id are read from the paths of its capabilities', () => {
  expect(grantedShares(onBoth)).toEqual([
    { fsName: undefined, group: 'g', name: 'one', path: one.path, level: 'rw' },
    { fsName: undefined, group: 'g', name: 'two', path: two.path, level: 'r' },
  ]);
  expect(grantedShares({ mon: 'allow r' })).toEqual([]);
});

describe('an id exceeds what authorizing it gives', () => {
  const cases: readonly (readonly [what: string, caps: Caps, exceeds: boolean])[] = [
    ['one share', onOne, false],
    ['two shares', onBoth, false],
    ['spaces behind commas', { ...onBoth, mds: `${mdsOne}, ${mdsTwo}` }, false],
    ['a share with its file system named', { ...onOne, mds: 'allow rw fsname=vol path=/volumes/g/one/uuid-1' }, false],
    ['no capability of the monitor', { mds: mdsOne, osd: osdOne }, false],
    ['no capabilities at all', {}, false],
    ['all of the file system', { ...onOne, mds: 'allow rw' }, true],
    ['a path outside of the volumes', { ...onOne, mds: `${mdsOne},allow rw path=/home` }, true],
    ['a whole group', { ...onOne, mds: 'allow rw path=/volumes/g' }, true],
    ['a whole pool', { ...onOne, osd: `${osdOne},allow rw pool=data` }, true],
    ['everything', { mds: 'allow *', mon: 'allow *', osd: 'allow *' }, true],
    ['more of the monitor', { ...onOne, mon: 'allow rw' }, true],
    ['the manager', { ...onOne, mgr: 'allow r' }, true],
    ['all namespaces that begin alike', { ...onOne, osd: 'allow rw pool=data namespace=fsvolumens_*' }, true],
    ['all file systems', { ...onOne, mds: 'allow rw fsname=* path=/volumes/g/one/uuid-1' }, true],
    ['a profile behind a semicolon', { ...onOne, osd: `${osdOne};profile=rbd` }, true],
    ['the parent of a share', { ...onOne, mds: 'allow rw path=/volumes/g/one/..' }, true],
    ['snapshots', { ...onOne, mds: 'allow rwps path=/volumes/g/one/uuid-1' }, true],
  ];
  test.each(cases)('%s', (_, caps, exceeds) => {
    expect(exceedsShares(caps)).toBe(exceeds);
  });
});

describe('the capabilities with access to a share', () => {
  const cases: readonly (readonly [what: string, from: Caps, level: 'r' | 'rw', to: Caps])[] = [
    ['of an id that has it already', onOne, 'rw', onOne],
    ['of an id without any', {}, 'rw', onOne],
    ['with the capability of the monitor missing', { mds: mdsOne, osd: osdOne }, 'rw', onOne],
    ['with that of the pool missing', { mds: mdsOne, mon: 'allow r' }, 'rw', onOne],
    ['with that of the path missing', { osd: osdOne, mon: 'allow r' }, 'rw', onOne],
    ['at another level', { ...onOne, mds: mdsOne.replace('rw', 'r') }, 'rw', onOne],
    ['at two levels', { ...onOne, mds: `${mdsOne.replace('rw', 'r')},${mdsOne}` }, 'rw', onOne],
    ['twice', { ...onOne, osd: `${osdOne},${osdOne}` }, 'rw', onOne],
  ];
  test.each(cases)('%s', (_, from, level, to) => {
    expect(capsWith(from, one, level)).toEqual(to);
  });

  test('keep what is for other shares, in its place', () => {
    expect(capsWith(onBoth, two, 'r')).toEqual(onBoth);
    expect(capsWith(onBoth, one, 'r')).toEqual({
      mds: `allow r path=${one.path},${mdsTwo}`,
      mon: 'allow r',
      osd: `allow r pool=data namespace=fsvolumens_one,${osdTwo}`,
    });
  });
});

test('a file system that is named stays named', () => {
  const named = { ...onOne, mds: 'allow rw fsname=vol path=/volumes/g/one/uuid-1' };
  expect(capsWith(named, one, 'rw')).toEqual(named);
  expect(capsWith(named, one, 'r').mds).toBe('allow r path=/volumes/g/one/uuid-1');
  expect(capsWithout({ ...named, mds: `${named.mds},${mdsTwo}` }, one)?.mds).toBe(mdsTwo);
});

describe('the capabilities without access to a share', () => {
  test('keep what is for others, and give the monitor back', () => {
    const { mon: _, ...without } = onBoth;
    expect(capsWithout(without, one)).toEqual({ mds: mdsTwo, mon: 'allow r', osd: osdTwo });
  });
  test('are none when it was the last share', () => {
    expect(capsWithout(onOne, one)).toBeUndefined();
    expect(capsWithout({ osd: osdOne }, one)).toBeUndefined();
  });
  test('are not none for an id that someone gave more', () => {
    expect(capsWithout({ ...onOne, mgr: 'allow r' }, one)).toEqual({ mgr: 'allow r', mon: 'allow r' });
  });
});

test('an id is recognised to have access by its path or by its pool alone', () => {
  expect(grantsShare(onOne, one)).toBe(true);
  expect(grantsShare({ osd: osdOne }, one)).toBe(true);
  expect(grantsShare({ mds: `${mdsTwo},${mdsOne}` }, one)).toBe(true);
  expect(grantsShare(onOne, two)).toBe(false);
  expect(grantsShare({ mds: `${mdsOne}0` }, one)).toBe(false);
});

describe('a grant on another file system', () => {
  const elsewhere: Caps = { mds: 'allow rw fsname=other path=/volumes/g/one/uuid-1', mon: 'allow r' };
  const both = { ...onOne, mds: `${elsewhere.mds},${mdsOne}` };

  test('is reported with its name', () => {
    const found = grantedShares({ mds: `${elsewhere.mds},allow r fsname=vol path=/volumes/g/one/uuid-1` });
    expect(found.map(({ fsName, level }) => [fsName, level])).toEqual([
      ['other', 'rw'],
      ['vol', 'r'],
    ]);
  });
  test('gives no access to the share of the same path', () => {
    expect(grantsShare(elsewhere, one)).toBe(false);
    expect(grantedLevel(elsewhere, one)).toBeUndefined();
    expect(grantedLevel({ mds: `${elsewhere.mds},${mdsOne.replace('rw', 'r')}` }, one)).toBe('r');
    expect(lostTarget(elsewhere, { fsName: 'vol', group: 'g', name: 'one' })).toBeUndefined();
    expect(lostTarget(elsewhere, { fsName: 'other', group: 'g', name: 'one' })?.path).toBe(one.path);
  });
  test('stays when access to the share is given and taken', () => {
    expect(capsWith(elsewhere, one, 'rw')).toEqual({ ...onOne, mds: `${elsewhere.mds},${mdsOne}` });
    expect(capsWith(both, one, 'r').mds).toBe(`${elsewhere.mds},${mdsOne.replace('rw', 'r')}`);
    expect(capsWithout(both, one)).toEqual(elsewhere);
  });
});

test('the order of the daemons does not matter', () => {
  expect(sameCaps({ mds: 'a', mon: 'b' }, { mon: 'b', mds: 'a' })).toBe(true);
  expect(sameCaps({ mds: 'a', mon: 'b' }, { mds: 'a' })).toBe(false);
});

describe('a subvolume that is gone is found in capabilities by its name', () => {
  const cases: readonly (readonly [what: string, caps: Caps, target: CapsTarget | undefined])[] = [
    ['in all of them', onBoth, two],
    ['where that of the pool is missing', { ...onBoth, osd: osdOne }, { ...two, dataPool: '', poolNamespace: '' }],
    ['where that of the path is missing', { ...onBoth, mds: mdsOne }, { ...two, path: '' }],
    ['and nowhere else', onOne, undefined],
    ['nor in another group', { ...onOne, mds: mdsTwo.replace('/g/', '/other/') }, undefined],
  ];
  test.each(cases)('%s', (_, caps, target) => {
    expect(lostTarget(caps, { fsName: 'vol', group: 'g', name: 'two' })).toEqual(target);
    const left = target === undefined ? caps : capsWithout(caps, target);
    expect(left).toEqual(target === undefined ? caps : onOne);
  });
});
