import { type InvalidRule, type RuleSurroundings, validateInBackend, validateNewRule } from '../access-rules/plan.ts';
import { shareAccesses } from '../api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../api/v1alpha1/share-access.ts';
import { namespaceView } from '../cluster-state/namespace-view.ts';
import { reservedIDsOf } from '../cluster-state/reserved-ids.ts';
import { type AdmissionState, specChanges, type Validator } from './validator.ts';
import { allowed, refuse } from './verdict.ts';

/** Judges access rules by their format, by what the share's backend takes, and against the other rules of the share. */
export const shareAccessValidator: Validator<ShareAccess> = {
  type: shareAccesses,
  validate(write, state) {
    const { object, oldObject } = write;
    if (object.metadata.deletionTimestamp !== undefined || !specChanges(write)) return allowed;
    const problem =
      oldObject === undefined ? problemOfNew(object, state) : validateInBackend(object, surroundingsOf(object, state));
    return problem === undefined ? allowed : refuse(problem.reason, problem.message);
  },
};

function problemOfNew(rule: ShareAccess, state: AdmissionState): InvalidRule | undefined {
  const { namespace = '', name } = rule.metadata;
  // The cache may still show one of that name that is gone.
  const others = namespaceView(state, namespace)
    .rulesOf(rule.spec.shareName)
    .filter(({ metadata }) => metadata.name !== name);
  // Of rules that are made in the same second the stored one comes first.
  const { uid: _uid, creationTimestamp: _time, ...metadata } = rule.metadata;
  const { status: _status, ...stored } = rule;
  return validateNewRule({ ...stored, metadata }, others, surroundingsOf(rule, state));
}

/** What is known of the rule's share; undefined before it is placed. */
function surroundingsOf(rule: ShareAccess, state: AdmissionState): RuleSurroundings | undefined {
  const { namespace = '' } = rule.metadata;
  const { share, server, backend: backendNamed } = namespaceView(state, namespace);
  const found = share(rule.spec.shareName);
  const backendName = found?.status?.backendName;
  if (found === undefined || backendName === undefined) return undefined;
  const backend = backendNamed(backendName);
  const { shareServerName } = found.status ?? {};
  return {
    protocol: found.spec.protocol,
    capabilities: backend?.status?.capabilities,
    isReservedID: reservedIDsOf(state, backend, namespace),
    server: shareServerName === undefined ? undefined : server(shareServerName),
  };
}
