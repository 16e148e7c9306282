import { z } from 'zod';
import { OperatorProcess } from '../../integration/operator-process.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';
import { freePort } from '../../kube/free-port.ts';
import { chart, type Helm, type Values } from './helm.ts';

/** What is read of the Deployment that the API server has. */
const deploymentSchema = z.object({
  spec: z.object({
    replicas: z.int(),
    template: z.object({
      metadata: z.looseObject({}),
      spec: z.looseObject({
        serviceAccountName: z.string(),
        containers: z.tuple([
          z.looseObject({
            args: z.array(z.string()),
            env: z.array(
              z.union([
                z.strictObject({ name: z.string(), value: z.string() }),
                z.object({
                  name: z.string(),
                  valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.literal('metadata.namespace') }) }),
                }),
              ]),
            ),
          }),
        ]),
      }),
    }),
  }),
});

/**
 * A release of the chart on a test cluster, and its Pods: no kubelet runs there, so that a Pod is a process of this machine. The API
 * server reaches it because the webhook's Service is made to lead to this machine, or, on a cluster with `services`, because the Pod's
 * object has an address of this machine and the Service leads there as it is.
 */
export class Release {
  readonly namespace: string;
  readonly #cluster: TestCluster;
  readonly #helm: Helm;
  readonly #podAddress: string | undefined;
  readonly #pods: OperatorProcess[] = [];
  #podObjects = 0;

  /** @param podAddress of this machine, and not of its loopback: Pods can't have those */
  constructor(cluster: TestCluster, helm: Helm, namespace = 'sharenet-system', podAddress?: string) {
    this.#cluster = cluster;
    this.#helm = helm;
    this.namespace = namespace;
    this.#podAddress = podAddress;
  }

  /** `helm install`. @throws with Helm's complaint */
  async install(values: Values, from = chart, ...flags: readonly string[]): Promise<string> {
    return await this.#bring('install', values, from, '--create-namespace', ...flags);
  }

  /** `helm upgrade`; values that are not given are the chart's. */
  async upgrade(values: Values, from = chart, ...flags: readonly string[]): Promise<string> {
    return await this.#bring('upgrade', values, from, ...flags);
  }

  /** `helm rollback` to a revision: the chart and the values that it had. */
  async rollback(revision: number): Promise<string> {
    const printed = await this.#helm.run('rollback', 'sharenet', String(revision), `--namespace=${this.namespace}`);
    await this.#leadHere();
    return printed;
  }

  /** `helm uninstall`; the Pods run on until they are stopped. */
  async uninstall(): Promise<string> {
    return await this.#helm.run('uninstall', 'sharenet', `--namespace=${this.namespace}`);
  }

  async #bring(how: 'install' | 'upgrade', values: Values, from: string, ...flags: string[]): Promise<string> {
    const given = await this.#helm.flagsOf(values);
    const printed = await this.#helm.run(how, 'sharenet', from, `--namespace=${this.namespace}`, ...given, ...flags);
    await this.#leadHere();
    return printed;
  }

  /** Has the webhook's Service lead to this machine, where Pods have no addresses. */
  async #leadHere(): Promise<void> {
    const service = ['service', 'sharenet-webhook', `--namespace=${this.namespace}`];
    if (this.#podAddress !== undefined) return;
    if ((await this.#cluster.kubectl('get', ...service, '--ignore-not-found')) === '') return;
    const patch = JSON.stringify({ spec: { type: 'ExternalName', externalName: 'localhost' } });
    await this.#cluster.kubectl('patch', ...service, '--type=merge', `--patch=${patch}`);
  }

  /** Starts what a Pod of the Deployment would: with its arguments, environment and account. It is ready unless told not to wait. */
  async startPod({ waitReady = true }: { readonly waitReady?: boolean } = {}): Promise<OperatorProcess> {
    const get = ['get', 'deployment', 'sharenet-operator', `--namespace=${this.namespace}`, '--output=json'];
    const { template } = deploymentSchema.parse(JSON.parse(await this.#cluster.kubectl(...get))).spec;
    const { serviceAccountName, containers } = template.spec;
    if (this.#podAddress !== undefined) await this.#makePodObject(template, this.#podAddress);
    const variables = Object.fromEntries(
      containers[0].env.map((variable) => [variable.name, 'value' in variable ? variable.value : this.namespace]),
    );
    const args = containers[0].args.map((each) => each.replaceAll(/\$\((\w+)\)/g, (_, name) => variables[name] ?? ''));
    const kubeconfig = await this.#cluster.plane.kubeconfigFor({
      user: `system:serviceaccount:${this.namespace}:${serviceAccountName}`,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${this.namespace}`, 'system:authenticated'],
    });
    const pod = await OperatorProcess.start(kubeconfig, args, { env: variables, waitReady });
    this.#pods.push(pod);
    return pod;
  }

  /** What the scheduler and the kubelet tell of a Pod that runs and is not ready yet. */
  async #makePodObject(template: { readonly metadata: object; readonly spec: object }, ip: string): Promise<void> {
    this.#podObjects += 1;
    const name = `sharenet-operator-${this.#podObjects}`;
    const metadata = { ...template.metadata, name, namespace: this.namespace };
    await this.#cluster.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: { ...template.spec, nodeName: 'here' },
    });
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }], conditions: [{ type: 'Ready', status: 'False' }] };
    const patch = ['--subresource=status', '--type=merge', `--patch=${JSON.stringify({ status })}`];
    await this.#cluster.kubectl('patch', 'pod', name, `--namespace=${this.namespace}`, ...patch);
  }

  /** Ends all Pods. */
  async stopPods(): Promise<void> {
    for (const pod of this.#pods.splice(0)) {
      await pod.stop();
      await pod.forget();
    }
  }

  /** Kinds and names of what a release has in the cluster, by its label, sorted. */
  async objects(): Promise<readonly string[]> {
    const kinds =
      'deploy,svc,sa,cm,pdb,netpol,role,rolebinding,clusterrole,clusterrolebinding,validatingwebhookconfiguration';
    const selector = ['--selector=app.kubernetes.io/managed-by=Helm', '--all-namespaces', '--output=name'];
    return (await this.#cluster.kubectl('get', kinds, ...selector)).split('\n').filter(Boolean).sort();
  }
}

/** Values with a port of the webhook that is free on this machine. */
export async function valuesForThisMachine(): Promise<{ readonly webhook: Values }> {
  const port = await freePort();
  return { webhook: { port, servicePort: port } };
}
