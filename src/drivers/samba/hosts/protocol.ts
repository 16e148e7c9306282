import { z } from 'zod';
import { redact, safeReason, safeText } from '../../../values/safe-text.ts';
import { DriverError } from '../../errors.ts';
import { checkAnswer, jsonOf } from '../../kit/answers.ts';
import type { CommandResult } from '../ssh/connection.ts';
import { hostError } from '../ssh/errors.ts';
import { failuresByExitCode } from '../ssh/failures.ts';
import { detailsSchema } from './results.ts';

/** Version of what is spoken with the program on the hosts. */
export const protocolVersion = 1;

/** What the program on the hosts can be asked. */
export type Verb =
  | 'describe-host'
  | 'begin'
  | 'list'
  | 'create'
  | 'describe'
  | 'start'
  | 'remove'
  | 'check'
  | 'update-security-service'
  | 'share-add'
  | 'share-resize'
  | 'share-describe'
  | 'share-remove'
  | 'access-set';

const text = z.string();
const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({
    ok: z.literal(false),
    error: z.object({
      kind: z.enum(['Unavailable', 'Rejected', 'NotFound', 'Internal']),
      reason: text,
      message: text,
      detail: text.nullish(),
      credentialsRefused: z.boolean().nullish(),
      retryAfterSeconds: z.number().nullish(),
      partial: z.object({ details: detailsSchema.optional() }).nullish(),
    }),
  }),
]);

/** What an answer is judged by. */
export interface Question {
  readonly hostName: string;
  readonly verb: Verb;
  /** What must not show in an error, whatever the host says. */
  readonly secrets: readonly string[];
  /** The security service that the program logs in with. */
  readonly serviceID?: string | undefined;
}

/**
 * Reads what the program on a host answered.
 * @returns the result, not yet checked
 * @throws DriverError of the kind that the program says, or when it gave no answer that can be read
 */
export function readAnswer(question: Question, result: CommandResult): unknown {
  const answer = answerSchema.safeParse(jsonOf(result.output));
  if (!answer.success) throw noAnswer(question, result);
  if (answer.data.ok) return answer.data.result;
  const { kind, reason, message, detail, retryAfterSeconds, credentialsRefused, partial } = answer.data.error;
  const refused = credentialsRefused === true && question.serviceID !== undefined;
  throw new DriverError({
    kind,
    reason: safeReason(reason, 'HostProgramFailed'),
    message: safeText(redact(message, question.secrets)),
    detail: `host ${question.hostName}, ${question.verb}: ${redact(detail ?? 'no details', question.secrets)}`,
    ...(refused ? { refusedCredentials: [question.serviceID] } : {}),
    ...(retryAfterSeconds == null ? {} : { retryAfter: retryAfterSeconds }),
    ...(partial?.details === undefined ? {} : { partial: { backendDetails: partial.details } }),
  });
}

/** Checks a result. @throws DriverError `Internal` without quoting it */
export function readResult<Schema extends z.ZodType>(
  schema: Schema,
  { hostName, verb }: Question,
  result: unknown,
): z.output<Schema> {
  return checkAnswer(schema, result, `the answer of the program on host ${hostName} to ${verb}`);
}

function noAnswer({ hostName, verb, secrets }: Question, { code, errorOutput }: CommandResult): DriverError {
  const detail = redact(errorOutput, secrets).trim();
  const known = code === undefined ? undefined : failuresByExitCode[code];
  if (known !== undefined) return hostError(known.reason, `host ${hostName} ${known.text}`, detail);
  const how = code === undefined ? 'was killed' : `ended with code ${code}`;
  // Not `Internal`, which is final: a host that is shut down kills it as well.
  return hostError('HostProgramFailed', `the program on host ${hostName} ${how} without an answer to ${verb}`, detail);
}
