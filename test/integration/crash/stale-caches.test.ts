import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { conditionOf } from '../tenant.ts';
import { type RecordedCall, TestCluster } from '../test-cluster.ts';
import { ApiProxy } from './api-proxy.ts';
import { readDummyState } from './dummy-state.ts';

/** Kinds whose cache is behind, each by itself. */
const laggingKinds = [shares, shareAccesses, shareServers, shareNetworks, storageBackends].map((type) => type.plural);

/** Names of the rules in each list of a call that has some. */
function namesOf(args: RecordedCall['args'] = {}): Record<string, string[]> {
  const lists = Object.entries(args).filter(([name]) => name.endsWith('Rules')) as [string, { name: string }[]][];
  return Object.fromEntries(
    lists.filter(([, rules]) => rules.length > 0).map(([list, rules]) => [list, rules.map(({ name }) => name).sort()]),
  );
}

describe('a new leader whose cache of one kind is from before', () => {
  let cluster: TestCluster;
  let proxy: ApiProxy;
  /** Lists of each kind from before anything was made. */
  const former = new Map<string, string>();

  beforeAll(async () => {
    cluster = await TestCluster.start();
    proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
    for (const plural of laggingKinds) {
      former.set(plural, await cluster.kubectl('get', '--raw', `/apis/sharenet.io/v1alpha1/${plural}`));
    }
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
    await cluster.apply(
      ...laggingKinds.flatMap((plural) => [
        { apiVersion: 'v1', kind: 'Namespace', metadata: { name: plural } },
        backend(plural, { stateDirectory: cluster.stateDirectory }, { unusedShareServerTimeout: '1s' }),
        passwordSecret(plural, 'ad-password', 'secret-ad'),
        activeDirectory(plural, 'ad'),
        network(plural, 'net', [{ type: 'active_directory', name: 'ad' }]),
        share(plural, 'data', { shareNetworkName: 'net', backendName: plural }),
        access(plural, `${plural}-alice`, 'data'),
        access(plural, `${plural}-bob`, 'data'),
      ]),
    );
    for (const namespace of laggingKinds) {
      for (const name of [`${namespace}-alice`, `${namespace}-bob`]) {
        const isActive = (rule: { status?: { phase?: string } }) => rule.status?.phase === 'active';
        await cluster.until(shareAccesses, { namespace, name }, 'active', isActive, 120_000);
      }
    }
    await operator.stop();
    await operator.forget();
  }, 300_000);

  afterAll(async () => {
    await proxy?.stop();
    await cluster?.stop();
  });

  test('grants nothing to rules that the leader before took away', { timeout: 180_000 }, async () => {
    const namespace = 'former';
    const rule = (name: string) => ({ namespace, name });
    const isActive = ({ status }: ShareAccess) => status?.phase === 'active';
    const path = `/apis/sharenet.io/v1alpha1/${shareAccesses.plural}`;
    const former = await OperatorProcess.start(cluster.operatorKubeconfig);
    await cluster.apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
      backend(namespace, { stateDirectory: cluster.stateDirectory }),
      network(namespace, 'net', []),
      share(namespace, 'data', { shareNetworkName: 'net', backendName: namespace }),
      access(namespace, 'kept', 'data'),
      access(namespace, 'revoked', 'data'),
      access(namespace, 'revoked-before-it-was-granted', 'data'),
    );
    for (const name of ['kept', 'revoked', 'revoked-before-it-was-granted']) {
      await cluster.until(shareAccesses, rule(name), 'active', isActive, 60_000);
    }
    const before: { items: ShareAccess[] } = JSON.parse(await cluster.kubectl('get', '--raw', path));
    for (const name of ['revoked', 'revoked-before-it-was-granted']) {
      await cluster.kubectl('-n', namespace, 'delete', 'shareaccess', name, '--wait=false');
      await cluster.untilGone(shareAccesses, rule(name));
    }
    await former.stop();
    await former.forget();
    await cluster.apply(access(namespace, 'new', 'data'));
    const isRevoked = ({ metadata }: ShareAccess) =>
      metadata.namespace === namespace && metadata.name.startsWith('revoked');
    const gone = before.items.filter(isRevoked).map((object) => {
      if (object.metadata.name === 'revoked') return object;
      const { status: _status, ...withoutStatus } = object;
      return withoutStatus;
    });
    let listed = false;
    const live = JSON.parse(await cluster.kubectl('get', '--raw', path));
    const answer = JSON.stringify({ ...live, items: [...live.items, ...gone] });
    proxy.decide = ({ url, isWatch, method }) => {
      if (method !== 'GET' || !url.startsWith(`${path}?`)) return 'pass';
      if (isWatch) return 'silence';
      if (listed) return 'pass';
      listed = true;
      return { answer };
    };
    const callsBefore = (await cluster.calls()).length;
    const operator = await OperatorProcess.start(proxy.kubeconfigPath);
    try {
      await cluster.until(shareAccesses, rule('new'), 'active', isActive, 60_000);
      const calls = (await cluster.calls())
        .slice(callsBefore)
        .filter(
          ({ operation, event, backend }) => backend === namespace && operation === 'updateAccess' && event === 'start',
        );
      expect(calls.map(({ args }) => namesOf(args))).toEqual([{ accessRules: ['kept', 'new'], addRules: ['new'] }]);
      const state = await readDummyState(cluster.stateDirectory, namespace);
      const granted = state.shares.flatMap(({ rules }) => Object.values(rules).map(({ accessTo }) => accessTo));
      expect(granted.sort()).toEqual(['kept', 'new']);
    } finally {
      proxy.decide = () => 'pass';
      await operator.stop();
      await operator.forget();
    }
  });

  /** The operator's first list of the kind is from before, and its watch of the kind says nothing. */
  function holdBack(plural: string): void {
    let listed = false;
    const answer = former.get(plural) ?? '';
    const path = `/apis/sharenet.io/v1alpha1/${plural}?`;
    proxy.decide = ({ url, isWatch, method }) => {
      if (method !== 'GET' || !url.startsWith(path)) return 'pass';
      if (isWatch) return 'silence';
      if (listed) return 'pass';
      listed = true;
      return { answer };
    };
  }

  test.each(laggingKinds)(
    'releases, deletes and tears down nothing without a driver call: %s',
    {
      timeout: 180_000,
    },
    async (namespace) => {
      const inUse: readonly [ResourceType, { namespace?: string; name: string }, string][] = [
        [securityServices, { namespace, name: 'ad' }, 'True/SecurityServiceInUse'],
        [shareNetworks, { namespace, name: 'net' }, 'True/SharesExist'],
        [storageBackends, { name: namespace }, 'True/BackendInUse'],
      ];
      const delay = ['--wait=false'];
      await cluster.kubectl('-n', namespace, 'delete', 'securityservice', 'ad', ...delay);
      await cluster.kubectl('-n', namespace, 'delete', 'sharenetwork', 'net', ...delay);
      await cluster.kubectl('delete', 'storagebackend', namespace, ...delay);
      await cluster.kubectl('-n', namespace, 'delete', 'shareaccess', `${namespace}-alice`, ...delay);
      holdBack(namespace);
      const operator = await OperatorProcess.start(proxy.kubeconfigPath);
      try {
        for (const [type, name, reason] of inUse) {
          // What is deleted of the kind itself is not seen yet.
          if (type.plural === namespace) continue;
          const isBlocked = (object: KubeObject) => conditionOf(object, 'DeletionBlocked') === reason;
          await cluster.until(type, name, reason, isBlocked);
        }
        const alice = { namespace, name: `${namespace}-alice` };
        if (namespace === storageBackends.plural) {
          const isWaiting = (rule: KubeObject) => conditionOf(rule, 'Ready') === 'False/BackendNotFound';
          await cluster.until(shareAccesses, alice, 'waiting', isWaiting);
        } else if (namespace !== shareAccesses.plural) await cluster.untilGone(shareAccesses, alice);
        const { items } = await cluster.client.list(shareServers, { namespace });
        expect(items.map(({ metadata }) => metadata.deletionTimestamp)).toEqual([undefined]);
        proxy.decide = () => 'pass';
        proxy.cutWatches();
        await cluster.untilGone(shareAccesses, alice);
        const state = await readDummyState(cluster.stateDirectory, namespace);
        expect(state.shares.map(({ rules }) => Object.values(rules).map(({ accessTo }) => accessTo))).toEqual([
          [`${namespace}-bob`],
        ]);
        await cluster.kubectl('-n', namespace, 'delete', 'share', 'data', ...delay);
        await cluster.untilGone(shares, { namespace, name: 'data' });
        for (const [type, name] of inUse) await cluster.untilGone(type, name, 90_000);
        const calls = (await cluster.calls()).filter((call) => call.backend === namespace && call.event === 'start');
        const operations = calls.map(({ operation }) => operation);
        expect(operations.filter((name) => name !== 'getCapabilities' && name !== 'updateAccess')).toEqual([
          'setupServer',
          'createShare',
          'deleteShare',
          'teardownServer',
        ]);
        // Both rules may have come in one call, or one after the other.
        const lists = calls.filter(({ operation }) => operation === 'updateAccess').map(({ args }) => namesOf(args));
        const rules = [`${namespace}-alice`, `${namespace}-bob`];
        expect(lists.flatMap(({ addRules = [] }) => addRules)).toEqual(rules);
        expect(lists.flatMap(({ deleteRules = [] }) => deleteRules)).toEqual(rules);
        expect(
          lists.filter(({ addRules, deleteRules }) => addRules === undefined && deleteRules === undefined),
        ).toEqual([]);
      } finally {
        proxy.decide = () => 'pass';
        await operator.stop();
        await operator.forget();
      }
    },
  );
});
