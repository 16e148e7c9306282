import { isDeepStrictEqual } from 'node:util';
import { securityServices } from '../api/v1alpha1/resource-types.ts';
import type { SecurityService } from '../api/v1alpha1/security-service.ts';
import { namespaceView, networksRecording } from '../cluster-state/namespace-view.ts';
import { distinguishedNameProblem } from '../network-change/completeness.ts';
import { nameList } from '../values/name-list.ts';
import { type AdmissionState, specChanges, type Validator } from './validator.ts';
import { allowed, type Refusal, refuse } from './verdict.ts';

/** Keeps services out of the operator's namespace, judges their distinguished names, and keeps those that share servers use from being changed under them. */
export const securityServiceValidator: Validator<SecurityService> = {
  type: securityServices,
  validate(write, state) {
    if (!specChanges(write)) return allowed;
    const { object, oldObject } = write;
    if (object.metadata.namespace === state.namespace) {
      return refuse(
        'NamespaceNotAllowed',
        `SecurityServices in the operator's namespace ${state.namespace} are refused; make it in the namespace of its share networks`,
      );
    }
    const wrongName = distinguishedNameProblem(object.spec);
    // One that is there already keeps nothing else from being changed.
    const isNew = oldObject === undefined || distinguishedNameProblem(oldObject.spec) !== wrongName;
    if (wrongName !== undefined && isNew) return refuse('InvalidDistinguishedName', wrongName);
    return (oldObject === undefined ? undefined : useRefusal(object, oldObject, state)) ?? allowed;
  },
};

/** For the moment before the service's status says that it is in use: from then on the API server refuses by itself. */
function useRefusal(object: SecurityService, old: SecurityService, state: AdmissionState): Refusal | undefined {
  const { description: _new, ...spec } = object.spec;
  const { description: _old, ...oldSpec } = old.spec;
  if (isDeepStrictEqual(spec, oldSpec)) return undefined;
  const { serversOf } = namespaceView(state, object.metadata.namespace ?? '');
  const users = networksRecording(state, old)
    .map(({ metadata }) => metadata.name)
    .filter((network) => serversOf(network).length > 0);
  if (users.length === 0) return undefined;
  return refuse(
    'SecurityServiceInUse',
    `share networks ${nameList(users)} with share servers use the service: only description may be changed; ` +
      "make a new SecurityService and change the network's reference to it",
  );
}
