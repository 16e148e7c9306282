import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  apiVersion,
  securityServices,
  shareAccesses,
  shareNetworks,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { access, activeDirectory, backend, ldap, network, passwordSecret, share } from '../manifests.ts';
import { ad, Scene } from '../network-change/scene.ts';
import { RawRequests } from '../rbac/raw-request.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import type { TestCluster } from '../test-cluster.ts';
import { startWithWebhook, webhookCluster } from './webhook.ts';

/** A write that must not come into force, on a cluster that was prepared for it. */
interface Attempt {
  readonly type: ResourceType;
  readonly name: string;
  readonly namespace?: string;
  /** A whole object is created, a merge patch changes what is there. */
  readonly write: { readonly create: object } | { readonly patch: object };
  /** In the message. */
  readonly names: string;
}

interface Refusal {
  readonly title: string;
  readonly code: number;
  readonly reason: string;
  /** Reason of the condition without the webhook, where the object's own state says more. */
  readonly condition?: string;
  /** Whether a dry run passes with a warning. */
  readonly warned?: true;
  readonly arrange: (cluster: TestCluster) => Promise<Attempt>;
}

const update = 'updateShareServerSecurityService';
const check = 'checkUpdateShareServerSecurityService';
const changes = [update, check];

/** A change of the references of a scene's network. */
function referring(
  { namespace }: { readonly namespace: string },
  references: readonly { readonly type: string; readonly name: string }[],
  names: string,
): Attempt {
  return {
    type: shareNetworks,
    name: 'net',
    namespace,
    write: { patch: { spec: { securityServices: references } } },
    names,
  };
}

function creating<T extends KubeObject>(type: ResourceType, object: T, names: string): Attempt {
  const { name, namespace } = object.metadata;
  return { type, name, ...(namespace === undefined ? {} : { namespace }), write: { create: object }, names };
}

/** What the guard refuses at the webhook; a network that is not active is the CRD's matter, but for tokens. */
const guard: readonly Refusal[] = [
  {
    title: 'a reapply token while the network is not active',
    code: 422,
    reason: 'ShareNetworkNotActive',
    condition: 'NetworkError',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      await scene.reset('sharenetwork', 'net', 'error');
      await scene.network('in error', (net) => conditionOf(net, 'Ready') === 'False/NetworkError');
      const patch = { metadata: { annotations: { 'sharenet.io/reapply-requested-at': 'now' } } };
      return { type: shareNetworks, name: 'net', namespace: scene.namespace, write: { patch }, names: 'net' };
    },
  },
  {
    title: 'a service that does not exist',
    code: 400,
    reason: 'SecurityServiceNotFound',
    warned: true,
    arrange: async (cluster) => referring(await Scene.make(cluster, { shares: 1 }), [ad('nobody')], 'nobody'),
  },
  {
    title: 'a service of another type',
    code: 400,
    reason: 'SecurityServiceTypeMismatch',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      await cluster.apply(
        passwordSecret(scene.namespace, 'dir-password', 'secret-of-dir'),
        ldap(scene.namespace, 'dir'),
      );
      await cluster.until(securityServices, { namespace: scene.namespace, name: 'dir' }, 'known', isObserved);
      return referring(scene, [ad('dir')], 'dir');
    },
  },
  {
    title: 'an entry is removed',
    code: 403,
    reason: 'ShareNetworkInUse',
    arrange: async (cluster) => referring(await Scene.make(cluster, { shares: 1 }), [], 'ad-a'),
  },
  {
    title: 'a server that can not be updated',
    code: 403,
    reason: 'SecurityServiceUpdateNotSupported',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1, dummy: { securityServiceUpdateSupport: false } });
      return referring(scene, [ad('ad-b')], await scene.serverName(0));
    },
  },
  {
    title: 'a type that the backend does not support',
    code: 403,
    reason: 'SecurityServiceTypeNotSupported',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1, dummy: { securityServiceTypes: ['active_directory'] } });
      await cluster.apply(
        passwordSecret(scene.namespace, 'dir-password', 'secret-of-dir'),
        ldap(scene.namespace, 'dir'),
      );
      await cluster.until(securityServices, { namespace: scene.namespace, name: 'dir' }, 'known', isObserved);
      return referring(scene, [ad('ad-a'), { type: 'ldap', name: 'dir' }], await scene.serverName(0));
    },
  },
  {
    title: 'a backend that is switched off',
    code: 409,
    reason: 'BackendUnavailable',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      await cluster.kubectl('patch', 'sbe', scene.backendName, '--type=merge', '-p', '{"spec":{"enabled":false}}');
      await cluster.until(storageBackends, { name: scene.backendName }, 'off', isObserved);
      return referring(scene, [ad('ad-b')], scene.backendName);
    },
  },
  {
    title: 'a server that is not active',
    code: 409,
    reason: 'ShareServerNotActive',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const name = await scene.serverName(0);
      await scene.reset('shareserver', name, 'error');
      await scene.network('seen', ({ status }) => status?.shareServers?.error === 1);
      return referring(scene, [ad('ad-b')], name);
    },
  },
  {
    title: 'a share that is left alone',
    code: 409,
    reason: 'ShareBusy',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      await scene.annotate('shr', 'share-0', 'sharenet.io/paused=true');
      await cluster.until(
        shares,
        { namespace: scene.namespace, name: 'share-0' },
        'paused',
        (object) => conditionOf(object, 'Ready') === 'False/Paused',
      );
      return referring(scene, [ad('ad-b')], 'share-0');
    },
  },
  {
    title: 'a service whose password is missing',
    code: 400,
    reason: 'SecurityServiceIncomplete',
    warned: true,
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      await cluster.apply(activeDirectory(scene.namespace, 'mute'));
      await cluster.until(securityServices, { namespace: scene.namespace, name: 'mute' }, 'known', isObserved);
      return referring(scene, [ad('mute')], 'mute-password');
    },
  },
];

const others: readonly Refusal[] = [
  {
    title: 'a network in the namespace of the operator with a security service',
    code: 403,
    reason: 'SecurityServiceNotAllowed',
    arrange: async () => creating(shareNetworks, network('sharenet-system', 'inside', [ad('ad-a')]), 'sharenet-system'),
  },
  {
    title: 'a security service in the namespace of the operator',
    code: 403,
    reason: 'NamespaceNotAllowed',
    arrange: async () => creating(securityServices, activeDirectory('sharenet-system', 'inside'), 'sharenet-system'),
  },
  {
    title: 'a security service whose organizational unit is no distinguished name',
    code: 400,
    reason: 'InvalidDistinguishedName',
    arrange: async (cluster) => {
      const namespace = await cluster.namespace();
      return creating(securityServices, activeDirectory(namespace, 'ad', { ou: 'OU=A + B #1' }), 'at character 6');
    },
  },
  {
    title: 'subnets that overlap',
    code: 400,
    reason: 'SubnetInvalid',
    arrange: async (cluster) => {
      const namespace = await cluster.namespace();
      const subnets = [
        { name: 'one', networkType: 'flat' as const, cidr: '10.1.0.0/16', availabilityZone: 'one' },
        { name: 'two', networkType: 'flat' as const, cidr: '10.1.2.0/24', availabilityZone: 'two' },
      ];
      return creating(shareNetworks, network(namespace, 'net', [], { subnets }), 'two');
    },
  },
  {
    title: 'an allocation range that ends before it begins',
    code: 400,
    reason: 'SubnetInvalid',
    arrange: async (cluster) => {
      const namespace = await cluster.namespace();
      const allocationRanges = ['10.1.0.90-10.1.0.10'];
      const subnets = [{ name: 'one', networkType: 'flat' as const, cidr: '10.1.0.0/16', allocationRanges }];
      return creating(shareNetworks, network(namespace, 'net', [], { subnets }), '10.1.0.90-10.1.0.10');
    },
  },
  {
    title: 'a subnet that share servers use, removed',
    code: 403,
    reason: 'SubnetInUse',
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const subnets = [{ name: 'another', networkType: 'flat', cidr: '10.30.0.0/16' }];
      return {
        type: shareNetworks,
        name: 'net',
        namespace: scene.namespace,
        write: { patch: { spec: { subnets } } },
        names: 'default',
      };
    },
  },
  {
    title: 'a share of a protocol that the backend does not speak',
    code: 400,
    reason: 'ProtocolNotSupported',
    arrange: async (cluster) => {
      const tenant = await Tenant.make(cluster, { shareProtocols: ['CEPHFS'] });
      const { backendName } = tenant;
      return creating(shares, share(tenant.namespace, 'share', { protocol: 'NFS', backendName }), 'NFS');
    },
  },
  {
    title: 'a rule of a type that the backend does not know',
    code: 400,
    reason: 'AccessTypeNotSupported',
    arrange: async (cluster) => {
      const tenant = await Tenant.make(cluster);
      await tenant.makeShares(['share']);
      const rule = access(tenant.namespace, 'rule', 'share', { accessType: 'cert', accessTo: 'client.example.com' });
      return creating(shareAccesses, rule, 'cert');
    },
  },
  {
    title: 'a second rule for the same client in another spelling',
    code: 400,
    reason: 'DuplicateAccessRule',
    arrange: async (cluster) => {
      const tenant = await Tenant.make(cluster);
      await tenant.makeShares(['share'], { protocol: 'NFS' });
      await tenant.grant('first', 'share', { accessType: 'ip', accessTo: '2001:db8::/128' });
      await tenant.untilActive('first');
      const rule = access(tenant.namespace, 'second', 'share', { accessType: 'ip', accessTo: '2001:DB8:0:0::0' });
      return creating(shareAccesses, rule, 'first');
    },
  },
  {
    title: 'a configuration that the driver does not take',
    code: 400,
    reason: 'InvalidConfiguration',
    arrange: async (cluster) => {
      const name = `bad-${await cluster.namespace()}`;
      const spec = { driver: 'vendor.example/none', parameters: { any: 'thing' } };
      return creating(storageBackends, { ...backend(name, {}), spec }, 'vendor.example/none');
    },
  },
];

/** What the CRDs refuse by themselves, whether or not the webhook is there. */
const always: readonly Omit<Refusal, 'reason'>[] = [
  {
    title: 'other security services while the network is not active',
    code: 422,
    arrange: async (cluster) => {
      const scene = await Scene.make(cluster);
      await scene.reset('sharenetwork', 'net', 'network_change');
      return referring(scene, [ad('ad-b')], 'retry once the network is active');
    },
  },
  {
    title: 'another domain in a security service that is in use',
    code: 422,
    arrange: async (cluster) => {
      const { namespace } = await Scene.make(cluster, { shares: 1 });
      await cluster.until(
        securityServices,
        { namespace, name: 'ad-a' },
        'in use',
        ({ status }) => status?.inUse === true,
      );
      const patch = { spec: { domain: 'other.example.com' } };
      return {
        type: securityServices,
        name: 'ad-a',
        namespace,
        write: { patch },
        names: 'only description may be changed',
      };
    },
  },
  {
    title: 'a share network that does not exist',
    code: 404,
    arrange: async (cluster) => referring({ namespace: await cluster.namespace() }, [ad('ad-b')], 'net'),
  },
];

function isObserved(object: KubeObject & { readonly status?: { readonly observedGeneration?: number } }): boolean {
  return object.status?.observedGeneration === object.metadata.generation;
}

describe.each([
  ['with the webhook', true],
  ['without the webhook', false],
])('%s', (_title, admission) => {
  let cluster: TestCluster;
  let raw: RawRequests;

  beforeAll(async () => {
    cluster = await webhookCluster();
    if (admission) await startWithWebhook(cluster);
    else await cluster.startOperator();
    raw = await RawRequests.of(cluster.plane, { user: 'somebody', groups: ['system:masters'] });
  }, 180_000);

  afterAll(async () => {
    await raw?.close();
    await cluster?.stop();
  });

  async function send(attempt: Attempt, query = '') {
    const { type, name, namespace, write } = attempt;
    const collection = `/apis/${apiVersion}/${namespace === undefined ? '' : `namespaces/${namespace}/`}${type.plural}`;
    if ('create' in write) return await raw.send('POST', `${collection}${query}`, write.create);
    return await raw.send('PATCH', `${collection}/${name}${query}`, write.patch);
  }

  async function callsOf(attempt: Attempt, operations: readonly string[]): Promise<readonly string[]> {
    const calls = await cluster.calls();
    return calls
      .filter(({ namespace, operation }) => namespace === attempt.namespace && operations.includes(operation))
      .map(({ operation }) => operation);
  }

  test.each([...guard, ...others])('$title: $code $reason', async (refusal) => {
    const { code, reason, condition = reason, warned, arrange } = refusal;
    const attempt = await arrange(cluster);
    const { type, name, namespace } = attempt;
    const key = { name, ...(namespace === undefined ? {} : { namespace }) };
    const operations = type === shareAccesses ? ['updateAccess'] : [...changes, 'createShare', 'setupServer'];
    const callsBefore = await callsOf(attempt, operations);
    const before = await cluster.find(type, key);
    const dry = await send(attempt, '?dryRun=All');
    if (admission) {
      if (warned) expect([dry.code, dry.warning]).toEqual([200, expect.stringContaining(reason)]);
      else expect([dry.code, dry.reason]).toEqual([code, reason]);
      const answer = await send(attempt);
      expect([answer.code, answer.reason]).toEqual([code, reason]);
      expect(answer.message).toContain(attempt.names);
      expect(answer.message).not.toContain('\n');
      if (code === 409) expect(answer.message).toContain('not a field conflict; retry later');
      const after = await cluster.find(type, key);
      expect(after?.metadata.generation).toBe(before?.metadata.generation);
    } else {
      expect(dry.code).toBeLessThan(300);
      expect((await send(attempt)).code).toBeLessThan(300);
      const told = await cluster.until(
        type,
        key,
        condition,
        (object) => conditionOf(object, 'Ready') === `False/${condition}`,
      );
      if (condition === reason) expect(messageOf(told, 'Ready')).toContain(attempt.names);
    }
    expect(await callsOf(attempt, operations)).toEqual(callsBefore);
  });

  test.each(always)('$title: $code', async ({ code, arrange }) => {
    const attempt = await arrange(cluster);
    const answer = await send(attempt);
    expect(answer.code).toBe(code);
    expect(answer.message).toContain(attempt.names);
  });
});
