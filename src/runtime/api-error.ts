import type { ObjectName } from './kube-object.ts';

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
 * carry a secret. In what the server says of a Secret the data that was sent is redacted, since an answer can quote it.
 */
export class ApiError extends Error {
  override readonly name: string = 'ApiError';
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

  /** What the server said, or what is known where no answer came. Not a property: logs have it in the message. */
  get explanation(): string | undefined {
    return this.#explanation;
  }
}

/** What a write was about. */
export interface WriteAttempt {
  /** Kubernetes verb: create, update, patch, delete. */
  readonly verb: string;
  readonly kind: string;
  readonly subresource: string | undefined;
  readonly object: ObjectName;
}

/**
 * A write that the API server refused: an admission policy, a quota, missing rights or validation. The same write is refused again
 * until a person changes something; unlike a conflict, which a fresh read cures, and an outage, which passes.
 */
export class RefusedWrite extends ApiError {
  override readonly name: string = 'RefusedWrite';
  readonly write: WriteAttempt;
  readonly #tryAgain: () => Promise<unknown>;

  /** @param tryAgain sends the same write as a dry run */
  constructor(init: ApiErrorInit, write: WriteAttempt, tryAgain: () => Promise<unknown>) {
    super(init);
    this.write = write;
    this.#tryAgain = tryAgain;
  }

  /**
   * Asks the API server, by a dry run, whether it still refuses the write.
   * @throws RefusedWrite while it does; any other failure says that it no longer does, or that it is unknown
   */
  async tryAgain(): Promise<void> {
    await this.#tryAgain();
  }
}

/** Statuses that say what is wrong with a request; not those that another attempt, a fresh read or new credentials cure. */
const refusals: ReadonlySet<number> = new Set([400, 402, 403, 405, 406, 411, 413, 414, 415, 422, 451]);

/**
 * Whether the server refused a write for what it is, by its answer. A webhook chooses the status of its refusal itself, and one that
 * does not answer, like an object too large for etcd, yields 500.
 */
export function isRefusal({ status, explanation = '' }: ApiError): boolean {
  if (status < 400) return false;
  if (refusals.has(status)) return true;
  return /^admission webhook ".*" denied the request|failed (calling|to call) webhook|request is too large/s.test(
    explanation,
  );
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

/** Reads a `metav1.Status` (parsed, of unknown shape) into an error; `sensitive` are texts that must not show in it. */
export function errorFromStatus(
  request: { readonly method: string; readonly path: string; readonly sensitive?: readonly string[] },
  status: number,
  body: unknown,
  retryAfterHeader?: string,
): ApiError {
  const parsed: StatusBody = typeof body === 'object' && body !== null ? body : {};
  const code = status === 0 && typeof parsed.code === 'number' ? parsed.code : status;
  const fromBody = parsed.details?.retryAfterSeconds;
  const retryAfter = retryAfterHeader === undefined ? fromBody : Number.parseInt(retryAfterHeader, 10);
  const shown = (said: unknown): string | undefined => text(redacted(said, request.sensitive ?? []));
  const causes = causesOf(parsed.details?.causes).map((cause) => {
    const message = shown(cause.message);
    return { ...cause, ...(message && { message }) };
  });
  return new ApiError({
    method: request.method,
    path: request.path,
    status: code,
    reason: text(parsed.reason) ?? `HTTP${code}`,
    message: shown(parsed.message),
    retryAfterSeconds: typeof retryAfter === 'number' && retryAfter >= 0 ? retryAfter : undefined,
    causes,
  });
}

/** What the server says without the texts. The longest first: one within a longer one must not leave the rest of that. */
function redacted(said: unknown, texts: readonly string[]): unknown {
  if (typeof said !== 'string') return said;
  const longestFirst = [...new Set(texts)].filter((one) => one.length >= 4).sort((a, b) => b.length - a.length);
  return longestFirst.reduce((result, one) => result.replaceAll(one, '[redacted]'), said);
}

const hasStatus = (error: unknown, status: number): error is ApiError =>
  error instanceof ApiError && error.status === status;

/** The status is the server's own, not one that a webhook chose for its refusal. */
const answered = (error: unknown, status: number): error is ApiError =>
  hasStatus(error, status) && !(error instanceof RefusedWrite);

/** 404: the object, or its whole kind, does not exist. */
export function isNotFound(error: unknown): boolean {
  return answered(error, 404);
}

/** 409 because of the resourceVersion or a precondition. */
export function isConflict(error: unknown): boolean {
  return answered(error, 409) && error.reason === 'Conflict';
}

/** 409 because the name is taken. */
export function isAlreadyExists(error: unknown): boolean {
  return answered(error, 409) && error.reason === 'AlreadyExists';
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

/** 410, or an expired continue token or watch position: the list must be read again. */
export function isExpired(error: unknown): boolean {
  return hasStatus(error, 410) || (error instanceof ApiError && error.reason === 'Expired');
}
