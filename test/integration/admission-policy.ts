import { eventually } from '../faults/eventually.ts';
import { operatorUser } from './operator-user.ts';
import type { TestCluster } from './test-cluster.ts';

/** What a policy refuses to the operator. */
export interface Refusal {
  readonly group?: string;
  /** Plural, with the subresource after a slash. */
  readonly resource: string;
  readonly operations: readonly ('CREATE' | 'UPDATE' | 'DELETE')[];
  /** The policy is for objects of this namespace; the whole cluster when absent. */
  readonly namespace?: string;
  /** CEL that holds for what is allowed; nothing is when absent. */
  readonly expression?: string;
  /** CEL of what is said in place of the policy's sentence. */
  readonly messageExpression?: string;
}

const canary = 'canary';

/** A ValidatingAdmissionPolicy as an administrator of the cluster writes one, in force until it is lifted. */
export class AdmissionPolicy {
  /** What the API server says with each refusal. */
  readonly sentence: string;
  readonly #cluster: TestCluster;
  readonly #name: string;

  private constructor(cluster: TestCluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
    this.sentence = `the test forbids ${name}`;
  }

  /** Puts it in force. */
  static async apply(cluster: TestCluster, name: string, refusal: Refusal): Promise<AdmissionPolicy> {
    const policy = new AdmissionPolicy(cluster, name);
    const group = 'admissionregistration.k8s.io/v1';
    const { namespace, resource, operations, expression = 'false', messageExpression } = refusal;
    const rule = (apiGroup: string, plural: string, of: readonly string[]) => ({
      apiGroups: [apiGroup],
      apiVersions: ['*'],
      resources: [plural],
      operations: of,
    });
    await cluster.apply(
      {
        apiVersion: group,
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [
              rule(refusal.group ?? 'sharenet.io', resource, operations),
              rule('', 'configmaps', ['CREATE']),
            ],
          },
          matchConditions: [
            {
              name: 'by-the-operator',
              expression: `request.resource.resource == 'configmaps' ? object.metadata.name == '${canary}-${name}' : request.userInfo.username == '${operatorUser.user}'`,
            },
          ],
          validations: [
            {
              expression: `request.resource.resource != 'configmaps' && (${expression})`,
              message: policy.sentence,
              ...(messageExpression === undefined ? {} : { messageExpression }),
            },
          ],
        },
      },
      {
        apiVersion: group,
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: {
          policyName: name,
          validationActions: ['Deny'],
          ...(namespace === undefined
            ? {}
            : { matchResources: { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } } } }),
        },
      },
    );
    // The API server heeds a policy some moments after it took it.
    await eventually(
      `policy ${name} in force`,
      async () => {
        try {
          await cluster.kubectl(
            ...['create', 'configmap', `${canary}-${name}`, '-n', namespace ?? 'default', '--dry-run=server'],
          );
          return undefined;
        } catch (error) {
          return String(error).includes(policy.sentence) || undefined;
        }
      },
      30_000,
    );
    return policy;
  }

  async lift(): Promise<void> {
    for (const kind of ['validatingadmissionpolicybinding', 'validatingadmissionpolicy']) {
      await this.#cluster.kubectl('delete', kind, this.#name);
    }
  }
}
