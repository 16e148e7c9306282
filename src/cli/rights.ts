import type { ApiClient } from '../runtime/api-client.ts';
import { ApiError } from '../runtime/api-error.ts';
import type { KubeObject, ResourceType } from '../runtime/kube-object.ts';

/** Something that a command does. */
export interface Right {
  readonly verb: 'get' | 'patch';
  readonly type: ResourceType;
  readonly subresource?: 'status';
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** Whether the user may do something. */
export type MayI = (right: Right) => Promise<boolean>;

interface AccessReview extends KubeObject {
  readonly spec: { readonly resourceAttributes: Readonly<Record<string, string>> };
  readonly status?: { readonly allowed: boolean };
}

const selfAccessReviews: ResourceType<AccessReview> = {
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  plural: 'selfsubjectaccessreviews',
  namespaced: false,
};

/** Most questions that one run asks the API server. */
const mostQuestions = 8;

/** Asks the API server what the user may do, each question once. Where it gives no answer the user may: the command itself tells. */
export function rightsOf(client: ApiClient): MayI {
  const answers = new Map<string, Promise<boolean>>();
  return async ({ verb, type, subresource, namespace, name }) => {
    const resourceAttributes = {
      verb,
      group: type.group,
      resource: type.plural,
      name,
      ...(subresource === undefined ? {} : { subresource }),
      ...(namespace === undefined ? {} : { namespace }),
    };
    const key = JSON.stringify(resourceAttributes);
    const known = answers.get(key);
    if (known !== undefined) return await known;
    if (answers.size >= mostQuestions) return true;
    const answer = client
      .create(selfAccessReviews, { metadata: { name: '' }, spec: { resourceAttributes } })
      .then(({ status }) => status?.allowed === true)
      .catch((error: unknown) => {
        if (error instanceof ApiError) return true;
        throw error;
      });
    answers.set(key, answer);
    return await answer;
  };
}

/** Who has a right that the user lacks, by the roles that come with Sharenet. */
export function whoMay({ type, subresource, namespace }: Pick<Right, 'type' | 'subresource' | 'namespace'>): string {
  if (namespace === undefined || subresource !== undefined || type.kind === 'ShareServer') {
    return 'a storage administrator (ClusterRole sharenet-storage-admin)';
  }
  return `someone with the ClusterRole edit in namespace ${namespace}`;
}
