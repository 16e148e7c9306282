import { isDeepStrictEqual } from 'node:util';
import { finalizer } from '../../../src/api/v1alpha1/labels.ts';
import type { SecurityService } from '../../../src/api/v1alpha1/security-service.ts';
import type { Share } from '../../../src/api/v1alpha1/share.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { ShareNetwork } from '../../../src/api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../../src/api/v1alpha1/share-server.ts';
import { secretText } from '../../../src/runtime/core-types.ts';
import type { KubeObject } from '../../../src/runtime/kube-object.ts';
import { parseQuantity } from '../../../src/values/quantity.ts';
import type { Observed } from './world.ts';

/**
 * What must be the case when the operator is idle, from the specs that people wrote: `yes`, `no`, or `open` where it depends on
 * what was there before.
 */
export type Expected = 'yes' | 'no' | 'open';

/** How much the model said about what it looked at. */
export interface Verdict {
  /** Where the cluster and the backends differ from the model; empty when they agree. */
  readonly problems: readonly string[];
  /** How often the model knew the answer: shares, rules and networks by their {@link Expected}. */
  readonly said: Readonly<Record<string, number>>;
}

interface WithStatus extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

const accessTypes: Readonly<Record<string, readonly string[]>> = {
  NFS: ['ip', 'user', 'cert'],
  CIFS: ['user', 'ip'],
  CEPHFS: ['cephx', 'ip', 'user'],
};

/** Rules that were in force when the operator was last idle, by UID: of two for one target these stay. */
export type InForce = ReadonlySet<string>;

/** Holds what is there against the model. */
export function judge(observed: Observed, inForce: InForce): Verdict {
  const problems: string[] = [];
  const said: Record<string, number> = {};
  const note = (what: string, expected: Expected): void => {
    said[`${what} ${expected}`] = (said[`${what} ${expected}`] ?? 0) + 1;
  };
  const wrong = (object: KubeObject, text: string): void => {
    problems.push(`${object.kind ?? ''} ${object.metadata.name}: ${text}`);
  };
  const model = new Model(observed);

  for (const backend of observed.backends) {
    if (leaving(backend)) {
      if (!model.backendIsUsed(backend.metadata.name)) wrong(backend, 'is deleted and not used, and still there');
      continue;
    }
    if (!is(backend, 'Ready')) wrong(backend, `is not ready: ${reasonOf(backend)}`);
    mustBeObserved(backend, wrong);
  }

  for (const service of observed.services) {
    const used = model.serviceIsUsed(service);
    if (leaving(service) && !used) wrong(service, 'is deleted and not used, and still there');
    if (!leaving(service)) mustBeObserved(service, wrong);
  }

  for (const network of observed.networks) {
    const shares = observed.shares.filter(({ spec }) => spec.shareNetworkName === network.metadata.name);
    if (leaving(network)) {
      if (shares.length === 0) wrong(network, 'is deleted and has no shares, and still there');
      continue;
    }
    mustBeObserved(network, wrong);
    if (network.status?.phase !== 'active') wrong(network, `is in phase ${network.status?.phase}`);
    if (network.status?.networkChange !== undefined) wrong(network, 'has a change under way');
    const expected = model.takesItsServices(network);
    note('network', expected);
    const recorded = (network.status?.securityServices ?? []).map(({ type, name, uid }) => `${type}=${name} ${uid}`);
    const wanted = model.referencesOf(network);
    if (expected === 'yes') {
      if (!isDeepStrictEqual([...recorded].sort(), [...wanted].sort())) {
        wrong(network, `has recorded ${recorded.join()} and not ${wanted.join()}: ${reasonOf(network)}`);
      }
      if (!is(network, 'Ready')) wrong(network, `is not ready: ${reasonOf(network)}`);
      if (!is(network, 'SecurityServicesUpToDate')) wrong(network, 'is not up to date');
    }
    if (expected === 'no' && is(network, 'Ready')) wrong(network, `is ready with ${wanted.join()}`);
  }

  for (const server of observed.servers) {
    const shares = observed.shares.filter(({ status }) => status?.shareServerName === server.metadata.name);
    if (shares.length === 0) {
      wrong(server, `has no shares, and is still there: ${server.status?.phase} ${reasonOf(server)}`);
    }
    const stored = observed.stored.servers.find(({ id }) => id === server.metadata.uid);
    if (server.status?.identifier === undefined) {
      if (!leaving(server) && is(server, 'Ready')) wrong(server, 'is ready and was never made');
      continue;
    }
    if (stored === undefined) wrong(server, 'is not on the backend');
    if (leaving(server)) continue;
    mustBeObserved(server, wrong);
    if (server.status.phase !== 'active') wrong(server, `is in phase ${server.status.phase}: ${reasonOf(server)}`);
    if (server.status.operation !== undefined) wrong(server, 'has an operation under way');
    const applied = (server.status.securityServices ?? []).map(serviceFacts).sort();
    const there = Object.values(stored?.securityServices ?? {})
      .map(serviceFacts)
      .sort();
    if (!isDeepStrictEqual(applied, there)) wrong(server, `applied ${applied.join()}, has ${there.join()}`);
    const network = observed.networks.find(({ metadata }) => metadata.name === server.spec.shareNetworkName);
    if (network !== undefined && model.takesItsServices(network) === 'yes') {
      const wanted = model.contentsOf(network);
      if (!isDeepStrictEqual(there, wanted)) wrong(server, `has ${there.join()}, wanted ${wanted.join()}`);
    }
  }
  for (const { id, name } of observed.stored.servers) {
    if (!observed.servers.some(({ metadata }) => metadata.uid === id)) problems.push(`server ${name} is left behind`);
  }

  for (const share of observed.shares) {
    if (leaving(share)) {
      wrong(share, `is deleted, and still there: ${reasonOf(share)}`);
      continue;
    }
    mustBeObserved(share, wrong);
    const expected = model.isMade(share);
    const stored = observed.stored.shares.find(({ id }) => id === share.metadata.uid);
    const made = share.status?.identifier !== undefined;
    note('share', made ? 'yes' : expected);
    if (expected === 'yes' && !made) wrong(share, `is not made: ${reasonOf(share)}`);
    if (expected === 'no' && made) wrong(share, 'is made');
    if (made !== (stored !== undefined)) wrong(share, made ? 'is not on the backend' : 'is on the backend already');
    if (!made) {
      if (is(share, 'Ready')) wrong(share, 'is ready and was never made');
      continue;
    }
    if (share.status?.phase !== 'available') wrong(share, `is in phase ${share.status?.phase}: ${reasonOf(share)}`);
    if (share.status?.operation !== undefined) wrong(share, 'has an operation under way');
    if (model.rests(share) === 'yes') {
      if (!is(share, 'Ready')) wrong(share, `is not ready: ${reasonOf(share)}`);
      const size = parseQuantity(share.spec.size);
      if (stored?.size !== size) wrong(share, `has ${stored?.size} bytes on the backend, wanted ${size}`);
    }
  }
  for (const { id, name } of observed.stored.shares) {
    if (!observed.shares.some(({ metadata }) => metadata.uid === id)) problems.push(`share ${name} is left behind`);
  }

  const granted = new Set<string>();
  for (const rule of observed.rules) {
    if (leaving(rule)) {
      wrong(rule, `is deleted, and still there: ${reasonOf(rule)}`);
      continue;
    }
    const expected = model.isInForce(rule, inForce);
    note('rule', expected);
    const isActive = rule.status?.phase === 'active';
    if (expected === 'yes' && !isActive) wrong(rule, `is not active: ${rule.status?.phase} ${reasonOf(rule)}`);
    if (expected === 'no' && isActive) wrong(rule, 'is active');
    if (expected === 'open' && !isActive) continue;
    mustBeObserved(rule, wrong);
    if (isActive !== is(rule, 'Ready')) wrong(rule, `is ${rule.status?.phase} and Ready ${reasonOf(rule)}`);
    const share = observed.shares.find(({ metadata }) => metadata.name === rule.spec.shareName);
    const stored = observed.stored.shares.find(({ id }) => id === share?.metadata.uid);
    const target = `${rule.spec.accessType}:${rule.spec.accessTo}`;
    const level = rule.spec.accessLevel ?? 'rw';
    const secret = observed.keySecrets.find(({ metadata }) => metadata.name === `${rule.metadata.name}-access-key`);
    if (!isActive) {
      if (secret !== undefined) wrong(rule, 'is not active and has a Secret');
      continue;
    }
    granted.add(`${share?.metadata.uid} ${target}`);
    if (stored?.rules[target]?.accessLevel !== level) {
      wrong(rule, `is ${level}, and on the backend ${stored?.rules[target]?.accessLevel}`);
    }
    if (rule.status?.accessLevel !== level) wrong(rule, `says ${rule.status?.accessLevel}, wanted ${level}`);
    if (rule.spec.accessType !== 'cephx') {
      if (secret !== undefined || rule.status?.accessKeySecretRef !== undefined) wrong(rule, 'has a Secret');
      continue;
    }
    const key = observed.stored.keys.find(
      ({ id, backend }) => id === rule.spec.accessTo && backend === stored?.backend,
    );
    if (key === undefined) wrong(rule, 'has no key on the backend');
    if (secret === undefined) wrong(rule, 'has no Secret');
    else {
      if (secretText(secret, 'accessKey') !== key?.key) wrong(rule, "has a Secret without the backend's key");
      if (secretText(secret, 'userID') !== rule.spec.accessTo) wrong(rule, 'has a Secret for another id');
      const owner = secret.metadata.ownerReferences?.[0]?.uid;
      if (owner !== rule.metadata.uid) wrong(rule, 'has a Secret that is not its own');
      if (rule.status?.accessKeySecretRef?.name !== secret.metadata.name) wrong(rule, 'does not name its Secret');
    }
  }
  for (const share of observed.stored.shares) {
    for (const target of Object.keys(share.rules)) {
      if (!granted.has(`${share.id} ${target}`)) problems.push(`share ${share.name} grants ${target} to no one's rule`);
    }
  }
  for (const { metadata } of observed.keySecrets) {
    const name = metadata.name.replace(/-access-key$/, '');
    if (!observed.rules.some((rule) => rule.metadata.name === name)) problems.push(`Secret ${metadata.name} is left`);
  }
  for (const { id, backend, shares } of observed.stored.keys) {
    const users = observed.stored.shares.filter((share) => share.backend === backend && `cephx:${id}` in share.rules);
    const wanted = users.map((share) => share.id).sort();
    if (!isDeepStrictEqual([...shares].sort(), wanted)) problems.push(`key ${id} on ${backend} is for other shares`);
  }
  return { problems, said };
}

/** The rules that are in force, for the next look. */
export function rulesInForce({ rules }: Observed): InForce {
  return new Set(rules.filter(({ status }) => status?.phase === 'active').map(({ metadata }) => metadata.uid ?? ''));
}

class Model {
  readonly #observed: Observed;

  constructor(observed: Observed) {
    this.#observed = observed;
  }

  backendIsUsed(name: string): boolean {
    const { shares, servers } = this.#observed;
    return (
      shares.some(({ spec, status }) => spec.backendName === name || status?.backendName === name) ||
      servers.some(({ spec }) => spec.backendName === name)
    );
  }

  serviceIsUsed({ metadata }: SecurityService): boolean {
    const { networks, servers } = this.#observed;
    const uses = ({ status }: ShareNetwork | ShareServer): boolean =>
      status?.securityServices?.some(({ uid }) => uid === metadata.uid) === true;
    return networks.some(uses) || servers.some(uses);
  }

  /** Whether the network's references are what is recorded, and what its servers have. */
  takesItsServices(network: ShareNetwork): Expected {
    const references = network.spec.securityServices ?? [];
    const services = references.map(({ name }) => this.#service(name));
    const servers = this.#serversOf(network);
    const inUse = servers.filter(({ status }) => status?.identifier !== undefined);
    if (!subnetsAreValid(network)) return 'open';
    if (references.some(({ type }, index) => services[index] !== undefined && services[index].spec.type !== type)) {
      return 'no';
    }
    if (services.some((service) => service === undefined)) return 'open';
    if (services.some((service) => service !== undefined && leaving(service))) return 'open';
    if (servers.length === 0) return 'yes';
    // A server that was never set up takes part or not, as it comes to be.
    if (inUse.length < servers.length || servers.some(leaving)) return 'open';
    const recorded = network.status?.securityServices ?? [];
    if (recorded.some(({ type }) => !references.some((reference) => reference.type === type))) return 'no';
    if (servers.some(({ spec }) => spec.securityServiceUpdateSupport !== true)) return 'open';
    if (servers.some((server) => !this.#capable(server))) return 'open';
    if (!services.every((service) => service !== undefined && this.#isComplete(service))) return 'open';
    return servers.every((server) => hasItsSubnet(network, server)) ? 'yes' : 'open';
  }

  /** `type=name uid` of the services that the network refers to. */
  referencesOf({ spec }: ShareNetwork): readonly string[] {
    return (spec.securityServices ?? []).map(
      ({ type, name }) => `${type}=${name} ${this.#service(name)?.metadata.uid ?? ''}`,
    );
  }

  /** What the referenced services say. */
  contentsOf({ spec }: ShareNetwork): readonly string[] {
    return (spec.securityServices ?? []).map(({ name }) => serviceFacts({ name, ...this.#service(name)?.spec })).sort();
  }

  isMade(share: Share): Expected {
    if (share.status?.identifier !== undefined) return 'open';
    const { shareNetworkName, backendName, protocol, availabilityZone } = share.spec;
    const onNetwork = shareNetworkName !== undefined;
    const fitting = onNetwork ? 'handling' : 'plain';
    if (backendName !== undefined && backendName !== fitting) return 'no';
    const backend = this.#observed.backends.find(({ metadata }) => metadata.name === fitting);
    if (backend === undefined || leaving(backend)) return 'no';
    if (!onNetwork) return 'yes';
    const network = this.#observed.networks.find(({ metadata }) => metadata.name === shareNetworkName);
    if (network === undefined || leaving(network)) return 'no';
    const subnets = network.spec.subnets ?? [];
    const subnet =
      subnets.find((one) => one.availabilityZone === availabilityZone) ??
      subnets.find((one) => one.availabilityZone === undefined);
    if (subnet === undefined) return 'no';
    if (subnet.networkType !== 'flat') return 'no';
    if (!subnetsAreValid(network)) return 'open';
    const services = (network.spec.securityServices ?? []).map(({ name }) => this.#service(name));
    const types = services.map((service) => service?.spec.type);
    if (protocol === 'CIFS' && !types.includes('active_directory') && !types.includes('ldap')) return 'open';
    const usable = services.every((service) => service !== undefined && !leaving(service) && this.#isComplete(service));
    const settled = this.takesItsServices(network) === 'yes';
    const servers = this.#serversOf(network);
    return usable && settled && servers.every((server) => hasItsSubnet(network, server)) ? 'yes' : 'open';
  }

  /** Whether nothing keeps a made share from being as its spec says. */
  rests(share: Share): Expected {
    const { backendName, shareServerName } = share.status ?? {};
    if (!this.#observed.backends.some(({ metadata }) => metadata.name === backendName)) return 'open';
    if (shareServerName === undefined) return 'yes';
    const server = this.#observed.servers.find(({ metadata }) => metadata.name === shareServerName);
    const network = this.#observed.networks.find(({ metadata }) => metadata.name === share.spec.shareNetworkName);
    return server?.status?.phase === 'active' && network?.status?.phase === 'active' ? 'yes' : 'open';
  }

  isInForce(rule: ShareAccess, inForce: InForce): Expected {
    const { shareName, accessType, accessTo } = rule.spec;
    const share = this.#observed.shares.find(({ metadata }) => metadata.name === shareName);
    if (share?.status?.identifier === undefined) return 'no';
    if (!accessTypes[share.spec.protocol]?.includes(accessType)) return 'no';
    if (accessType === 'cephx' && accessTo === 'admin') return 'no';
    if (this.rests(share) !== 'yes') return 'open';
    const rivals = this.#observed.rules.filter((other) => !leaving(other) && targetOf(other) === targetOf(rule));
    if (rivals.length === 1) return 'yes';
    const held = rivals.filter(({ metadata }) => inForce.has(metadata.uid ?? ''));
    if (held.length === 1) return held[0] === rule ? 'yes' : 'no';
    // Exactly one of them, and which one depends on what was applied in between.
    const active = rivals.filter(({ status }) => status?.phase === 'active').length;
    return active === 1 ? 'open' : 'yes';
  }

  #service(name: string): SecurityService | undefined {
    return this.#observed.services.find(({ metadata }) => metadata.name === name);
  }

  #serversOf({ metadata }: ShareNetwork): readonly ShareServer[] {
    return this.#observed.servers.filter(({ spec }) => spec.shareNetworkName === metadata.name);
  }

  #capable({ spec }: ShareServer): boolean {
    const backend = this.#observed.backends.find(({ metadata }) => metadata.name === spec.backendName);
    return (
      backend !== undefined && !leaving(backend) && backend.status?.capabilities?.securityServiceUpdateSupport === true
    );
  }

  #isComplete({ spec }: SecurityService): boolean {
    const has = (...fields: readonly (keyof typeof spec)[]): boolean =>
      fields.every((field) => (Array.isArray(spec[field]) ? spec[field].length > 0 : spec[field] !== undefined));
    const secret = this.#observed.passwords.find(({ metadata }) => metadata.name === spec.passwordSecretRef?.name);
    if (!has('user') || secret === undefined || !secretText(secret, spec.passwordSecretRef?.key ?? 'password')) {
      return false;
    }
    if (spec.type === 'active_directory') return has('dnsIPs', 'domain');
    return spec.type === 'ldap' ? has('servers') || has('domain') : has('dnsIPs', 'domain', 'servers');
  }
}

/** The networks and zones of its subnets do not meet. */
function subnetsAreValid({ spec }: ShareNetwork): boolean {
  const cidrs = (spec.subnets ?? []).map(({ cidr }) => cidr);
  return new Set(cidrs).size === cidrs.length;
}

/** Whether the subnet that a server uses is as the server was given it. */
function hasItsSubnet({ spec }: ShareNetwork, server: ShareServer): boolean {
  const subnet = spec.subnets?.find(({ name }) => name === server.spec.subnetName);
  return subnet !== undefined && isDeepStrictEqual({ ...server.status?.subnet }, { ...subnet });
}

/** Whom a rule is about, on which share: spellings of one address are one. */
function targetOf({ spec }: ShareAccess): string {
  const same: Readonly<Record<string, string>> = { '10.0.0.1/32': '10.0.0.1', '2001:DB8:0::1': '2001:db8::1' };
  return `${spec.shareName} ${spec.accessType} ${same[spec.accessTo] ?? spec.accessTo}`;
}

function serviceFacts({ name, domain, user }: { name?: string; domain?: string; user?: string }): string {
  return `${name} ${domain ?? ''} ${user ?? ''}`;
}

function leaving({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function conditionOf({ status }: WithStatus, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}

function is(object: WithStatus, type: string): boolean {
  return conditionOf(object, type)?.status === 'True';
}

function reasonOf(object: WithStatus): string {
  return conditionOf(object, 'Ready')?.reason ?? 'no condition Ready';
}

/** Every object says what became of its present spec, in conditions that do not contradict each other. */
function mustBeObserved(object: WithStatus, wrong: (object: KubeObject, text: string) => void): void {
  const { status, metadata } = object;
  if (status?.observedGeneration !== metadata.generation) {
    wrong(object, `observed generation ${status?.observedGeneration} of ${metadata.generation}: ${reasonOf(object)}`);
  }
  if (conditionOf(object, 'Ready') === undefined) wrong(object, 'has no condition Ready');
  for (const type of ['Reconciling', 'Stalled']) {
    if (is(object, 'Ready') && is(object, type)) wrong(object, `is Ready and ${type}`);
  }
  const kept = ['ShareNetwork', 'Share', 'StorageBackend'].includes(object.kind ?? '');
  if (kept && metadata.finalizers?.includes(finalizer) !== true) wrong(object, 'has no finalizer');
}
