import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ObjectName, ResourceType } from '../../../src/runtime/kube-object.ts';
import { AdmissionPolicy, type Refusal } from '../admission-policy.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { ad, Scene } from '../network-change/scene.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

/** Where a write is refused, what makes the operator write, and who has to say so. */
interface Case {
  readonly refusal: Refusal;
  readonly trigger: () => Promise<unknown>;
  /** The object that shows the refusal; worked out when the write was made. */
  readonly shown: () => Promise<readonly [ResourceType, ObjectName]>;
  /** What follows when it is refused no more. */
  readonly recovered: () => Promise<unknown>;
}

const gone = /^the API server refuses to /;

describe('a write of the operator that the API server refuses is reported, and made when it no longer is', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator('--webhook-mode=off');
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const untilReady = (type: ResourceType, name: ObjectName) =>
    cluster.until(type, name, 'ready', (object: KubeObject) => conditionOf(object, 'Ready').startsWith('True'));

  const inNamespace = (namespace: string, name: string): ObjectName => ({ namespace, name });

  /** Cases by the write that is refused. */
  const cases: Readonly<Record<string, () => Promise<Case>>> = {
    'finalizer of a SecurityService': async () => {
      const namespace = await cluster.namespace();
      const name = inNamespace(namespace, 'ad-a');
      return {
        refusal: { namespace, resource: 'securityservices', operations: ['UPDATE'] },
        trigger: () =>
          cluster.apply(passwordSecret(namespace, 'ad-a-password', 'secret'), activeDirectory(namespace, 'ad-a')),
        shown: async () => [securityServices, name],
        recovered: () => untilReady(securityServices, name),
      };
    },
    'end of a SecurityService': async () => {
      const namespace = await cluster.namespace();
      const name = inNamespace(namespace, 'ad-a');
      await cluster.apply(passwordSecret(namespace, 'ad-a-password', 'secret'), activeDirectory(namespace, 'ad-a'));
      await untilReady(securityServices, name);
      return {
        refusal: { namespace, resource: 'securityservices', operations: ['UPDATE'] },
        trigger: () => cluster.kubectl('-n', namespace, 'delete', 'secsvc', 'ad-a', '--wait=false'),
        shown: async () => [securityServices, name],
        recovered: () => cluster.untilGone(securityServices, name),
      };
    },
    'finalizer of a ShareNetwork': async () => {
      const namespace = await cluster.namespace();
      const name = inNamespace(namespace, 'net');
      return {
        refusal: { namespace, resource: 'sharenetworks', operations: ['UPDATE'] },
        trigger: () => cluster.apply(network(namespace, 'net', [])),
        shown: async () => [shareNetworks, name],
        recovered: () => untilReady(shareNetworks, name),
      };
    },
    'end of a ShareNetwork': async () => {
      const namespace = await cluster.namespace();
      const name = inNamespace(namespace, 'net');
      await cluster.apply(network(namespace, 'net', []));
      await untilReady(shareNetworks, name);
      return {
        refusal: { namespace, resource: 'sharenetworks', operations: ['UPDATE'] },
        trigger: () => cluster.kubectl('-n', namespace, 'delete', 'shnet', 'net', '--wait=false'),
        shown: async () => [shareNetworks, name],
        recovered: () => cluster.untilGone(shareNetworks, name),
      };
    },
    'share servers of a ShareNetwork that is deleted': async () => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const { namespace } = scene;
      const name = inNamespace(namespace, 'net');
      return {
        refusal: { namespace, resource: 'shareservers', operations: ['DELETE'] },
        trigger: async () => {
          await scene.kubectl('delete', 'share', 'share-0');
          await scene.kubectl('delete', 'shnet', 'net', '--wait=false');
        },
        shown: async () => [shareNetworks, name],
        recovered: () => cluster.untilGone(shareNetworks, name),
      };
    },
    'a new ShareServer': async () => {
      const scene = await Scene.make(cluster);
      const { namespace } = scene;
      return {
        refusal: { namespace, resource: 'shareservers', operations: ['CREATE'] },
        trigger: () => cluster.apply(scene.share('one')),
        shown: async () => [shares, inNamespace(namespace, 'one')],
        recovered: () => scene.shareAvailable('one'),
      };
    },
    'finalizer of a ShareServer': async () => {
      const scene = await Scene.make(cluster);
      const { namespace } = scene;
      return {
        refusal: { namespace, resource: 'shareservers', operations: ['UPDATE'] },
        trigger: () => cluster.apply(scene.share('one')),
        shown: async () => {
          await cluster.until(shares, inNamespace(namespace, 'one'), 'placed', ({ status }) =>
            Boolean(status?.shareServerName),
          );
          return [shareServers, inNamespace(namespace, await scene.serverName(0))];
        },
        recovered: () => scene.shareAvailable('one'),
      };
    },
    'end of a ShareServer': async () => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const { namespace } = scene;
      const name = inNamespace(namespace, await scene.serverName(0));
      return {
        refusal: { namespace, resource: 'shareservers', operations: ['UPDATE'] },
        trigger: async () => {
          await scene.kubectl('delete', 'share', 'share-0');
          await scene.kubectl('delete', 'shareserver', name.name, '--wait=false');
        },
        shown: async () => [shareServers, name],
        recovered: () => cluster.untilGone(shareServers, name),
      };
    },
    'a ShareServer that is unused for long': async () => {
      const scene = await Scene.make(cluster, { shares: 1, backendSpec: { unusedShareServerTimeout: '1s' } });
      const { namespace } = scene;
      const name = inNamespace(namespace, await scene.serverName(0));
      return {
        refusal: { namespace, resource: 'shareservers', operations: ['DELETE'] },
        trigger: () => scene.kubectl('delete', 'share', 'share-0'),
        shown: async () => [shareServers, name],
        recovered: () => cluster.untilGone(shareServers, name),
      };
    },
    'finalizer of a Share': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace, backendName } = tenant;
      return {
        refusal: { namespace, resource: 'shares', operations: ['UPDATE'] },
        trigger: () => cluster.apply(share(namespace, 'one', { backendName })),
        shown: async () => [shares, inNamespace(namespace, 'one')],
        recovered: () => untilReady(shares, inNamespace(namespace, 'one')),
      };
    },
    'end of a Share': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace } = tenant;
      await tenant.makeShares(['one']);
      return {
        refusal: { namespace, resource: 'shares', operations: ['UPDATE'] },
        trigger: () => tenant.kubectl('delete', 'share', 'one', '--wait=false'),
        shown: async () => [shares, inNamespace(namespace, 'one')],
        recovered: () => cluster.untilGone(shares, inNamespace(namespace, 'one')),
      };
    },
    'finalizer of a ShareAccess': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace } = tenant;
      await tenant.makeShares(['one']);
      return {
        refusal: { namespace, resource: 'shareaccesses', operations: ['UPDATE'] },
        trigger: () => tenant.grant('alice', 'one'),
        shown: async () => {
          expect(await tenant.callsOf('updateAccess')).toEqual([]);
          return [shareAccesses, inNamespace(namespace, 'alice')];
        },
        recovered: () => tenant.untilActive('alice'),
      };
    },
    'end of a ShareAccess': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace } = tenant;
      await tenant.makeShares(['one']);
      await tenant.grant('alice', 'one');
      await tenant.untilActive('alice');
      return {
        refusal: { namespace, resource: 'shareaccesses', operations: ['UPDATE'] },
        trigger: () => tenant.kubectl('delete', 'shareaccess', 'alice', '--wait=false'),
        shown: async () => [shareAccesses, inNamespace(namespace, 'alice')],
        recovered: () => cluster.untilGone(shareAccesses, inNamespace(namespace, 'alice')),
      };
    },
    'a key Secret that is deleted': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace } = tenant;
      await tenant.makeShares(['one']);
      await tenant.grant('alice', 'one');
      await tenant.grant('bob', 'one');
      await tenant.untilActive('alice');
      await tenant.untilActive('bob');
      return {
        refusal: { namespace, group: '', resource: 'secrets', operations: ['DELETE'] },
        trigger: () => tenant.kubectl('delete', 'shareaccess', 'alice', '--wait=false'),
        shown: async () => {
          // Taken back on the storage, which the rule has to say; and once is enough.
          const denying = await tenant.untilRule('alice', 'denying', ({ status }) => status?.phase === 'denying');
          expect(denying.status?.accessLevel).toBeUndefined();
          expect(Object.keys(await tenant.grantedOn('one'))).toEqual(['cephx:bob']);
          const calls = (await tenant.callsOf('updateAccess')).length;
          await tenant.grant('carol', 'one');
          await tenant.untilActive('carol');
          expect(await tenant.callsOf('updateAccess')).toHaveLength(calls + 1);
          return [shareAccesses, inNamespace(namespace, 'alice')];
        },
        recovered: async () => {
          await cluster.untilGone(shareAccesses, inNamespace(namespace, 'alice'));
          await cluster.untilGone(secrets, inNamespace(namespace, 'alice-access-key'));
        },
      };
    },
    'a key Secret that was altered': async () => {
      const tenant = await Tenant.make(cluster);
      const { namespace } = tenant;
      await tenant.makeShares(['one']);
      await tenant.grant('alice', 'one');
      await tenant.untilActive('alice');
      const key = await tenant.keyInSecret('alice');
      let calls = 0;
      return {
        refusal: { namespace, group: '', resource: 'secrets', operations: ['UPDATE'] },
        trigger: async () => {
          calls = (await tenant.callsOf('updateAccess')).length;
          const patch = { data: { accessKey: Buffer.from('other').toString('base64') } };
          await tenant.kubectl('patch', 'secret', 'alice-access-key', '-p', JSON.stringify(patch));
        },
        shown: async () => [shareAccesses, inNamespace(namespace, 'alice')],
        recovered: async () => {
          expect(await tenant.callsOf('updateAccess')).toHaveLength(calls);
          await untilReady(shareAccesses, inNamespace(namespace, 'alice'));
          expect(await tenant.keyInSecret('alice')).toBe(key);
        },
      };
    },
    'finalizer of a StorageBackend': async () => {
      const name = 'backend-refused';
      return {
        refusal: {
          resource: 'storagebackends',
          operations: ['UPDATE'],
          expression: `object.metadata.name != '${name}'`,
        },
        trigger: () => cluster.apply(backend(name, { stateDirectory: cluster.stateDirectory })),
        shown: async () => [storageBackends, { name }],
        recovered: () => untilReady(storageBackends, { name }),
      };
    },
    'end of a StorageBackend': async () => {
      const name = 'backend-kept';
      await cluster.apply(backend(name, { stateDirectory: cluster.stateDirectory }));
      await untilReady(storageBackends, { name });
      return {
        refusal: {
          resource: 'storagebackends',
          operations: ['UPDATE'],
          expression: `object.metadata.name != '${name}'`,
        },
        trigger: () => cluster.kubectl('delete', 'sbe', name, '--wait=false'),
        shown: async () => [storageBackends, { name }],
        recovered: () => cluster.untilGone(storageBackends, { name }),
      };
    },
    'the mark of a ShareServer in a change': async () => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const { namespace } = scene;
      return {
        refusal: { namespace, resource: 'shareservers/status', operations: ['UPDATE'] },
        trigger: () => scene.refer([ad('ad-b')]),
        shown: async () => [shareNetworks, inNamespace(namespace, 'net')],
        recovered: () => scene.changed('Succeeded'),
      };
    },
    'the usage of a SecurityService in a change': async () => {
      const scene = await Scene.make(cluster, { shares: 1 });
      const { namespace } = scene;
      return {
        refusal: { namespace, resource: 'securityservices/status', operations: ['UPDATE'] },
        trigger: () => scene.refer([ad('ad-b')]),
        shown: async () => [shareNetworks, inNamespace(namespace, 'net')],
        recovered: () => scene.changed('Succeeded'),
      };
    },
  };

  test.concurrent.each(Object.keys(cases))(
    '%s',
    async (name) => {
      const one = await cases[name]?.();
      if (one === undefined) throw new Error(`no case ${name}`);
      const policy = await AdmissionPolicy.apply(cluster, name.toLowerCase().replaceAll(' ', '-'), one.refusal);
      await one.trigger();
      const [type, object] = await one.shown();
      const shown = await cluster.until(
        type,
        object,
        'shown',
        (found) => conditionOf(found, 'Ready') === 'False/WriteRefused',
      );
      expect(messageOf(shown, 'Ready')).toMatch(gone);
      expect(messageOf(shown, 'Ready')).toContain(`denied request: ${policy.sentence}`);
      expect(messageOf(shown, 'Ready')).toContain('The owner of the admission policy');
      expect(conditionOf(shown, 'Stalled')).toBe('True/WriteRefused');
      if (shown.metadata.deletionTimestamp !== undefined) {
        expect(conditionOf(shown, 'DeletionBlocked')).toBe('True/WriteRefused');
      }
      expect(await cluster.untilEvent('WriteRefused', object, type.kind)).toContain(policy.sentence);
      await policy.lift();
      await one.recovered();
      const present = await cluster.find(type, object);
      if (present !== undefined) {
        await cluster.until(type, object, 'no trace', (found) => !JSON.stringify(found).includes('WriteRefused'));
      }
    },
    180_000,
  );

  test('a status that is refused is in the log, in a metric and in an event', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace } = tenant;
    await tenant.makeShares(['one']);
    const policy = await AdmissionPolicy.apply(cluster, 'no-status', {
      namespace,
      resource: 'shareaccesses/status',
      operations: ['UPDATE'],
    });
    await tenant.grant('alice', 'one');
    expect(await cluster.untilEvent('WriteRefused', inNamespace(namespace, 'alice'), 'ShareAccess')).toContain(
      policy.sentence,
    );
    expect(await operator.metrics()).toMatch(
      /^rest_client_refused_writes_total\{verb="update",resource="shareaccesses\/status",code="422"\} [1-9]/m,
    );
    expect(await operator.log()).toContain('could not say that the API server refuses a write');
    await policy.lift();
    await tenant.untilActive('alice');
  }, 120_000);
});
