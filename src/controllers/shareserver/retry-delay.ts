import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import { requestToken } from '../../cluster-state/requests.ts';
import type { ServerScope } from './scope.ts';
import { type PassedService, passServices, recordedNames } from './services.ts';

const firstRetryMs = 5000;
export const lastRetryMs = 300_000;

/**
 * Milliseconds until a failed setup is tried again; 0 if a service, its password or a request differs from the last attempt. The pause
 * grows with the time already spent, which needs no counter and survives restarts.
 */
export function retryDelayMs(scope: ServerScope): number {
  const { operator, server } = scope;
  const { lastError, operation, attempted = [], setupRequests } = server.status ?? {};
  if (lastError === undefined) return 0;
  const requests = requestsOf(scope);
  if (requests !== undefined && requests !== setupRequests) return 0;
  if (!sameServices(operator, attempted, passServices(scope))) return 0;
  const failedAt = Date.parse(lastError.time);
  const spent = failedAt - Date.parse(operation?.startedTime ?? lastError.time);
  const pause = Math.min(lastRetryMs, Math.max(firstRetryMs, spent));
  return Math.max(0, failedAt + pause - operator.clock.now());
}

/** Whether another attempt would pass the same services as the last one. */
function sameServices(
  { installation }: ServerScope['operator'],
  attempted: readonly AppliedSecurityService[],
  present: readonly PassedService[],
): boolean {
  return (
    attempted.length === present.length &&
    present.every(({ applied: { generation: _, credentialsVersion, ...service } }) =>
      attempted.some(
        ({ generation: __, credentialsVersion: before, ...other }) =>
          isDeepStrictEqual(other, service) && !installation.differs(before, credentialsVersion),
      ),
    )
  );
}

/**
 * Digest of the requests on the network, its services and the shares that wait for the server; undefined if there are none. Whoever makes
 * them may not be allowed to annotate the server.
 */
export function requestsOf({ view, network, shares }: ServerScope): string | undefined {
  const requests = [network, ...recordedNames(network).map(view.service), ...shares].flatMap((object) =>
    [labels.reapplyRequestedAt, labels.reconcileRequestedAt].flatMap((annotation) => {
      const token = object && requestToken(object, annotation);
      return token === undefined ? [] : [`${object?.metadata.uid} ${annotation} ${token}`];
    }),
  );
  return requests.length === 0
    ? undefined
    : createHash('sha256').update(requests.sort().join('\n')).digest('hex').slice(0, 16);
}
