import { describe, expect, test } from 'vitest';
import { DriverError } from '../../errors.ts';
import { readAnswer } from '../hosts/protocol.ts';
import { loginError } from './errors.ts';
import { failuresByDisconnect, failuresByErrno, failuresByExitCode, failuresByLevel } from './failures.ts';

const host = { name: 'filer-a', address: '10.0.0.5', port: 22, user: 'root' };
const words = 'what the server said';

function failed(more: { readonly level?: string; readonly code?: string | number }, keyRefused = false): DriverError {
  return loginError(host, Object.assign(new Error(words), more), keyRefused);
}

describe('a failed connection to a host', () => {
  const cases = [
    ...Object.entries(failuresByLevel).map(([level, expected]) => ({ more: { level }, expected, shown: '' })),
    ...Object.entries(failuresByDisconnect).map(([code, expected]) => ({
      more: { code: Number(code) },
      expected,
      shown: `(SSH disconnect ${code})`,
    })),
    ...Object.entries(failuresByErrno).map(([code, expected]) => ({
      more: { level: 'client-socket', code },
      expected,
      shown: `(${code})`,
    })),
  ];

  test.each(cases)('$more is the error of the $expected.owner: $expected.reason', ({ more, expected, shown }) => {
    const error = failed(more);
    expect(error).toMatchObject({ kind: 'Unavailable', reason: expected.reason });
    expect(error.message).toContain('filer-a (10.0.0.5:22)');
    expect(error.message).toContain(shown);
    expect(error.message).not.toContain(words);
    expect(error.detail).toBe(words);
    // What an administrator has to do is said.
    if (expected.owner === 'administrator') expect(error.message).toMatch(/see docs|correct|has no host key/);
  });

  test('of all reasons that RFC 4253 knows is classified', () => {
    expect(Object.keys(failuresByDisconnect).map(Number)).toEqual(Array.from({ length: 15 }, (_, index) => index + 1));
  });

  test.each([{ code: 99 }, { code: 'ENEW', level: 'client-socket' }, { level: 'new' }, {}])(
    'of an unknown kind is an outage that shows its code: %j',
    (more) => {
      const error = failed(more);
      expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostUnreachable' });
      expect(error.message).toContain(String(more.code ?? ''));
    },
  );

  test('shows no code that is no code', () => {
    expect(failed({ code: 'secret words\n' }).message).not.toContain('secret');
  });

  test('because of its host key is reported whatever else was said', () => {
    expect(failed({ level: 'handshake' }, true).reason).toBe('HostKeyMismatch');
  });
});

describe('a program that ended without an answer', () => {
  const question = { hostName: 'filer-a', verb: 'describe', secrets: [] } as const;
  const ended = (code: number | undefined): unknown => {
    try {
      return readAnswer(question, { code, output: '', errorOutput: words });
    } catch (error) {
      return error;
    }
  };

  test.each(Object.entries(failuresByExitCode))('with code %s says what to do', (code, { reason, text }) => {
    expect(ended(Number(code))).toMatchObject({ kind: 'Unavailable', reason, message: `host filer-a ${text}` });
  });

  test.each([1, 2, 128, 137, 255, 0])('with code %i is an outage that shows it', (code) => {
    const error = ended(code);
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostProgramFailed', detail: words });
    expect(error instanceof DriverError && error.message).toContain(`ended with code ${code}`);
  });

  test('by a signal is an outage', () => {
    expect(ended(undefined)).toMatchObject({ reason: 'HostProgramFailed', message: expect.stringContaining('killed') });
  });
});
