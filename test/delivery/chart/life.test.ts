import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { findRegistration, trustedBundle } from '../../integration/admission/webhook.ts';
import { describeRequest, lacksRights, readAuditLog } from '../../integration/audit-log.ts';
import { readDummyState } from '../../integration/crash/dummy-state.ts';
import { access, backend, share } from '../../integration/manifests.ts';
import { ad, appliedTo, Scene } from '../../integration/network-change/scene.ts';
import type { OperatorProcess } from '../../integration/operator-process.ts';
import { operatorUser } from '../../integration/operator-user.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { Helm } from './helm.ts';
import { newField, onlyBefore, onlyNow, previousChart } from './previous-chart.ts';
import { Release, valuesForThisMachine } from './release.ts';

let cluster: TestCluster;
let helm: Helm;
let release: Release;
let scene: Scene;
let previous: string;
let pod: OperatorProcess;
/** When there was no release, in milliseconds since the Unix epoch: what a Pod still asked for then was refused. */
const uninstalled: { from: number; to: number }[] = [];

const kinds = ['storagebackends', 'securityservices', 'sharenetworks', 'shareservers', 'shares', 'shareaccesses'];
const told = 'updateShareServerSecurityService';
const definitions = kinds.map((kind) => `crd/${kind}.sharenet.io`);

beforeAll(async () => {
  cluster = await TestCluster.start({ rights: 'none' });
  cluster.expectRefusals(({ stageTimestamp }) => {
    const time = Date.parse(stageTimestamp);
    return uninstalled.some(({ from, to }) => time >= from && time <= to);
  });
  helm = await Helm.make(cluster.plane.kubeconfigPath);
  release = new Release(cluster, helm);
  previous = await previousChart(helm.directory);
}, 180_000);

afterAll(async () => {
  await release?.stopPods();
  await helm?.remove();
  await cluster?.stop();
});

/** Uninstalls the release and ends its Pod, as the garbage collector and the kubelet do. */
async function uninstall(): Promise<string> {
  uninstalled.push({ from: Date.now(), to: Number.POSITIVE_INFINITY });
  const printed = await release.uninstall();
  await pod.stop();
  return printed;
}

/** Waits until the API server heeds the last of the release's bindings. */
async function untilHeeded(): Promise<void> {
  const registration = { group: 'admissionregistration.k8s.io', resource: 'validatingwebhookconfigurations' };
  for (const right of [
    { verb: 'list', group: 'sharenet.io', resource: 'shareaccesses' },
    { verb: 'create', group: 'coordination.k8s.io', resource: 'leases', namespace: release.namespace },
    { verb: 'get', ...registration, name: 'sharenet-validating-webhook' },
  ]) {
    await cluster.untilMay(operatorUser, right);
  }
  for (const span of uninstalled) span.to = Math.min(span.to, Date.now());
}

async function untilEstablished(): Promise<void> {
  await cluster.kubectl('wait', '--for=condition=Established', ...definitions, '--timeout=30s');
}

/** Which of the kinds the API server has, and which of those are being deleted. */
async function presentKinds(): Promise<readonly string[]> {
  const columns = '--output=custom-columns=:.metadata.name,:.metadata.deletionTimestamp';
  const lines = (await cluster.kubectl('get', 'crd', columns, '--no-headers')).split('\n').filter(Boolean);
  return lines.map((line) => line.replace(/\.sharenet\.io\s+<none>\s*$/, '').trim()).sort();
}

/** Kinds and names of all our objects. */
async function sharenetObjects(): Promise<readonly string[]> {
  const name = '--output=custom-columns=:.kind,:.metadata.namespace,:.metadata.name,:.metadata.deletionTimestamp';
  return (await cluster.kubectl('get', 'sharenet', '--all-namespaces', '--no-headers', name))
    .split('\n')
    .filter(Boolean)
    .sort();
}

async function knowsNewField(): Promise<boolean> {
  const path = `--output=jsonpath={${newField}}`;
  return (await cluster.kubectl('get', 'crd', 'sharenetworks.sharenet.io', path)) !== '';
}

async function isThere(object: string, ...flags: readonly string[]): Promise<boolean> {
  return (await cluster.kubectl('get', object, '--ignore-not-found', '--output=name', ...flags)) !== '';
}

async function remove(namespace: string, ...what: readonly string[]): Promise<void> {
  await cluster.kubectl('delete', '--wait=false', '--namespace', namespace, ...what);
}

describe('a release for the whole cluster', () => {
  test('is installed, and its Pod is ready with the rights that it came with and the webhook asked', async () => {
    const notes = await release.install({ ...(await valuesForThisMachine()), replicas: 1 }, previous);
    expect(notes).toContain('Sharenet 0.0.9 runs in namespace sharenet-system.');
    expect(await presentKinds()).toEqual([...kinds].sort());
    await untilHeeded();
    await untilEstablished();
    pod = await release.startPod();
    expect(await trustedBundle(cluster)).toMatch(/^-----BEGIN CERTIFICATE-----/);
    scene = await Scene.make(cluster, { shares: 3 });
    await cluster.apply(access(scene.namespace, 'reader', 'share-0'));
    await cluster.until(
      shareAccesses,
      { namespace: scene.namespace, name: 'reader' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
  });

  test('is upgraded while a network changes its directory: the change goes on, and no server is updated twice', async () => {
    const last = await scene.serverName(2);
    await scene.faults({ operation: told, kind: 'unavailable', match: { shareServer: last } });
    await scene.refer([ad('ad-b')]);
    await eventually('two servers have changed, the third has not', async () => {
      const servers = (await scene.servers()).flatMap(appliedTo).sort();
      return servers.join() === 'ad-a,ad-b,ad-b' && (await scene.started(told, last)).length > 0;
    });
    const bundle = await trustedBundle(cluster);
    await release.upgrade(await valuesForThisMachine());
    expect((await scene.present()).status?.phase).toBe('network_change');
    expect(await trustedBundle(cluster)).toBe(bundle);
    await untilHeeded();
    // As the Deployment's strategy has it: the new one is ready before the old one is stopped.
    const old = pod;
    pod = await release.startPod();
    expect(await old.stop()).toBe(0);
    expect((await scene.present()).status?.phase).toBe('network_change');
    await scene.faults();
    await scene.changed('Succeeded');
    expect((await scene.servers()).map(appliedTo)).toEqual([['ad-b'], ['ad-b'], ['ad-b']]);
    const done = (await cluster.calls()).filter(({ operation, result }) => operation === told && result === 'ok');
    expect(done.map(({ shareServer }) => shareServer).sort()).toEqual(
      (await scene.servers()).map(({ metadata }) => metadata.name),
    );
  });

  test('has after the upgrade what the new chart has: kinds too', async () => {
    const objects = await release.objects();
    expect(objects).toEqual(expect.arrayContaining([...onlyNow]));
    expect(objects).not.toContain(onlyBefore);
    expect(await knowsNewField()).toBe(true);
    expect(await helm.run('get', 'notes', 'sharenet', '--namespace=sharenet-system')).toContain('Sharenet 0.1.0 runs');
  });

  test('goes back to the chart before, with the newer kinds left in place, and forward again', async () => {
    await release.upgrade({ ...(await valuesForThisMachine()), crds: { install: false } }, previous);
    expect(await release.objects()).toContain(onlyBefore);
    expect(await knowsNewField()).toBe(true);
    await release.upgrade(await valuesForThisMachine());
    expect(await release.objects()).not.toContain(onlyBefore);
    await pod.stop();
    pod = await release.startPod();
  });

  test('is rolled back by Helm while a network changes: the older kinds come back, objects stay, the change goes on', async () => {
    const last = await scene.serverName(2);
    const callsBefore = (await cluster.calls()).length;
    await scene.faults({ operation: told, kind: 'unavailable', match: { shareServer: last } });
    await scene.refer([ad('ad-a')], { description: 'a word that the older kind has no place for' });
    await eventually('two servers have changed, the third has not', async () => {
      const servers = (await scene.servers()).flatMap(appliedTo).sort();
      return servers.join() === 'ad-a,ad-a,ad-b';
    });
    const objects = await sharenetObjects();
    await release.rollback(1);
    expect(await release.objects()).toContain(onlyBefore);
    expect([await presentKinds(), await knowsNewField()]).toEqual([[...kinds].sort(), false]);
    expect(await sharenetObjects()).toEqual(objects);
    await untilHeeded();
    const old = pod;
    pod = await release.startPod();
    expect(await old.stop()).toBe(0);
    const { spec, status } = await scene.present();
    expect([status?.phase, spec.description, spec.securityServices]).toEqual([
      ...['network_change', undefined],
      [expect.objectContaining({ name: 'ad-a' })],
    ]);
    await scene.faults();
    await scene.changed('Succeeded', status?.lastNetworkChange?.id);
    expect((await scene.servers()).map(appliedTo)).toEqual([['ad-a'], ['ad-a'], ['ad-a']]);
    const done = (await cluster.calls())
      .slice(callsBefore)
      .filter(({ operation, result }) => operation === told && result === 'ok');
    expect(done.map(({ shareServer }) => shareServer).sort()).toEqual(
      (await scene.servers()).map(({ metadata }) => metadata.name),
    );
  });

  test('is rolled back to a revision without kinds: they stay, and so does what is of them', async () => {
    const objects = await sharenetObjects();
    await release.rollback(3);
    expect(await presentKinds()).toEqual([...kinds].sort());
    expect(await sharenetObjects()).toEqual(objects);
    await release.upgrade(await valuesForThisMachine());
    expect(await knowsNewField()).toBe(true);
    // What the older kind had no place for is gone permanently.
    expect((await scene.present()).spec.description).toBeUndefined();
    await untilHeeded();
    await pod.stop();
    pod = await release.startPod();
  });
});

describe('uninstalled before its objects are deleted', () => {
  test('objects and kinds stay as they are, and what is deleted then waits for an operator', async () => {
    const before = await readDummyState(cluster.stateDirectory, scene.backendName);
    expect(await uninstall()).toMatch(/kept due to the resource policy:\n(\[CustomResourceDefinition\] .*\n){6}/);
    expect(await release.objects()).toEqual([]);
    expect(await findRegistration(cluster)).toBeUndefined();
    expect(await presentKinds()).toEqual([...kinds].sort());
    const own = await cluster.kubectl('get', 'secrets', '--namespace=sharenet-system', '--output=name');
    expect(own).toContain('secret/sharenet-installation\n');
    await remove(scene.namespace, 'shares', 'share-2');
    // No one judges it now.
    await cluster.apply(
      share(scene.namespace, 'meanwhile', { shareNetworkName: 'net', backendName: scene.backendName }),
    );
    const waiting = await cluster.client.get(shares, { namespace: scene.namespace, name: 'share-2' });
    expect([waiting.metadata.deletionTimestamp !== undefined, waiting.status?.phase]).toEqual([true, 'available']);
    const untouched = await cluster.client.get(shares, { namespace: scene.namespace, name: 'share-0' });
    expect(untouched.status?.phase).toBe('available');
    expect(await readDummyState(cluster.stateDirectory, scene.backendName)).toEqual(before);
  });

  test('installed again, the next operator goes on where the other stopped', async () => {
    await release.install(await valuesForThisMachine());
    await untilHeeded();
    pod = await release.startPod();
    await cluster.untilGone(shares, { namespace: scene.namespace, name: 'share-2' });
    await scene.shareAvailable('meanwhile');
    expect((await scene.present()).status?.phase).toBe('active');
  });

  test('and its kinds deleted: all objects wait, and the next operator deletes them and their data', async () => {
    await uninstall();
    await cluster.kubectl('delete', '--wait=false', ...definitions);
    await eventually('everything is being deleted', async () => {
      const { items } = await cluster.client.list(shares, { namespace: scene.namespace });
      return items.length === 3 && items.every(({ metadata }) => metadata.deletionTimestamp !== undefined);
    });
    expect((await readDummyState(cluster.stateDirectory, scene.backendName)).shares).toHaveLength(3);
    await release.install(await valuesForThisMachine());
    await untilHeeded();
    // It is never ready: the API server takes no new objects of a kind that is being deleted, so that it can't be seen to ask.
    pod = await release.startPod({ waitReady: false });
    await eventually('no kinds', async () => (await presentKinds()).length === 0, 60_000);
    const { shares: left, servers } = await readDummyState(cluster.stateDirectory, scene.backendName);
    expect([left, servers]).toEqual([[], []]);
    await pod.stop();
    await release.upgrade(await valuesForThisMachine());
    await untilEstablished();
    pod = await release.startPod();
    expect(await presentKinds()).toEqual([...kinds].sort());
  });
});

describe('uninstalled in the right order', () => {
  test('nothing is left but kinds, which can then be deleted, and what is in the namespace', async () => {
    const { namespace } = await Scene.make(cluster, { shares: 1 });
    const kinds = 'shareaccesses,shares,sharenetworks,securityservices';
    await cluster.kubectl('delete', kinds, '--all', `--namespace=${namespace}`, '--timeout=60s');
    expect((await cluster.client.list(shareServers, { namespace })).items).toEqual([]);
    await cluster.kubectl('delete', 'storagebackends', '--all', '--timeout=60s');
    expect(await cluster.kubectl('get', 'sharenet', '--all-namespaces')).toBe('');
    await uninstall();
    expect(await release.objects()).toEqual([]);
    await cluster.kubectl('delete', ...definitions, '--timeout=30s');
    await cluster.kubectl('delete', 'namespace', 'sharenet-system', '--timeout=60s');
    expect(await presentKinds()).toEqual([]);
  });
});

describe('a release for some namespaces', () => {
  test('works there under the rights that it came with, and is refused nothing', async () => {
    for (const name of ['team-a', 'team-b']) await cluster.kubectl('create', 'namespace', name);
    const ops = new Release(cluster, helm, 'ops');
    const { webhook } = await valuesForThisMachine();
    const values = { watchNamespaces: ['team-a', 'team-b'], webhook, rbac: { people: false } };
    await ops.install(values);
    await untilEstablished();
    const user = { user: 'system:serviceaccount:ops:sharenet-operator' };
    for (const namespace of ['team-a', 'team-b', 'ops']) {
      await cluster.untilMay(user, { verb: 'list', resource: 'secrets', namespace });
    }
    await cluster.untilMay(user, { verb: 'list', group: 'sharenet.io', resource: 'storagebackends' });
    try {
      await ops.startPod();
      const dummy = { stateDirectory: cluster.stateDirectory, driverHandlesShareServers: false };
      await cluster.apply(backend('some', dummy), share('team-a', 'inside'), share('default', 'outside'));
      await cluster.until(
        shares,
        { namespace: 'team-a', name: 'inside' },
        'available',
        ({ status }) => status?.phase === 'available',
      );
      const judged = async (namespace: string): Promise<boolean> => {
        const { code, stderr } = await cluster.plane.kubectl(['create', '--dry-run=server', '-f', '-'], {
          input: JSON.stringify(share(namespace, 'refused', { size: '10' })),
        });
        if (code !== 0) expect(stderr).toContain('admission webhook "validate.sharenet.io" denied the request');
        return code !== 0;
      };
      expect([await judged('team-b'), await judged('default')]).toEqual([true, false]);
      const outside = await cluster.client.get(shares, { namespace: 'default', name: 'outside' });
      // As the kind's defaults have it: no one has looked at it.
      expect(outside.status?.observedGeneration).toBe(-1);
    } finally {
      await ops.stopPods();
    }
    const refused = (await readAuditLog(cluster.plane)).filter(
      (request) => request.user.username === user.user && lacksRights(request),
    );
    expect(refused.map(describeRequest)).toEqual([]);
    // A second release would share the kinds with it, and says so.
    const other = new Release(cluster, helm, 'more-ops');
    await expect(other.install({ ...values, watchNamespaces: ['default'] })).rejects.toThrow(/release-namespace/);
    await other.install({ ...values, watchNamespaces: ['default'], crds: { install: false } });
    expect(await isThere('role/sharenet-operator', '--namespace=default')).toBe(true);
  });
});
