import type { KubeObject, ResourceType } from '../../src/runtime/kube-object.ts';
import type { KubeUser } from '../kube/control-plane.ts';

/** The operator's service account, as the API server authenticates it in the Pod. */
export const operatorUser = {
  user: 'system:serviceaccount:sharenet-system:sharenet-operator',
  groups: ['system:serviceaccounts', 'system:serviceaccounts:sharenet-system', 'system:authenticated'],
} as const satisfies KubeUser;

/** A question to the API server whether someone may do something. */
export interface AccessReview extends KubeObject {
  readonly spec: {
    readonly user: string;
    readonly groups?: readonly string[];
    readonly resourceAttributes: {
      readonly verb: string;
      readonly group?: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    };
  };
  readonly status?: { readonly allowed: boolean };
}

export const accessReviews: ResourceType<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  plural: 'subjectaccessreviews',
  namespaced: false,
};
