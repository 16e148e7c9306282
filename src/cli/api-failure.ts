import { ApiError } from '../runtime/api-error.ts';

/** What the API server answers, in one line for the person who asked: its own words, and the right that is missing. */
export function explainFailure(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error);
  const { status, reason, explanation } = error;
  switch (status) {
    case 0:
      return `no answer from the API server: ${explanation ?? reason}`;
    case 401:
      return 'the API server does not accept your credentials (401 Unauthorized)';
    case 403:
      return `${explanation ?? 'forbidden'}${rightNeeded(explanation ?? '')}`;
    case 404:
      return explanation ?? "the API server does not serve this kind: are Sharenet's CRDs applied?";
    default:
      return explanation ?? `the API server answers ${status} ${reason}`;
  }
}

/** Only RBAC says it in these words; an admission plug-in that refuses has reasons of its own. */
function rightNeeded(explanation: string): string {
  const found = /cannot (\w+) resource "([^"]+)"/.exec(explanation);
  if (found === null) return '';
  const [, verb = '', resource = ''] = found;
  const forAdministrators = verb === 'patch' && /^(?:shareservers|sharenetworks\/status)/.test(resource);
  const role = forAdministrators ? ', as ClusterRole sharenet-storage-admin has it' : '';
  return `; needed: the right to ${verb} ${resource}${role}`;
}
