import { redact } from '../../values/safe-text.ts';

/**
 * Fields of results whose texts are for people. Others are the driver's data, which it gets back unchanged: a password that happens
 * to be part of a path must not change it.
 */
const shownFields: ReadonlySet<string> = new Set(['reason', 'message', 'text']);

/** The same result without the known secrets in its texts for people: warnings, reasons, impact. */
export function presentableResult<R>(result: R, secrets: readonly string[]): R {
  // Every value keeps its type: texts are replaced by texts.
  return secrets.length === 0 ? result : (redacted(result, secrets) as R);
}

function redacted(value: unknown, secrets: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((entry) => redacted(entry, secrets));
  if (value instanceof Map) return new Map([...value].map(([key, entry]) => [key, redacted(entry, secrets)]));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      typeof entry === 'string' && shownFields.has(key) ? redact(entry, secrets) : redacted(entry, secrets),
    ]),
  );
}
