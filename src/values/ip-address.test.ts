import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatAddress, parseAddress, parseNetwork, parseRange } from './ip-address.ts';

const write = (text: string): string | undefined => {
  const address = parseAddress(text);
  return address && formatAddress(address);
};

describe('an address', () => {
  it.each([
    ['10.0.0.1', '10.0.0.1'],
    ['0.0.0.0', '0.0.0.0'],
    ['255.255.255.255', '255.255.255.255'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:0db8::0001', '2001:db8::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
  ])('%s is written %s', (text, canonical) => {
    expect(write(text)).toBe(canonical);
  });

  it.each([
    '',
    '1',
    '1.2',
    '1.2.3',
    '1.2.3.260',
    '1.2.3.*',
    '1.2.3.04',
    '010.0.0.1',
    '0x10.0.0.1',
    '1.2.3.4.5',
    ' 1.2.3.4',
    '1.2.3.4 ',
    '1.2.3.4\n',
    '1.2.3.4/32',
    '-1.2.3.4',
    '1.2.3.-4',
    'host',
    'fe80::1%eth0',
    'fe80::1%1',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '12345::',
    '::ffff:10.0.0.1',
    '::ffff:a00:1',
    '::10.0.0.256',
    '[::1]',
    '１.2.3.4',
  ])('%j is refused', (text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it('survives being written and read', () => {
    const v4 = fc.bigInt({ min: 0n, max: 2n ** 32n - 1n }).map((value) => ({ family: 4, value }) as const);
    // Not the IPv4-mapped block, which is refused.
    const v6 = fc.bigInt({ min: 2n ** 48n, max: 2n ** 128n - 1n }).map((value) => ({ family: 6, value }) as const);
    fc.assert(
      fc.property(fc.oneof(v4, v6), (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
    );
  });
});

describe('a network', () => {
  it.each([
    ['10.0.0.0/24', 24, false],
    ['10.0.0.1/24', 24, true],
    ['10.0.0.1/32', 32, false],
    ['0.0.0.0/0', 0, false],
    ['2001:db8::/32', 32, false],
    ['2001:db8::1/64', 64, true],
    ['::/0', 0, false],
  ])('%s has a prefix of %d bits and host bits: %s', (text, prefixLength, hostBits) => {
    expect(parseNetwork(text)).toMatchObject({ prefixLength, hostBits });
  });

  it('knows its first and last address', () => {
    expect(parseNetwork('10.0.1.77/24')).toMatchObject({ first: 0x0a000100n, last: 0x0a0001ffn });
    expect(parseNetwork('::/0')).toMatchObject({ first: 0n, last: 2n ** 128n - 1n });
  });

  it.each([
    '',
    '10.0.0.0',
    '10.0.0.0/',
    '/24',
    '10.0.0.0/33',
    '10.0.0.0/024',
    '10.0.0.0/-1',
    '10.0.0.0/+8',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10.0.0/8',
    '::/129',
    'fe80::%eth0/64',
    '10.0.0.0/1e1',
    '10.0.0.0/99999999999999999999',
  ])('%j is refused', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });
});

describe('a range', () => {
  it('is two addresses or a network', () => {
    expect(parseRange('10.0.0.5-10.0.0.9')).toEqual({ family: 4, first: 0x0a000005n, last: 0x0a000009n });
    expect(parseRange('10.0.0.0/30')).toMatchObject({ first: 0x0a000000n, last: 0x0a000003n });
    expect(parseRange('::5-::9')).toEqual({ family: 6, first: 5n, last: 9n });
  });

  it.each([
    '',
    '10.0.0.1',
    '10.0.0.1-',
    '-10.0.0.1',
    '10.0.0.1-::1',
    '10.0.0.1-10.0.0.2-10.0.0.3',
    '10.0.0.1/30',
    '10.0.0.1 - 10.0.0.2',
    '10.0.0.1-5',
  ])('%j is refused', (text) => {
    expect(parseRange(text)).toBeUndefined();
  });
});
