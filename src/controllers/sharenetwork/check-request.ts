import { createHash } from 'node:crypto';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { SecurityServiceCheck, SecurityServiceReference, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import { parseCheckRequest } from '../../network-change/parse-check-request.ts';
import { timestamp } from '../../runtime/clock.ts';
import type { ReconcileResult } from '../../runtime/controller.ts';
import { safeText } from '../../values/safe-text.ts';
import { checkWithDrivers, refusedCredentialsOf } from '../network-change/check.ts';
import { wishOf } from '../network-change/guard.ts';
import type { NetworkScope } from '../network-change/network-scope.ts';

const maxRequestLength = 4096;
/** When a driver that gave no answer is asked again, in milliseconds. */
const askAgainMs = 5000;

/**
 * Answers the annotation `sharenet.io/check-security-services`: the guard and the drivers are asked, nothing is changed. The
 * verdict is bound to the content that it was made for; when that changes it is made anew.
 */
export async function answerCheckRequest(scope: NetworkScope): Promise<ReconcileResult | undefined> {
  const { network, draft, context } = scope;
  const annotation = askedIn(scope);
  if (annotation === undefined) return undefined;
  const request = safeText(annotation, maxRequestLength);
  const references = parseCheckRequest(annotation);
  if (references === undefined) {
    answer(scope, request, 'invalid', {
      compatible: false,
      reason: 'InvalidRequest',
      message: 'expected <type>=<name>[,<type>=<name>...]',
    });
    return undefined;
  }
  const hypothetical: NetworkScope = { ...scope, network: withReferences(network, references) };
  const wish = wishOf(hypothetical, scope.servers, false);
  if (wish.kind === 'refused') {
    const { reason, message } = wish.readiness;
    answer(scope, request, digestOf(reason, message), { compatible: false, reason, message });
    return undefined;
  }
  if (wish.kind !== 'change') {
    answer(scope, request, digestOf(wish.kind), { compatible: true, message: 'no share server would be changed' });
    return undefined;
  }
  const { change } = wish;
  if (draft.status.check?.request === request && draft.status.check.digest === change.digest) return undefined;
  const refused = refusedCredentialsOf(scope, change);
  if (refused !== undefined) {
    const { reason, message } = refused;
    answer(scope, request, change.digest, { compatible: false, reason, message });
    return undefined;
  }
  const verdict = await context.outsideWorker(() =>
    checkWithDrivers(hypothetical, change.plan, change.participants, new Map()),
  );
  if (verdict.kind === 'unavailable') {
    const { reason, message } = verdict.error;
    answer(scope, request, digestOf(reason, message), { compatible: false, reason, message });
    return { requeueAfterMs: askAgainMs };
  }
  answer(scope, request, change.digest, {
    compatible: verdict.kind === 'compatible',
    ...(verdict.kind === 'incompatible' ? { reason: verdict.reason, message: verdict.message } : {}),
    servers: verdict.servers.slice(0, 50),
  });
  return undefined;
}

/**
 * Answers the annotation where nothing may begin as the network stands now, so that an answer from before is not taken for the
 * present one. Nobody is asked. To be called when the draft stands.
 */
export function answerNotNow(scope: NetworkScope): undefined {
  const annotation = askedIn(scope);
  if (annotation === undefined) return;
  const { draft } = scope;
  const ready = draft.condition('Ready');
  const isActive = (draft.status.phase ?? 'active') === 'active';
  const reason = isActive && ready !== undefined ? ready.reason : 'ShareNetworkNotActive';
  const message = `not now: ${ready?.message ?? 'the network is not active'}`;
  answer(scope, safeText(annotation, maxRequestLength), digestOf(reason, message), {
    compatible: false,
    reason,
    message: safeText(message),
  });
}

/** What is asked; with no question there is no answer. */
function askedIn({ network, draft }: NetworkScope): string | undefined {
  const annotation = network.metadata.annotations?.[labels.checkSecurityServices];
  if (annotation !== undefined && annotation !== '') return annotation;
  draft.set({ check: undefined });
  return undefined;
}

function answer(
  { operator, draft }: NetworkScope,
  request: string,
  digest: string,
  verdict: Omit<SecurityServiceCheck, 'request' | 'digest' | 'checkedTime'>,
): void {
  const { check } = draft.status;
  if (check?.request === request && check.digest === digest) return;
  draft.set({ check: { request, digest, checkedTime: timestamp(operator.clock), ...verdict } });
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
