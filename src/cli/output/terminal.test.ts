import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { processTerminal } from './terminal.ts';

describe('the terminal of the process', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  /** A standard output that is one, or is not. */
  function painted(isTTY: boolean): string {
    const stream = Object.assign(new PassThrough(), {
      isTTY,
      columns: 80,
      fd: 1 as const,
      getColorDepth: WriteStream.prototype.getColorDepth,
    });
    return processTerminal({ stdout: stream, stderr: stream } as never).paint('red', 'text');
  }

  test('has colours where it is one, and not where it is a file or NO_COLOR says so', () => {
    vi.stubEnv('FORCE_COLOR', undefined);
    vi.stubEnv('TERM', 'xterm-256color');
    vi.stubEnv('NO_COLOR', undefined);
    vi.stubEnv('NODE_DISABLE_COLORS', undefined);
    // Node takes the output of a build for one without colours.
    vi.stubEnv('CI', undefined);
    expect(painted(true)).toContain('\u001b[31m');
    expect(painted(false)).toBe('text');
    vi.stubEnv('NO_COLOR', '1');
    expect(painted(true)).toBe('text');
  });
});
