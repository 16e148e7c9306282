import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { apiServerFlags, controllerManagerFlags, type ServerFiles, writeServerFiles } from './api-server-flags.ts';
import { type Assets, findAssets } from './assets.ts';
import { CertificateAuthority } from './certificates.ts';
import { freePort } from './free-port.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { type KubectlOptions, type KubectlResult, runKubectl } from './kubectl.ts';
import type { Log } from './progress.ts';
import { SupervisedPrograms } from './supervised-programs.ts';

/** Options of {@link startControlPlane}. */
export interface ControlPlaneOptions {
  /**
   * A folder for data, logs and kubeconfigs that stays after the stop; a later control plane in it finds the objects
   * again. Without it a temporary folder is used and removed.
   */
  readonly dataDirectory?: string;
  /** Gets progress of long steps (download, build); by default they are printed to stderr. */
  readonly log?: Log;
  /** Write metadata of every request to {@link ControlPlane.auditLogPath}. */
  readonly auditLog?: boolean;
  /**
   * The API server asks webhooks at the Pods behind their Services: no node is there that would lead to them. Pods are objects that
   * the test makes; the controller manager finds those that a Service selects.
   */
  readonly services?: boolean;
  /** ResourceQuotas count what is there, also when objects go. */
  readonly quotas?: boolean;
  /** Finds a port of 127.0.0.1 that is free at the moment; called for etcd, its peers and the API server in turn. */
  readonly findPort?: () => Promise<number>;
}

/** A user as the API server authenticates it. */
export interface KubeUser {
  readonly user: string;
  readonly groups?: readonly string[];
}

const readyTimeoutMilliseconds = 120_000;
const probeTimeoutMilliseconds = 2_000;
const pollMilliseconds = 50;
const startAttempts = 5;

/** A program took a port between our look and its start: worth another try with other ports. */
class PortTakenError extends Error {}

interface Ports {
  readonly etcd: number;
  readonly etcdPeer: number;
  readonly apiServer: number;
}

/** A running etcd, kube-apiserver and kube-controller-manager of the caller's own. */
export class ControlPlane {
  /** Kubeconfig of the administrator (group system:masters). */
  readonly kubeconfigPath: string;
  /** URL of the API server. */
  readonly server: string;
  /** Bearer token of the administrator. */
  readonly adminToken: string;
  /** Certificate of the authority that signed the API server's, PEM. */
  readonly ca: string;
  /** A kubectl that fits the server. */
  readonly kubectlPath: string;
  /** Folder of data, logs (`etcd.log`, `kube-apiserver.log`, `kube-controller-manager.log`) and kubeconfigs. */
  readonly directory: string;
  /** One JSON audit event a line; undefined without the option. */
  readonly auditLogPath: string | undefined;
  /** Environment in which kubectl is the administrator and writes nothing outside of {@link directory}. */
  readonly kubectlEnvironment: NodeJS.ProcessEnv;

  readonly #programs: SupervisedPrograms;
  readonly #assets: Assets;
  readonly #ports: Ports;
  readonly #files: ServerFiles;
  readonly #authority: CertificateAuthority;
  readonly #services: boolean;
  readonly #quotas: boolean;
  readonly #agent: Agent;
  #kubeconfigs = 0;

  private constructor(
    programs: SupervisedPrograms,
    assets: Assets,
    ports: Ports,
    files: ServerFiles,
    authority: CertificateAuthority,
    adminToken: string,
    { auditLog, services, quotas }: Required<Pick<ControlPlaneOptions, 'auditLog' | 'services' | 'quotas'>>,
  ) {
    this.#programs = programs;
    this.#assets = assets;
    this.#ports = ports;
    this.#files = files;
    this.#authority = authority;
    this.#services = services;
    this.#quotas = quotas;
    this.#agent = new Agent({ ca: authority.certificate });
    this.adminToken = adminToken;
    this.ca = authority.certificate;
    this.directory = programs.directory;
    this.server = `https://127.0.0.1:${ports.apiServer}`;
    this.kubectlPath = assets.kubectl;
    this.kubeconfigPath = join(this.directory, 'admin.kubeconfig');
    this.auditLogPath = auditLog ? join(this.directory, 'audit.log') : undefined;
    this.kubectlEnvironment = {
      ...process.env,
      KUBECONFIG: this.kubeconfigPath,
      KUBECACHEDIR: join(this.directory, 'kubectl-cache'),
      KUBERC: 'off',
    };
  }

  /** @throws PortTakenError */
  static async start(
    assets: Assets,
    { dataDirectory, auditLog = false, services = false, quotas = false, findPort = freePort }: ControlPlaneOptions,
  ): Promise<ControlPlane> {
    const programs = await SupervisedPrograms.open(dataDirectory);
    try {
      const ports = { etcd: await findPort(), etcdPeer: await findPort(), apiServer: await findPort() };
      const authority = await CertificateAuthority.create('sharenet-local-control-plane');
      const adminToken = randomBytes(16).toString('hex');
      const files = await writeServerFiles(programs.directory, authority, adminToken);
      const plane = new ControlPlane(programs, assets, ports, files, authority, adminToken, {
        auditLog,
        services,
        quotas,
      });
      await plane.#startAll();
      return plane;
    } catch (error) {
      await programs.close();
      throw error;
    }
  }

  /** Process id of etcd; undefined once it has ended. */
  get etcdPid(): number | undefined {
    return this.#programs.pid('etcd');
  }

  /** Process id of kube-apiserver, a new one after each start; undefined while it is stopped. */
  get apiserverPid(): number | undefined {
    return this.#programs.pid('kube-apiserver');
  }

  /** Process id of kube-controller-manager; undefined while it is stopped. */
  get controllerManagerPid(): number | undefined {
    return this.#programs.pid('kube-controller-manager');
  }

  /**
   * Writes a kubeconfig of a user who is authenticated by a client certificate and has the rights that RBAC gives to
   * its name, its groups and `system:authenticated`. The user needs no declaration.
   *
   * @returns its absolute path, a new one for each call
   */
  async kubeconfigFor({ user, groups = [] }: KubeUser): Promise<string> {
    this.#kubeconfigs += 1;
    const file = join(this.directory, `${user.replace(/[^\w.-]/g, '_')}-${this.#kubeconfigs}.kubeconfig`);
    const credentials = await this.#authority.issueClient({ commonName: user, organizations: groups });
    await writeKubeconfig(file, this, user, credentials);
    return file;
  }

  /** Runs kubectl as the administrator, or with the kubeconfig given; a failing command is a result, not an error. */
  kubectl(args: readonly string[], options: KubectlOptions = {}): Promise<KubectlResult> {
    return runKubectl(this.kubectlPath, args, this.kubectlEnvironment, options);
  }

  /** Kills the API server; its port, certificate and data stay for {@link startApiServer}. */
  async stopApiServer(): Promise<void> {
    await this.#programs.kill('kube-apiserver');
  }

  /** Starts the API server after {@link stopApiServer}, on the same port and data; returns when it is ready. */
  async startApiServer(): Promise<void> {
    const flags = apiServerFlags(this.#files, this.#ports, this.auditLogPath);
    if (this.#services) flags.push('--enable-aggregator-routing');
    await this.#run('kube-apiserver', flags);
    await this.#until('kube-apiserver', 'ready', async () => (await this.#status('/readyz')) === 200);
  }

  /** {@link stopApiServer}, then {@link startApiServer}. */
  async restartApiServer(): Promise<void> {
    await this.stopApiServer();
    await this.startApiServer();
  }

  /** Freezes the API server: it keeps its connections, accepts new ones and answers nothing. */
  async pauseApiServer(): Promise<void> {
    await this.#programs.signal('kube-apiserver', 'SIGSTOP');
  }

  /** Ends {@link pauseApiServer}. */
  async resumeApiServer(): Promise<void> {
    await this.#programs.signal('kube-apiserver', 'SIGCONT');
  }

  /** Kills the controller manager: namespaces and owned objects stay as they are until it is started again. */
  async stopControllerManager(): Promise<void> {
    await this.#programs.kill('kube-controller-manager');
  }

  /** Starts the controller manager; at once it knows the kinds of today, while a running one looks every 30 s. */
  async startControllerManager(): Promise<void> {
    const user = 'system:kube-controller-manager';
    // The API server's roles for the single controllers are for service accounts of theirs; here one identity has all.
    const kubeconfig = await this.kubeconfigFor({ user, groups: ['system:masters'] });
    await this.#run(
      'kube-controller-manager',
      controllerManagerFlags(this.#files, kubeconfig, [
        ...(this.#services ? ['endpointslice'] : []),
        ...(this.#quotas ? ['resourcequota'] : []),
      ]),
    );
  }

  /** Kills the programs and removes the temporary folder; returns when nothing is left. Once more does nothing. */
  async stop(): Promise<void> {
    this.#agent.destroy();
    await this.#programs.close();
  }

  async #startAll(): Promise<void> {
    await writeKubeconfig(this.kubeconfigPath, this, 'admin', { token: this.adminToken });
    const client = `http://127.0.0.1:${this.#ports.etcd}`;
    const peer = `http://127.0.0.1:${this.#ports.etcdPeer}`;
    // The name tells our etcd from one that took the port before it.
    const name = `sharenet-${randomBytes(8).toString('hex')}`;
    await this.#run('etcd', [
      `--name=${name}`,
      `--data-dir=${join(this.directory, 'etcd')}`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=${name}=${peer}`,
      '--unsafe-no-fsync',
    ]);
    await this.#until('etcd', 'ready', async () => {
      // One who took the port may accept the connection and never answer.
      const signal = AbortSignal.timeout(probeTimeoutMilliseconds);
      const answer = await fetch(`${client}/v3/cluster/member/list`, { method: 'POST', body: '{}', signal });
      return answer.ok && (await answer.text()).includes(name);
    });
    await this.startApiServer();
    await this.startControllerManager();
    const hasDefault = async () => (await this.#status('/api/v1/namespaces/default')) === 200;
    await this.#until('kube-apiserver', 'serving the namespace default', hasDefault);
  }

  async #run(program: 'etcd' | 'kube-apiserver' | 'kube-controller-manager', args: readonly string[]): Promise<void> {
    await this.#programs.start(program, this.#assets[program], args, join(this.directory, `${program}.log`));
  }

  /** Polls until it holds; failures to connect count as not yet. */
  async #until(program: string, what: string, holds: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + readyTimeoutMilliseconds;
    for (;;) {
      const how = this.#programs.exit(program);
      if (how !== undefined) {
        const log = await this.#lastLines(program);
        const text = `${program} ended ${how} before it was ${what}: ${log}`;
        throw log.includes('address already in use') ? new PortTakenError(text) : new Error(text);
      }
      if (await holds().catch(() => false)) {
        return;
      }
      if (performance.now() > deadline) {
        const seconds = readyTimeoutMilliseconds / 1000;
        throw new Error(`${program} was not ${what} within ${seconds} s: ${await this.#lastLines(program)}`);
      }
      await delay(pollMilliseconds);
    }
  }

  async #lastLines(program: string): Promise<string> {
    const text = await readFile(join(this.directory, `${program}.log`), 'utf8').catch(() => '');
    return text.trimEnd().split('\n').slice(-5).join(' | ');
  }

  /** The status code that the API server answers to a GET of the administrator's. */
  #status(path: string): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${this.adminToken}` };
      request(
        `${this.server}${path}`,
        { agent: this.#agent, headers, timeout: probeTimeoutMilliseconds },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('timeout', function (this: { destroy: () => void }) {
          this.destroy();
        })
        .on('error', reject)
        .end();
    });
  }
}

/**
 * Starts a control plane on free ports of 127.0.0.1, after finding its programs (see {@link findAssets}, the first
 * time this may take minutes). It is ready when this returns. It ends with {@link ControlPlane.stop}, and also when
 * this process ends in whatever way, SIGKILL included.
 *
 * @throws when a program is missing or does not start; the message has the last lines of its log
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const { log = (line) => process.stderr.write(`${line}\n`) } = options;
  const assets = await findAssets(log);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ControlPlane.start(assets, options);
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === startAttempts) {
        throw error;
      }
      log(`a port was taken by another process; trying again (${error.message.slice(0, 120)})`);
    }
  }
}
