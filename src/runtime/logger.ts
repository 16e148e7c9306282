import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/** The least of what is logged; `silent`: nothing. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface CreateLoggerOptions {
  readonly level: LogLevel;
  /** `json`: one object a line with `level`, `time` (RFC 3339) and `msg`; `pretty`: for people at a terminal. */
  readonly format: 'json' | 'pretty';
  /** Where the lines go; standard error when absent. */
  readonly destination?: DestinationStream;
}

/** Creates the process' logger. Errors are logged under `err`. */
export function createLogger(options: CreateLoggerOptions): Logger {
  const config: LoggerOptions = {
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  if (options.format === 'pretty') {
    // In this thread, not as a pino transport: a worker thread would lose the last lines before an exit.
    return pino(config, pretty({ sync: true, destination: options.destination ?? 2, singleLine: true }));
  }
  return pino(config, options.destination ?? pino.destination({ dest: 2, sync: true }));
}
