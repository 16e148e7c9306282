import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../values/duration.ts';

const longestMs = 86_400_000;

/**
 * Reads a duration flag; a number without a unit is in seconds, as for kubectl.
 * @returns milliseconds
 * @throws InvalidArgumentError
 */
export function durationFlag(text: string): number {
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : parseDuration(text);
  if (ms !== undefined && ms <= longestMs) return Math.ceil(ms);
  throw new InvalidArgumentError('It must be a duration of at most 24h, for example 10s or 1m.');
}
