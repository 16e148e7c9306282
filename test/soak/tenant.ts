import { shareAccesses, shareNetworks, shares } from '../../src/api/v1alpha1/resource-types.ts';
import { isNotFound } from '../../src/runtime/api-error.ts';
import { restsWith, ruleDisagreement } from '../integration/crash/agreement.ts';
import { access, activeDirectory, network, passwordSecret, share } from '../integration/manifests.ts';
import type { TestCluster } from '../integration/test-cluster.ts';

const services = ['ad-a', 'ad-b', 'ad-c'];
const longLived = ['share-0', 'share-1', 'share-2', 'share-3'];
const mostRules = 40;

/** A tenant who changes things without pause, and knows what there should be. */
export class SoakTenant {
  readonly namespace: string;
  /** Changes that were asked for, by kind. */
  readonly done = new Map<string, number>();
  readonly #cluster: TestCluster;
  readonly #random: () => number;
  readonly #rules = new Map<string, { readonly share: string; level: 'rw' | 'ro' }>();
  #service = 'ad-a';
  #number = 0;

  private constructor(cluster: TestCluster, namespace: string, random: () => number) {
    this.#cluster = cluster;
    this.namespace = namespace;
    this.#random = random;
  }

  /** Makes the namespace, three services, a network and four shares. */
  static async settleIn(cluster: TestCluster, random: () => number): Promise<SoakTenant> {
    const tenant = new SoakTenant(cluster, await cluster.namespace(), random);
    const { namespace } = tenant;
    await cluster.apply(
      ...services.flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, 'secret-0'),
        activeDirectory(namespace, name),
      ]),
      tenant.#network(),
      ...longLived.map((name) => tenant.#share(name)),
    );
    return tenant;
  }

  /** Does one thing of those that tenants do. */
  async change(): Promise<void> {
    const [name, act] = this.#choose();
    await act();
    this.done.set(name, (this.done.get(name) ?? 0) + 1);
  }

  /** Why what is there is not what was asked for; undefined when it is. */
  async disagreement(): Promise<string | undefined> {
    const { namespace } = this;
    const stored = await this.#cluster.client.get(shareNetworks, { namespace, name: 'net' });
    if (!restsWith(stored, this.#service)) {
      return `${namespace}/net does not rest with ${this.#service}: ${JSON.stringify(stored.status)}`;
    }
    const { items } = await this.#cluster.client.list(shares, { namespace });
    const other = items.find(({ status }) => status?.phase !== 'available');
    if (other !== undefined) return `share ${namespace}/${other.metadata.name} is ${JSON.stringify(other.status)}`;
    const reason = await ruleDisagreement(this.#cluster, namespace, this.#rules);
    return reason === undefined ? undefined : `${namespace}: ${reason}`;
  }

  /** Deletes everything that it made. */
  async moveOut(): Promise<void> {
    const from = ['-n', this.namespace, 'delete', '--all', '--wait=false'];
    for (const kind of ['shareaccesses', 'shares', 'sharenetworks', 'securityservices']) {
      await this.#cluster.kubectl(...from, kind);
    }
    this.#rules.clear();
  }

  #choose(): readonly [string, () => Promise<unknown>] {
    const chance = this.#random();
    if (chance < 0.06) return ['security service changed', () => this.#changeService()];
    if (chance < 0.1) return ['password rotated', () => this.#rotate()];
    if (chance < 0.16) return ['share made and deleted', () => this.#passingShare()];
    const names = [...this.#rules.keys()];
    const rule = names[Math.floor(this.#random() * names.length)];
    if (rule === undefined || (chance < 0.5 && names.length < mostRules)) {
      return ['rule created', () => this.#grant()];
    }
    return chance < 0.75 ? ['rule deleted', () => this.#deny(rule)] : ['level changed', () => this.#turn(rule)];
  }

  async #changeService(): Promise<void> {
    const others = services.filter((name) => name !== this.#service);
    const service = others[Math.floor(this.#random() * others.length)] ?? 'ad-a';
    try {
      await this.#cluster.apply(this.#network(service));
      this.#service = service;
    } catch (error) {
      // While the change before is under way another one is refused.
      if (!String(error).includes('ShareNetworkNotActive')) throw error;
    }
  }

  async #rotate(): Promise<void> {
    this.#number += 1;
    const { namespace } = this;
    await this.#cluster.apply(passwordSecret(namespace, `${this.#service}-password`, `secret-${this.#number}`));
    const annotation = `sharenet.io/reapply-requested-at=${this.#number}`;
    await this.#cluster.kubectl('-n', namespace, 'annotate', '--overwrite', 'sharenetwork', 'net', annotation);
  }

  /** The operator may not have seen it yet when it goes. */
  async #passingShare(): Promise<void> {
    this.#number += 1;
    const name = `passing-${this.#number}`;
    await this.#cluster.apply(this.#share(name));
    await this.#cluster.client.delete(shares, { namespace: this.namespace, name });
  }

  async #grant(): Promise<void> {
    this.#number += 1;
    const name = `${this.namespace}-u${this.#number}`;
    const rule = {
      share: longLived[this.#number % longLived.length] ?? 'share-0',
      level: this.#random() < 0.5 ? ('rw' as const) : ('ro' as const),
    };
    const { namespace } = this;
    await this.#cluster.client.create(shareAccesses, access(namespace, name, rule.share, { accessLevel: rule.level }));
    this.#rules.set(name, rule);
  }

  async #deny(name: string): Promise<void> {
    await this.#cluster.client.delete(shareAccesses, { namespace: this.namespace, name });
    this.#rules.delete(name);
  }

  async #turn(name: string): Promise<void> {
    const rule = this.#rules.get(name);
    if (rule === undefined) return;
    rule.level = rule.level === 'rw' ? 'ro' : 'rw';
    const patch = { spec: { accessLevel: rule.level } };
    await this.#cluster.client
      .mergePatch(shareAccesses, { namespace: this.namespace, name }, patch)
      .catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
  }

  #network(service = this.#service) {
    return network(this.namespace, 'net', [{ type: 'active_directory', name: service }]);
  }

  #share(name: string) {
    return share(this.namespace, name, { shareNetworkName: 'net', backendName: 'dummy' });
  }
}
