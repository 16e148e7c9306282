import { driverReason } from '../../api/v1alpha1/reasons/reason.ts';
import { DriverError } from '../../drivers/errors.ts';
import { redact, safeText } from '../../values/safe-text.ts';

/**
 * The same error with texts that may be shown: without known secrets and control characters, and bounded. That includes the cause,
 * which a logger prints with its stack.
 */
export function presentable(error: DriverError, secrets: readonly string[]): DriverError {
  // A third-party driver may have been built with an older class.
  const refusedCredentials = error.refusedCredentials ?? [];
  return new DriverError({
    // Automatic retries would lock the account.
    kind: error.kind === 'Unavailable' && refusedCredentials.length > 0 ? 'Rejected' : error.kind,
    refusedCredentials,
    reason: driverReason(error.reason),
    message: safeText(redact(error.message, secrets)),
    ...(error.detail === undefined ? {} : { detail: safeText(redact(error.detail, secrets), 4096) }),
    ...(error.retryAfter === undefined ? {} : { retryAfter: error.retryAfter }),
    ...(error.partial === undefined ? {} : { partial: error.partial }),
    ...(error.cause === undefined ? {} : { cause: presentableCause(error.cause, secrets) }),
  });
}

function presentableCause(cause: unknown, secrets: readonly string[]): Error {
  const { message, stack } = cause instanceof Error ? cause : new Error(String(cause));
  const shown = new Error(redact(message, secrets));
  if (stack !== undefined) shown.stack = redact(stack, secrets);
  return shown;
}
