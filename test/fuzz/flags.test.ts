import fc from 'fast-check';
import { expect } from 'vitest';
import { ConfigError, readConfig } from '../../src/process/config.ts';
import { fuzz } from './fuzz.ts';

const invocation = readConfig([], {});
const flags = invocation.kind === 'run' ? Object.keys(invocation.config) : [];
const value = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.constantFrom('true', 'false', '0', '-1', '1e9', ':80', '[::1]:80', 'NaN', '__proto__', 'a,b', '/'),
);
const argument = fc.oneof(
  fc.tuple(fc.constantFrom(...flags), value).map(([flag, text]) => `--${flag}=${text}`),
  fc.constantFrom(...flags).map((flag) => `--${flag}`),
  value,
);

fuzz('flags', 'are read, or refused in one line', fc.array(argument, { maxLength: 4 }), (args) => {
  try {
    const read = readConfig(args, {});
    if (read.kind === 'run') expect(Object.keys(read.config).sort()).toEqual([...flags].sort());
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    expect(String((error as ConfigError).message)).toMatch(/^[^\n]{1,400}$/);
  }
});
