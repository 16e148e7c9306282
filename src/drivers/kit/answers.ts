import type { z } from 'zod';
import { type Failures, failures } from './failures.ts';
import type { KitReason } from './reasons.ts';

const { failure }: Failures<KitReason> = failures;

/** The value that a JSON text stands for; undefined for a text that is not JSON. The parser's own error would quote the text. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * Checks what a storage system answered.
 * @param what the answer in words, such as `the answer of host a to list`
 * @throws DriverError `Internal` that does not quote the answer: it may hold a key
 */
export function checkAnswer<Schema extends z.ZodType>(schema: Schema, answer: unknown, what: string): z.output<Schema> {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  const field = result.error.issues[0]?.path.map(String).join('.') ?? '';
  throw failure({
    kind: 'Internal',
    reason: 'UnexpectedAnswer',
    message: `${what} has a form that this version of the driver does not know`,
    detail: `first field that does not fit: ${field === '' ? '(all)' : field}`,
  });
}
