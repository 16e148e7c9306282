/** One entry of `Status.details.causes`. */
export interface StatusCause {
  readonly field?: string;
  readonly reason?: string;
  readonly message?: string;
}

export interface ApiErrorInit {
  readonly method: string;
  /** Path without the query. */
  readonly path: string;
  /** HTTP status, 0 when no answer came. */
  readonly status: number;
  readonly reason: string;
  /** What the server said (`Status.message`), never a body. */
  readonly message?: string | undefined;
  readonly retryAfterSeconds?: number | undefined;
  readonly causes?: readonly StatusCause[] | undefined;
}

/**
 * A request to the API server that failed. Its message holds method, path and `Status.message` only: a body or a header could
 * carry a secret. For Secrets not even the server's message is kept, since a validation message can quote the data.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** HTTP status; 0 when no answer came (network, timeout). */
  readonly status: number;
  /** `Status.reason`, or `ConnectionFailed`, `Timeout`, `InvalidResponse`, `WriteRefused`. */
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;
  readonly causes: readonly StatusCause[];
  readonly #explanation: string | undefined;

  constructor(init: ApiErrorInit) {
    const answer = init.status === 0 ? init.reason : `${init.status} ${init.reason}`;
    super(`${init.method} ${init.path}: ${answer}${init.message ? `: ${init.message}` : ''}`);
    this.status = init.status;
    this.reason = init.reason;
    this.retryAfterSeconds = init.retryAfterSeconds;
    this.causes = init.causes ?? [];
    this.#explanation = init.message;
  }

  /** What the server said, or what is known where no answer came; never of Secrets. Not a property: logs have it in the message. */
  get explanation(): string | undefined {
    return this.#explanation;
  }
}

interface StatusBody {
  readonly reason?: unknown;
  readonly message?: unknown;
  readonly code?: unknown;
  readonly details?: { readonly retryAfterSeconds?: unknown; readonly causes?: unknown };
}

const text = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

function causesOf(value: unknown): StatusCause[] {
  if (!Array.isArray(value)) return [];
  return value.map((entry: Record<string, unknown> | null) => {
    const field = text(entry?.field);
    const reason = text(entry?.reason);
    const message = text(entry?.message);
    return { ...(field && { field }), ...(reason && { reason }), ...(message && { message }) };
  });
}

/** Reads a `metav1.Status` (parsed, of unknown shape) into an error; `sensitive` keeps nothing beyond the reason and cause reasons. */
export function errorFromStatus(
  request: { readonly method: string; readonly path: string; readonly sensitive?: boolean },
  status: number,
  body: unknown,
  retryAfterHeader?: string,
): ApiError {
  const parsed: StatusBody = typeof body === 'object' && body !== null ? body : {};
  const code = status === 0 && typeof parsed.code === 'number' ? parsed.code : status;
  const fromBody = parsed.details?.retryAfterSeconds;
  const retryAfter = retryAfterHeader === undefined ? fromBody : Number.parseInt(retryAfterHeader, 10);
  const causes = causesOf(parsed.details?.causes);
  return new ApiError({
    method: request.method,
    path: request.path,
    status: code,
    reason: text(parsed.reason) ?? `HTTP${code}`,
    message: request.sensitive ? undefined : text(parsed.message),
    retryAfterSeconds: typeof retryAfter === 'number' && retryAfter >= 0 ? retryAfter : undefined,
    causes: request.sensitive ? causes.map(({ reason }) => (reason ? { reason } : {})) : causes,
  });
}

const hasStatus = (error: unknown, status: number): error is ApiError =>
  error instanceof ApiError && error.status === status;

/** 404: the object, or its whole kind, does not exist. */
export function isNotFound(error: unknown): boolean {
  return hasStatus(error, 404);
}

/** 409 because of the resourceVersion or a precondition. */
export function isConflict(error: unknown): boolean {
  return hasStatus(error, 409) && error.reason === 'Conflict';
}

/** 409 because the name is taken. */
export function isAlreadyExists(error: unknown): boolean {
  return hasStatus(error, 409) && error.reason === 'AlreadyExists';
}

/** 422: the object breaks a rule of its schema. */
export function isInvalid(error: unknown): boolean {
  return hasStatus(error, 422);
}

/** 403, by RBAC, admission or a terminating namespace. */
export function isForbidden(error: unknown): boolean {
  return hasStatus(error, 403);
}

/** 403 because the namespace is being deleted: nothing can be created there any more. */
export function isNamespaceTerminating(error: unknown): boolean {
  return hasStatus(error, 403) && error.causes.some((cause) => cause.reason === 'NamespaceTerminating');
}

/** 410, or an expired continue token or watch position: the list must be read anew. */
export function isExpired(error: unknown): boolean {
  return hasStatus(error, 410) || (error instanceof ApiError && error.reason === 'Expired');
}
