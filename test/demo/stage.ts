import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { storageBackends } from '../../src/api/v1alpha1/resource-types.ts';
import { createApiClient, type HttpApiClient } from '../../src/runtime/api-client.ts';
import { isNotFound } from '../../src/runtime/api-error.ts';
import { loadKubeConfig } from '../../src/runtime/kube-config.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { findAssets } from '../kube/assets.ts';
import { type ControlPlane, startControlPlane } from '../kube/control-plane.ts';
import { declaredVersions } from '../kube/versions.ts';
import { DemoOperator } from './operator.ts';
import type { Actor, Screen } from './screen.ts';

/** Commands are typed here: their paths are relative to it. */
const root = join(import.meta.dirname, '../..');
const stepTimeoutMs = 60_000;

/** Namespace of the tenant. */
const namespace = 'team-a';

/** A step did not show what it was to show. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
}

/** A control plane with the operator on it, and two people with the rights that config/rbac gives them. */
export class Stage {
  readonly screen: Screen;
  readonly plane: ControlPlane;
  readonly operator: DemoOperator;
  /** Reads what a step has to check; nothing is written with it. */
  readonly #client: HttpApiClient;
  readonly #kubeconfigs: Readonly<Record<Actor, string>>;
  readonly #signal: AbortSignal;
  readonly #exported: Record<Actor, NodeJS.ProcessEnv> = { tenant: {}, admin: {} };

  private constructor(
    screen: Screen,
    plane: ControlPlane,
    operator: DemoOperator,
    kubeconfigs: Readonly<Record<Actor, string>>,
    signal: AbortSignal,
  ) {
    this.screen = screen;
    this.plane = plane;
    this.operator = operator;
    this.#kubeconfigs = kubeconfigs;
    this.#signal = signal;
    this.#client = createApiClient({
      kubeConfig: loadKubeConfig(plane.kubeconfigPath),
      fieldManager: 'sharenet-demo',
      userAgent: 'sharenet-demo',
      logger: createLogger({ level: 'silent', format: 'json' }),
    });
  }

  /** Builds or finds the programs, starts them, installs config/crd and config/rbac, starts the operator. */
  static async set(screen: Screen, signal: AbortSignal): Promise<Stage> {
    const log = (line: string): void => screen.note(line);
    await findAssets(log);
    const begin = performance.now();
    const seconds = (): string => `${((performance.now() - begin) / 1000).toFixed(1)} s`;
    const plane = await startControlPlane({ log });
    try {
      const { kubernetes, etcd } = declaredVersions();
      log(
        `etcd ${etcd}, kube-apiserver and kube-controller-manager ${kubernetes}: ready at ${plane.server} (${seconds()})`,
      );
      const kubeconfigs = await prepareCluster(plane);
      log(`config/crd and config/rbac: installed; namespace ${namespace} with a tenant (${seconds()})`);
      signal.throwIfAborted();
      const account = 'system:serviceaccount:sharenet-system:sharenet-operator';
      const operator = await DemoOperator.start(await plane.kubeconfigFor({ user: account }));
      log(`bin/sharenet-operator: ready, with the rights of its service account (${seconds()})`);
      return new Stage(screen, plane, operator, kubeconfigs, signal);
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** Ends everything; returns when nothing is left. */
  async clear(): Promise<void> {
    await this.#client.close();
    await this.operator.stop();
    await this.plane.stop();
  }

  /** The tenant types a command. @throws StepFailed when it fails */
  async tenant(command: string): Promise<string> {
    return await this.#type('tenant', command, 0);
  }

  /** The storage administrator types a command. @throws StepFailed when it fails */
  async admin(command: string): Promise<string> {
    return await this.#type('admin', command, 0);
  }

  /** The tenant types a command that is refused. @throws StepFailed when it is not */
  async tenantIsRefused(command: string): Promise<string> {
    return await this.#type('tenant', command, 1);
  }

  /** Environment in which a command is this person's. */
  environmentOf(actor: Actor): NodeJS.ProcessEnv {
    // kubectl finds its plugins on the PATH.
    const path = [dirname(this.plane.kubectlPath), join(root, 'bin'), process.env.PATH ?? ''].join(delimiter);
    const own = this.#exported[actor];
    return { ...this.plane.kubectlEnvironment, ...own, PATH: path, KUBECONFIG: this.#kubeconfigs[actor] };
  }

  /** Gives a person variables for the commands that they type. */
  export(actor: Actor, variables: Readonly<Record<string, string>>): void {
    Object.assign(this.#exported[actor], variables);
  }

  /** Aborts when the person has seen enough. */
  get signal(): AbortSignal {
    return this.#signal;
  }

  /** Reads an object of the tenant's. */
  async get<T extends KubeObject>(type: ResourceType<T>, name: string): Promise<T> {
    return await this.#client.get(type, { namespace, name });
  }

  /** Reads all objects of a kind of the tenant's. */
  async list<T extends KubeObject>(type: ResourceType<T>): Promise<readonly T[]> {
    return (await this.#client.list(type, { namespace })).items;
  }

  /** Waits until an object is as it should be. @throws StepFailed with its state when that takes too long */
  async until<T extends KubeObject>(
    type: ResourceType<T>,
    name: string,
    what: string,
    holds: (object: T) => boolean,
  ): Promise<T> {
    return await this.#until(type, type.namespaced ? { namespace, name } : { name }, what, holds);
  }

  /** Waits until the driver works with the present configuration of a backend. */
  async untilBackendConfigured(name: string): Promise<void> {
    await this.until(
      storageBackends,
      name,
      'configured',
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
  }

  /** @throws StepFailed when it does not hold */
  expect(what: string, holds: boolean): void {
    if (!holds) throw new StepFailed(`expected: ${what}`);
  }

  async #until<T extends KubeObject>(
    type: ResourceType<T>,
    name: ObjectName,
    what: string,
    holds: (object: T) => boolean,
  ): Promise<T> {
    const deadline = performance.now() + stepTimeoutMs;
    for (;;) {
      const object = await this.#client.get(type, name).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (object !== undefined && holds(object)) return object;
      if (performance.now() > deadline) {
        const seconds = stepTimeoutMs / 1000;
        throw new StepFailed(
          `${type.kind} ${name.name} was not ${what} within ${seconds} s:\n${JSON.stringify(object, null, 1)}`,
        );
      }
      await pause(100, undefined, { signal: this.#signal });
    }
  }

  async #type(actor: Actor, command: string, expected: number): Promise<string> {
    this.#signal.throwIfAborted();
    this.screen.command(actor, command);
    const child = spawn('sh', ['-c', command], {
      cwd: root,
      env: this.environmentOf(actor),
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own: all of a pipeline is ended by us, and Ctrl-C is not also seen as its failure.
      detached: true,
    });
    const end = (): void => {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    };
    this.#signal.addEventListener('abort', end);
    let printed = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text;
        this.screen.output(text);
      });
    }
    const [code] = await once(child, 'close').finally(() => this.#signal.removeEventListener('abort', end));
    // Ctrl-C in the moment before it has its group ends it too, and that may be heard of before the signal to us.
    if (code === null) await pause(1_000, undefined, { signal: this.#signal }).catch(() => undefined);
    this.#signal.throwIfAborted();
    if (code !== expected) throw new StepFailed(`the command above ended with code ${code} instead of ${expected}`);
    return printed;
  }
}

/** Installs what the operator needs; answers the kubeconfigs of the two people. */
async function prepareCluster(plane: ControlPlane): Promise<Readonly<Record<Actor, string>>> {
  const kubectl = async (...args: string[]): Promise<void> => {
    const { code, stdout, stderr } = await plane.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}${stdout}`);
  };
  await kubectl('apply', '-k', join(root, 'config/crd'));
  await kubectl('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await kubectl('apply', '-k', join(root, 'config/rbac'));
  await kubectl('create', 'namespace', namespace);
  await kubectl('create', 'rolebinding', 'tenant', '--clusterrole=edit', '--user=tenant', `--namespace=${namespace}`);
  await kubectl('create', 'clusterrolebinding', 'admin', '--clusterrole=sharenet-storage-admin', '--user=admin');
  const kubeconfigs = {
    tenant: await plane.kubeconfigFor({ user: 'tenant' }),
    admin: await plane.kubeconfigFor({ user: 'admin' }),
  };
  for (const file of [plane.kubeconfigPath, ...Object.values(kubeconfigs)]) {
    await kubectl('config', 'set-context', '--current', `--namespace=${namespace}`, `--kubeconfig=${file}`);
  }
  // The cluster's role edit takes ours in some moments later.
  const deadline = performance.now() + stepTimeoutMs;
  const mayCreate = ['auth', 'can-i', 'create', 'shares.sharenet.io', '--as=tenant', `--namespace=${namespace}`];
  while ((await plane.kubectl(mayCreate)).code !== 0) {
    if (performance.now() > deadline) throw new Error('the role edit did not get the rules of sharenet-edit');
    await pause(200);
  }
  return kubeconfigs;
}
