import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { InProgress } from '../../errors.ts';
import { type Call, loggedArguments } from './call.ts';

/** Writes down every call, when it starts and when it ends. */
export interface CallLog {
  start(call: Call): void;
  succeeded(call: Call): void;
  /** `result` is `error`; absent when the work continues ({@link InProgress}). */
  failed(call: Call, error: unknown): void;
}

/** A log that keeps nothing. */
export const noCallLog: CallLog = { start() {}, succeeded() {}, failed() {} };

/**
 * Appends to `calls.jsonl` in a directory, one object a line. Each line is one append, so that several backends and processes
 * may share the file.
 */
export function fileCallLog(directory: string, backend: string, now: () => Date): CallLog {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'calls.jsonl');
  const append = (call: Call, event: 'start' | 'end', outcome: object): void => {
    const { operation, request, context } = call;
    const line = {
      time: now().toISOString(),
      backend,
      operation,
      event,
      namespace: context.tenant?.namespace,
      shareServer: request.server?.name,
      share: request.share?.name,
      ...outcome,
      args: loggedArguments(call),
    };
    appendFileSync(path, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  };
  return {
    start: (call) => append(call, 'start', {}),
    succeeded: (call) => append(call, 'end', { result: 'ok' }),
    failed: (call, error) => {
      if (error instanceof InProgress) append(call, 'end', { message: `InProgress: ${error.message}` });
      else append(call, 'end', { result: 'error', message: error instanceof Error ? error.message : String(error) });
    },
  };
}
