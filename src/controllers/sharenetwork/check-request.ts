import { createHash } from 'node:crypto';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { SecurityServiceCheck, SecurityServiceReference, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { parseCheckRequest } from '../../network-change/parse-check-request.ts';
import { timestamp } from '../../runtime/clock.ts';
import { safeText } from '../../values/safe-text.ts';
import { checkWithDrivers, refusedCredentialsOf } from '../network-change/check.ts';
import { decideChange } from '../network-change/guard.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';
import { done, requeueAfter, type Step } from '../reconcile/step.ts';

const maxRequestLength = 4096;
/** Pause before a driver that gave no answer is asked again, in milliseconds. */
const retryMs = 5000;

/**
 * A phase: answers the annotation `sharenet.io/check-security-services`. The guard and the drivers are asked, nothing is changed. The
 * answer is bound to the content that was judged; when that changes, the question is answered again.
 */
export async function answerCheckRequest(scope: NetworkScope): Promise<Step> {
  const request = requestOf(scope);
  if (request === undefined) return removeAnswer(scope);
  const references = parseCheckRequest(request);
  if (references === undefined) {
    return answer(scope, 'invalid', {
      compatible: false,
      reason: 'InvalidRequest',
      message: 'expected <type>=<name>[,<type>=<name>...]',
    });
  }
  const hypothetical: NetworkScope = { ...scope, network: withReferences(scope.network, references) };
  const decision = decideChange(hypothetical, scope.servers, false);
  if (decision.kind === 'refused') return reject(scope, decision.step.finding);
  if (decision.kind !== 'change') {
    return answer(scope, digestOf(decision.kind), {
      compatible: true,
      message: 'no share server would be changed',
    });
  }
  const { change } = decision;
  if (isAnswered(scope, change.digest)) return done;
  const refused = refusedCredentialsOf(scope, change);
  if (refused !== undefined) {
    const { reason, message } = refused;
    return answer(scope, change.digest, { compatible: false, reason, message });
  }
  const verdict = await scope.context.outsideWorker(() => checkWithDrivers(hypothetical, change, new Map()));
  if (verdict.kind === 'unavailable') {
    reject(scope, verdict.error);
    return requeueAfter(retryMs);
  }
  return answer(scope, change.digest, {
    compatible: verdict.kind === 'compatible',
    ...(verdict.kind === 'incompatible' ? { reason: verdict.reason, message: verdict.message } : {}),
    servers: verdict.servers.slice(0, 50),
  });
}

/**
 * Rejects a question while no change may begin, so that an earlier answer is not taken for the present one. No driver is asked.
 * @param finding why no change may begin
 */
export function rejectCheckRequest(scope: NetworkScope, finding: Finding): void {
  const isActive = (scope.draft.status.phase ?? 'active') === 'active';
  reject(scope, {
    reason: isActive ? finding.reason : 'ShareNetworkNotActive',
    message: safeText(`not now: ${finding.message}`),
  });
}

function reject(scope: NetworkScope, { reason, message }: { readonly reason: string; readonly message: string }): Step {
  return answer(scope, digestOf(reason, message), { compatible: false, reason, message });
}

/** The question; undefined if there is none. */
function requestOf({ network }: NetworkScope): string | undefined {
  const request = network.metadata.annotations?.[labels.checkSecurityServices];
  return request === '' ? undefined : request;
}

function removeAnswer({ draft }: NetworkScope): Step {
  draft.set({ check: undefined });
  return done;
}

/** Stores the answer, bound to a digest of what was judged. */
function answer(
  scope: NetworkScope,
  digest: string,
  verdict: Omit<SecurityServiceCheck, 'request' | 'digest' | 'checkedTime'>,
): Step {
  const request = requestOf(scope);
  if (request === undefined) return removeAnswer(scope);
  if (!isAnswered(scope, digest)) {
    const checkedTime = timestamp(scope.operator.clock);
    scope.draft.set({ check: { request: safeText(request, maxRequestLength), digest, checkedTime, ...verdict } });
  }
  return done;
}

function isAnswered(scope: NetworkScope, digest: string): boolean {
  const { check } = scope.draft.status;
  return check?.digest === digest && check.request === safeText(requestOf(scope) ?? '', maxRequestLength);
}

/** The network as it would be: the named references replace or join the present ones. */
function withReferences(network: ShareNetwork, references: readonly SecurityServiceReference[]): ShareNetwork {
  const kept = (network.spec.securityServices ?? []).filter(
    ({ type }) => !references.some((reference) => reference.type === type),
  );
  return { ...network, spec: { ...network.spec, securityServices: [...kept, ...references] } };
}

function digestOf(...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 32);
}
