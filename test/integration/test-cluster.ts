import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { securityServices, storageBackends } from '../../src/api/v1alpha1/resource-types.ts';
import { createApiClient, type HttpApiClient } from '../../src/runtime/api-client.ts';
import { isNotFound } from '../../src/runtime/api-error.ts';
import { loadKubeConfig } from '../../src/runtime/kube-config.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { eventually } from '../faults/eventually.ts';
import { type ControlPlane, type KubeUser, startControlPlane } from '../kube/control-plane.ts';
import { type AuditEvent, describeRequest, lacksRights, readAuditLog } from './audit-log.ts';
import { ApiProxy } from './crash/api-proxy.ts';
import { slowDown } from './crash/slow-connection.ts';
import { OperatorProcess } from './operator-process.ts';
import { type AccessReview, accessReviews, operatorUser } from './operator-user.ts';

const config = (base: string): string => new URL(`../../config/${base}`, import.meta.url).pathname;

interface Event extends KubeObject {
  readonly reason?: string;
  readonly note?: string;
  readonly regarding?: { readonly kind?: string; readonly name?: string };
}

const events: ResourceType<Event> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** Namespaces that config/namespaced is written for. */
export const watchedNamespaces = ['team-a', 'team-b'] as const;

const aboutShares = { verb: 'list', group: 'sharenet.io', resource: 'shareaccesses' } as const;
const aboutBackends = { verb: 'list', group: 'sharenet.io', resource: 'storagebackends' } as const;
const aboutLeases = { verb: 'create', group: 'coordination.k8s.io', resource: 'leases', namespace: 'sharenet-system' };

/** Something that each of the operator's bindings allows. */
const lastRights = {
  rbac: [
    aboutShares,
    aboutLeases,
    {
      verb: 'get',
      group: 'admissionregistration.k8s.io',
      resource: 'validatingwebhookconfigurations',
      name: 'sharenet-validating-webhook',
    },
  ],
  namespaced: [
    aboutBackends,
    aboutLeases,
    { verb: 'list', resource: 'secrets', namespace: 'sharenet-system' },
    ...watchedNamespaces.map((namespace) => ({ ...aboutShares, namespace })),
    { ...aboutBackends, verb: 'update', subresource: 'status' },
    {
      verb: 'patch',
      group: 'admissionregistration.k8s.io',
      resource: 'validatingwebhookconfigurations',
      name: 'sharenet-validating-webhook',
    },
  ],
} as const;

/** One line of the dummy driver's call log. */
export interface RecordedCall {
  readonly time: string;
  readonly backend: string;
  readonly operation: string;
  readonly event: 'start' | 'end';
  readonly namespace?: string;
  readonly shareServer?: string;
  readonly share?: string;
  readonly result?: 'ok' | 'error';
  readonly message?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** How a test cluster differs from the usual one. */
export interface TestClusterOptions {
  /** `false`: no audit log, so that no one notices when the operator is refused something. For measurements. */
  readonly auditLog?: boolean;
  /** Folder of config/ with the operator's rights; `namespaced` comes with its namespaces. `none`: the test installs kinds and rights. */
  readonly rights?: keyof typeof lastRights | 'none';
  /** The API server asks webhooks at the Pods behind their Services. */
  readonly services?: boolean;
  /** ResourceQuotas count what is there. */
  readonly quotas?: boolean;
}

/**
 * A real control plane with our CRDs and roles, and real operator processes on it. The operators have the rights that config/ gives
 * them and no others: {@link TestCluster.stop} fails when one was refused something.
 */
export class TestCluster {
  readonly plane: ControlPlane;
  /** A client with the administrator's rights. */
  readonly client: HttpApiClient;
  /** Kubeconfig of the operator's service account. */
  readonly operatorKubeconfig: string;
  /** State directory for the dummy driver; its call log is {@link calls}. */
  readonly stateDirectory: string;
  readonly #operators: OperatorProcess[] = [];
  readonly #expectedRefusals: ((request: AuditEvent) => boolean)[] = [];
  readonly #proxy: ApiProxy | undefined;
  #namespaces = 0;

  private constructor(
    plane: ControlPlane,
    client: HttpApiClient,
    operator: { readonly kubeconfig: string; readonly proxy: ApiProxy | undefined },
    stateDirectory: string,
  ) {
    this.plane = plane;
    this.client = client;
    this.operatorKubeconfig = operator.kubeconfig;
    this.#proxy = operator.proxy;
    this.stateDirectory = stateDirectory;
  }

  /** Starts the control plane, applies the CRDs, the operator's namespace and the roles. */
  static async start({
    auditLog = true,
    rights = 'rbac',
    services = false,
    quotas = false,
  }: TestClusterOptions = {}): Promise<TestCluster> {
    const plane = await startControlPlane({ auditLog, services, quotas });
    const client = createApiClient({
      kubeConfig: loadKubeConfig(plane.kubeconfigPath),
      fieldManager: 'integration-test',
      userAgent: 'integration-test',
      logger: createLogger({ level: 'silent', format: 'json' }),
    });
    const cluster = new TestCluster(
      plane,
      client,
      await connection(plane),
      await mkdtemp(join(tmpdir(), 'sharenet-dummy-')),
    );
    if (rights === 'none') return cluster;
    await cluster.kubectl('apply', '-k', config('crd'));
    await cluster.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
    if (rights === 'namespaced') {
      for (const namespace of watchedNamespaces) await cluster.kubectl('create', 'namespace', namespace);
    }
    await cluster.kubectl('apply', '-k', config(rights));
    for (const right of lastRights[rights]) await cluster.untilMay(operatorUser, right);
    return cluster;
  }

  /** Starts an operator process; it is stopped with the cluster. */
  async startOperator(...args: readonly string[]): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start(this.operatorKubeconfig, args);
    this.#operators.push(operator);
    return operator;
  }

  /** Waits until the API server allows a user something: it heeds bindings and aggregated roles some moments after it took them. */
  async untilMay(who: KubeUser, what: AccessReview['spec']['resourceAttributes']): Promise<void> {
    await eventually(`${who.user} may ${what.verb} ${what.resource}`, () => this.#may(who, what), 20_000);
  }

  /** The same for a right that was taken away. */
  async untilMayNot(who: KubeUser, what: AccessReview['spec']['resourceAttributes']): Promise<void> {
    await eventually(
      `${who.user} may not ${what.verb} ${what.resource}`,
      async () => !(await this.#may(who, what)),
      20_000,
    );
  }

  async #may(
    { user, groups = [] }: KubeUser,
    resourceAttributes: AccessReview['spec']['resourceAttributes'],
  ): Promise<boolean> {
    const spec = { user, groups, resourceAttributes };
    return (await this.client.create(accessReviews, { metadata: { name: '' }, spec })).status?.allowed === true;
  }

  /** Names requests of operators that the API server is to refuse for want of rights. */
  expectRefusals(matches: (request: AuditEvent) => boolean): void {
    this.#expectedRefusals.push(matches);
  }

  /** Runs kubectl. @throws with what it printed when it fails */
  async kubectl(...args: readonly string[]): Promise<string> {
    return await this.kubectlWithInput(undefined, ...args);
  }

  /** Runs kubectl with text on its standard input. */
  async kubectlWithInput(input: string | undefined, ...args: readonly string[]): Promise<string> {
    const result = await this.plane.kubectl(args, input === undefined ? {} : { input });
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /** Applies manifests given as objects, in one kubectl apply. */
  async apply(...objects: readonly object[]): Promise<string> {
    const list = { apiVersion: 'v1', kind: 'List', items: objects };
    return await this.kubectlWithInput(JSON.stringify(list), 'apply', '-f', '-');
  }

  /** Makes a namespace of its own for a test. */
  async namespace(): Promise<string> {
    this.#namespaces += 1;
    const name = `team-${this.#namespaces}`;
    await this.kubectl('create', 'namespace', name);
    return name;
  }

  /** Reads an object; undefined where it does not exist. */
  async find<T extends KubeObject>(type: ResourceType<T>, name: ObjectName): Promise<T | undefined> {
    try {
      return await this.client.get(type, name);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  /** Waits until an object is as described. @throws with its last state when that takes too long */
  async until<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    what: string,
    holds: (object: T) => boolean,
    timeoutMs = 60_000,
  ): Promise<T> {
    let last: T | undefined;
    try {
      return await eventually(
        what,
        async () => {
          last = await this.find(type, name);
          return last !== undefined && holds(last) ? last : undefined;
        },
        timeoutMs,
      );
    } catch {
      throw new Error(
        `${type.kind} ${name.namespace ?? ''}/${name.name} was not "${what}" in time:\n${JSON.stringify(last, null, 1)}`,
      );
    }
  }

  /** Waits until the driver works with the present configuration of a backend. */
  async untilConfigured(backendName: string, timeoutMs?: number): Promise<void> {
    await this.until(
      storageBackends,
      { name: backendName },
      'configuration in force',
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
      timeoutMs,
    );
  }

  /** Waits for an event that tells a reason of an object, of any kind where none is given; answers its note. */
  async untilEvent(reason: string, { namespace, name }: ObjectName, kind?: string): Promise<string> {
    return await eventually(
      `event ${reason} on ${kind ?? ''} ${name}`,
      async () => {
        const { items } = await this.client.list(events, { namespace });
        return items.find(
          (event) =>
            event.reason === reason &&
            event.regarding?.name === name &&
            (kind === undefined || event.regarding.kind === kind),
        )?.note;
      },
      15_000,
    );
  }

  /** Waits until an object is gone. */
  async untilGone(type: ResourceType, name: ObjectName, timeoutMs = 60_000): Promise<void> {
    let last: KubeObject | undefined;
    try {
      await eventually(
        'gone',
        async () => {
          last = await this.find(type, name);
          return last === undefined;
        },
        timeoutMs,
      );
    } catch {
      throw new Error(`${type.kind} ${name.name} was not gone in time:\n${JSON.stringify(last, null, 1)}`);
    }
  }

  /**
   * Waits until the garbage collector knows our kinds: it looks for new ones every 30 s, and until then leaves them alone, also in
   * a foreground deletion.
   */
  async untilCollected(namespace: string): Promise<void> {
    const name = 'owned-by-nobody';
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'gone', uid: '00000000-0000-4000-8000-000000000000' };
    await this.apply({
      apiVersion: `${securityServices.group}/${securityServices.version}`,
      kind: securityServices.kind,
      metadata: { namespace, name, ownerReferences: [owner] },
      spec: { type: 'ldap' },
    });
    await this.untilGone(securityServices, { namespace, name }, 90_000);
  }

  /** The dummy driver's call log, of backends whose stateDirectory is ours. */
  async calls(): Promise<readonly RecordedCall[]> {
    let text: string;
    try {
      text = await readFile(join(this.stateDirectory, 'calls.jsonl'), 'utf8');
    } catch {
      return [];
    }
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line): RecordedCall => JSON.parse(line));
  }

  /** Requests of operators that were refused for want of rights though no test expected that, one a line each. */
  async refusals(): Promise<readonly string[]> {
    if (this.plane.auditLogPath === undefined) return [];
    return (await readAuditLog(this.plane))
      .filter((request) => request.user.username === operatorUser.user && lacksRights(request))
      .filter((request) => !this.#expectedRefusals.some((matches) => matches(request)))
      .map(describeRequest);
  }

  /** Ends everything. @throws when an operator was refused something that it has no right to */
  async stop(): Promise<void> {
    for (const operator of this.#operators) {
      await operator.stop();
      await operator.forget();
    }
    const refused = new Set(await this.refusals());
    await this.client.close();
    await this.#proxy?.stop();
    await this.plane.stop();
    await rm(this.stateDirectory, { recursive: true, force: true });
    if (refused.size > 0) {
      throw new Error(`the operator's roles lack what it asked for:\n${[...refused].slice(0, 20).join('\n')}`);
    }
  }
}

/**
 * How operators reach the API server. With `SLOW_OPERATOR` in the environment, a seed, their writes and what their watches bring are
 * late at random, as on a busy cluster: `make test-slow`.
 */
async function connection(
  plane: ControlPlane,
): Promise<{ readonly kubeconfig: string; readonly proxy: ApiProxy | undefined }> {
  const kubeconfig = await plane.kubeconfigFor(operatorUser);
  const seed = process.env.SLOW_OPERATOR;
  if (seed === undefined) return { kubeconfig, proxy: undefined };
  const proxy = await ApiProxy.start(plane, kubeconfig);
  slowDown(proxy, Number(seed));
  return { kubeconfig: proxy.kubeconfigPath, proxy };
}
