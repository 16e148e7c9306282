import { apiGroup, shareServers } from '../api/v1alpha1/resource-types.ts';
import { probeVerdict } from './admission-probe.ts';
import type { AdmissionAnswer, AdmissionRequest } from './admission-review.ts';
import { deletionWarning } from './deletion-warning.ts';
import { statusResetAnnotation, statusResetNote } from './status-reset.ts';
import type { AdmissionState, Validator } from './validator.ts';
import { allowed, type Verdict } from './verdict.ts';

type WriteRequest = Extract<AdmissionRequest, { operation: 'CREATE' | 'UPDATE' }>;

export interface WriteReviewOptions {
  readonly validators: readonly Validator[];
  readonly state: AdmissionState;
  /** Namespaces that the operator works in; all when absent. */
  readonly watchNamespaces?: readonly string[] | undefined;
  /** The name that the API server knows the operator by; empty while it is not known. */
  readonly operatorUser: () => string;
}

/**
 * Answers one question of the API server from what is known, without waiting.
 * @throws what a validator throws
 */
export function reviewWrite(request: AdmissionRequest, options: WriteReviewOptions): AdmissionAnswer {
  if (request.resource.group !== apiGroup) return { verdict: allowed };
  if (request.operation !== 'CREATE' && request.operation !== 'UPDATE') {
    const warning = deletionWarning(request, options.state);
    return { verdict: warning === undefined ? allowed : { allowed: true, warnings: [warning] } };
  }
  if (request.subResource !== undefined && request.subResource !== '') {
    const note = statusResetNote(request, options.operatorUser());
    return note === undefined
      ? { verdict: allowed }
      : { verdict: allowed, auditAnnotations: { [statusResetAnnotation]: note } };
  }
  const probe = request.resource.resource === shareServers.plural ? probeVerdict(request.object) : undefined;
  if (probe !== undefined) return { verdict: probe };
  const { namespace } = request;
  // Of other namespaces nothing is in the caches: what is judged on nothing would be refused wrongly.
  const isWatched = !namespace || options.watchNamespaces === undefined || options.watchNamespaces.includes(namespace);
  return { verdict: isWatched ? judge(request, options) : allowed };
}

/** The first refusal, or all warnings. */
function judge(request: WriteRequest, { validators, state }: WriteReviewOptions): Verdict {
  const { operation, object, dryRun = false } = request;
  const write =
    operation === 'UPDATE'
      ? { operation, object, dryRun, oldObject: request.oldObject }
      : { operation, object, dryRun };
  const warnings: string[] = [];
  for (const validator of validators) {
    if (validator.type.plural !== request.resource.resource) continue;
    const verdict = validator.validate(write, state);
    if (!verdict.allowed) return verdict;
    warnings.push(...(verdict.warnings ?? []));
  }
  return warnings.length === 0 ? allowed : { allowed: true, warnings };
}
