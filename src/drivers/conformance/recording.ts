import { setTimeout as wait } from 'node:timers/promises';
import type { Driver, DriverLogger } from '../driver.ts';
import { DriverError, InProgress } from '../errors.ts';
import type { ConformanceFixture } from './fixture.ts';

/** Everything that left a driver during a case. */
export interface Recording {
  /** Log lines, errors and answers without the fields that are meant to hold secrets. */
  readonly texts: string[];
  /** Access keys and backend secrets that the driver answered. */
  readonly secrets: Set<string>;
  /** Thrown values that are neither a DriverError nor InProgress, by method. */
  readonly strangeErrors: string[];
  /** How many calls were answered with InProgress. */
  inProgress: number;
}

/** An empty recording. */
export function newRecording(): Recording {
  return { texts: [], secrets: new Set(), strangeErrors: [], inProgress: 0 };
}

/** Secrets that the driver got from the fixture, and those that it made so far. */
export function secretsOf(
  { securityServices, secrets = [] }: ConformanceFixture,
  recording: Recording,
): readonly string[] {
  const services = securityServices === undefined ? [] : [...securityServices.initial, securityServices.next];
  const passwords = services.flatMap(({ password }) => password ?? []);
  return [...recording.secrets, ...passwords, ...secrets].filter((secret) => secret !== '');
}

/** A logger that writes into the recording. */
export function recordingLogger(recording: Recording): DriverLogger {
  const write = (fields: object, text: string): void => void recording.texts.push(`log: ${text} ${textOf(fields)}`);
  return { debug: write, info: write, warn: write, error: write };
}

/** The driver, with all its answers and errors recorded, and with InProgress followed until the work is done. */
export function recordedDriver(driver: Driver, recording: Recording): Driver {
  return new Proxy(driver, {
    get: (target, property) => {
      const method: unknown = Reflect.get(target, property);
      if (typeof method !== 'function') return method;
      const invoke = (...args: unknown[]): unknown => Reflect.apply(method, target, args);
      return property === 'close' ? invoke : recordCall(String(property), invoke, recording);
    },
  });
}

function recordCall(
  name: string,
  invoke: (...args: unknown[]) => unknown,
  recording: Recording,
): (...args: unknown[]) => Promise<unknown> {
  return async (...args) => {
    for (let next = args; ; ) {
      try {
        const answer = await invoke(...next);
        collectSecrets(answer, recording.secrets);
        recording.texts.push(`answer of ${name}: ${textOf(answer)}`);
        return answer;
      } catch (error) {
        recording.texts.push(`error of ${name}: ${errorText(error)}`);
        if (!(error instanceof InProgress)) {
          if (!(error instanceof DriverError)) recording.strangeErrors.push(`${name}: ${errorText(error)}`);
          throw error;
        }
        recording.inProgress += 1;
        const [request, context] = next;
        if (!isContext(context)) throw error;
        context.signal.throwIfAborted();
        await wait(error.pollAfter * 1000);
        next = [request, { ...context, operation: { ...context.operation, token: error.token } }];
      }
    }
  };
}

function isContext(value: unknown): value is { operation: object; signal: AbortSignal } {
  return typeof value === 'object' && value !== null && 'operation' in value && 'signal' in value;
}

function collectSecrets(value: unknown, secrets: Set<string>): void {
  if (value instanceof Map) for (const member of value.values()) collectSecrets(member, secrets);
  if (typeof value !== 'object' || value === null) return;
  for (const [name, member] of Object.entries(value)) {
    if (name === 'accessKey' && typeof member === 'string') secrets.add(member);
    else if (name === 'backendSecrets' && typeof member === 'object' && member !== null) {
      for (const secret of Object.values(member)) if (typeof secret === 'string') secrets.add(secret);
    } else collectSecrets(member, secrets);
  }
}

/** JSON of an answer without what may hold secrets; maps become objects. */
function textOf(value: unknown): string {
  const text = JSON.stringify(value, (name, member: unknown) => {
    if (name === 'accessKey' || name === 'backendSecrets') return undefined;
    if (member instanceof Map) return Object.fromEntries(member);
    return member instanceof Error ? errorText(member) : member;
  });
  return text ?? String(value);
}

function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : ` caused by ${errorText(error.cause)}`;
  return `${error.name}: ${error.message} ${textOf({ ...error })}${cause}`;
}
