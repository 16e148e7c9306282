/** Wrong usage: exit code 2, before anything was asked of the API server. Its message is one line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What was asked for was not done, or not all of it: exit code 1. Its message is one line. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
}
