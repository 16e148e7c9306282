import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { securityServices } from '../../src/api/v1alpha1/resource-types.ts';
import { createApiClient, type HttpApiClient } from '../../src/runtime/api-client.ts';
import { isNotFound } from '../../src/runtime/api-error.ts';
import { loadKubeConfig } from '../../src/runtime/kube-config.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { eventually } from '../faults/eventually.ts';
import { type ControlPlane, startControlPlane } from '../kube/control-plane.ts';
import { OperatorProcess } from './operator-process.ts';

const crds = new URL('../../config/crd', import.meta.url).pathname;

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

/** A real control plane with our CRDs, and real operator processes on it. */
export class TestCluster {
  readonly plane: ControlPlane;
  /** A client with the administrator's rights. */
  readonly client: HttpApiClient;
  /** State directory for the dummy driver; its call log is {@link calls}. */
  readonly stateDirectory: string;
  readonly #operators: OperatorProcess[] = [];
  #namespaces = 0;

  private constructor(plane: ControlPlane, client: HttpApiClient, stateDirectory: string) {
    this.plane = plane;
    this.client = client;
    this.stateDirectory = stateDirectory;
  }

  /** Starts the control plane, applies the CRDs, makes the operator's namespace. */
  static async start(options: { readonly auditLog?: boolean } = {}): Promise<TestCluster> {
    const plane = await startControlPlane({ auditLog: options.auditLog === true });
    const client = createApiClient({
      kubeConfig: loadKubeConfig(plane.kubeconfigPath),
      fieldManager: 'integration-test',
      userAgent: 'integration-test',
      logger: createLogger({ level: 'silent', format: 'json' }),
    });
    const cluster = new TestCluster(plane, client, await mkdtemp(join(tmpdir(), 'sharenet-dummy-')));
    await cluster.kubectl('apply', '-k', crds);
    await cluster.kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
    await cluster.kubectl('create', 'namespace', 'sharenet-system');
    return cluster;
  }

  /** Starts an operator process; it is stopped with the cluster. */
  async startOperator(...args: readonly string[]): Promise<OperatorProcess> {
    const operator = await OperatorProcess.start(this.plane.kubeconfigPath, args);
    this.#operators.push(operator);
    return operator;
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

  /** Ends everything. */
  async stop(): Promise<void> {
    for (const operator of this.#operators) {
      await operator.stop();
      await operator.forget();
    }
    await this.client.close();
    await this.plane.stop();
    await rm(this.stateDirectory, { recursive: true, force: true });
  }
}
