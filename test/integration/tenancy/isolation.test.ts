import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { securityServices, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { namespaces } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { eventually } from '../../faults/eventually.ts';
import { restsWith } from '../crash/agreement.ts';
import { readDummyState } from '../crash/dummy-state.ts';
import { activeDirectory, network, passwordSecret, share } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { namespaceVersions, versionsAtRest } from './namespace-versions.ts';

describe('two tenants on one backend', () => {
  let cluster: TestCluster;
  let a: Tenant;
  let b: Tenant;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    a = await Tenant.make(cluster, { driverHandlesShareServers: true }, { allowAbandon: true });
    b = await a.neighbour();
    await Promise.all([furnish(a), furnish(b)]);
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const idOf = ({ namespace }: Tenant): string => `${namespace}-client`;

  /** The same names in every namespace: a directory, a network, a share on it, a key and an address that may mount it. */
  async function furnish(tenant: Tenant): Promise<void> {
    const { namespace, backendName } = tenant;
    await cluster.apply(
      ...['ad', 'ad-2'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `word-of-${namespace}-${name}`),
        activeDirectory(namespace, name, { domain: `${name}.${namespace}.example.com` }),
      ]),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'data', { backendName, shareNetworkName: 'net' }),
    );
    await tenant.grant('client', 'data', { accessTo: idOf(tenant) });
    await tenant.untilActive('client');
    await tenant.makeShares(['files'], { shareNetworkName: 'net', protocol: 'NFS' });
    await tenant.grant('host', 'files', { accessType: 'ip', accessTo: '10.0.0.5' });
    await tenant.untilActive('host');
  }

  async function uidOfNamespace({ namespace }: Tenant): Promise<string> {
    return (await cluster.client.get(namespaces, { name: namespace })).metadata.uid ?? '';
  }

  async function stateOf(tenant: Tenant) {
    const state = await readDummyState(cluster.stateDirectory, tenant.backendName);
    const owner = await uidOfNamespace(tenant);
    const own = <T extends { readonly namespaceUID: string }>(documents: readonly T[]): readonly T[] =>
      documents.filter(({ namespaceUID }) => namespaceUID === owner);
    return { servers: own(state.servers), shares: own(state.shares), keys: own(state.keys) };
  }

  test('objects of the same names are objects of their own, on the storage system too', async () => {
    const [ofA, ofB] = [await stateOf(a), await stateOf(b)];
    for (const [tenant, state] of [
      [a, ofA],
      [b, ofB],
    ] as const) {
      const { items } = await cluster.client.list(shares, { namespace: tenant.namespace });
      expect(new Set(state.shares.map(({ id }) => id))).toEqual(new Set(items.map(({ metadata }) => metadata.uid)));
      expect(state.servers.map(({ namespace }) => namespace)).toEqual([tenant.namespace, tenant.namespace]);
      for (const server of state.servers) {
        expect(server.securityServices.active_directory?.domain).toBe(`ad.${tenant.namespace}.example.com`);
      }
      expect(state.keys.map(({ id }) => id)).toEqual([idOf(tenant)]);
      expect(await tenant.keyInSecret('client')).toBe(state.keys[0]?.key);
      expect(await tenant.grantedOn('data')).toEqual({ [`cephx:${idOf(tenant)}`]: 'rw' });
      expect(await tenant.grantedOn('files')).toEqual({ 'ip:10.0.0.5': 'rw' });
    }
    expect(ofA.keys[0]?.key).not.toBe(ofB.keys[0]?.key);
    // Two networks of the same addresses on one segment of one backend: each address is given out once.
    const addresses = [...ofA.servers, ...ofB.servers].flatMap((server) => server.addresses);
    expect(new Set(addresses).size).toBe(addresses.length);
  });

  test('what one does to its objects changes none of the other', async () => {
    const before = { versions: await versionsAtRest(cluster, a.namespace), state: await stateOf(a) };
    await b.grant('client', 'data', { accessTo: idOf(b), accessLevel: 'ro' });
    await eventually('read only', async () => (await b.grantedOn('data'))[`cephx:${idOf(b)}`] === 'ro');
    await cluster.apply(network(b.namespace, 'net', [{ type: 'active_directory', name: 'ad-2' }]));
    await cluster.until(shareNetworks, { namespace: b.namespace, name: 'net' }, 'changed', (stored) =>
      restsWith(stored, 'ad-2'),
    );
    await b.kubectl('delete', 'shareaccess', 'host', '--timeout=30s');
    expect(await b.grantedOn('files')).toEqual({});
    await b.annotate('share', 'data', 'sharenet.io/reconcile-requested-at=1');
    await b.untilShare('data', 'recovered', ({ status }) => status?.lastHandledReconcileAt === '1');
    await b.kubectl('delete', 'secret', 'client-access-key');
    await eventually('the key is back', async () => (await b.keyInSecret('client')) !== undefined, 30_000);
    expect({ versions: await namespaceVersions(cluster, a.namespace), state: await stateOf(a) }).toEqual(before);
  });

  test('what exists in the other namespace only is missing, until it exists here', async () => {
    const there = a.namespace;
    const here = b.namespace;
    await cluster.apply(
      passwordSecret(there, 'lone-password', 'word-of-lone'),
      activeDirectory(there, 'lone'),
      network(there, 'lone-net', [{ type: 'active_directory', name: 'lone' }]),
    );
    await a.makeShares(['lone-share'], { shareNetworkName: 'lone-net' });
    const calls = (await cluster.calls()).length;
    const before = await versionsAtRest(cluster, there);
    await cluster.apply(
      activeDirectory(here, 'borrower', { passwordSecretRef: { name: 'lone-password' } }),
      network(here, 'borrowing', [{ type: 'active_directory', name: 'lone' }]),
      share(here, 'borrowed', { backendName: b.backendName, shareNetworkName: 'lone-net' }),
      share(here, 'waiting', { backendName: b.backendName, shareNetworkName: 'borrowing' }),
    );
    await b.grant('thief', 'lone-share', { accessTo: `${here}-thief` });
    await b.grant('intruder', 'lone-share', { accessType: 'ip', accessTo: '10.0.0.6' });
    await told(securityServices, 'borrower', 'CredentialsNotFound', 'lone-password');
    await told(shareNetworks, 'borrowing', 'SecurityServiceNotFound', 'lone');
    await told(shares, 'borrowed', 'ShareNetworkNotFound', 'lone-net');
    await told(shares, 'waiting', 'SecurityServicesPending', 'lone');
    for (const name of ['thief', 'intruder']) {
      await b.untilRule(name, 'waits', (rule) => conditionOf(rule, 'Ready') === 'False/ShareNotFound');
    }
    expect((await cluster.calls()).slice(calls).filter((call) => call.operation !== 'getCapabilities')).toEqual([]);
    expect(await namespaceVersions(cluster, there)).toEqual(before);

    await cluster.apply(passwordSecret(here, 'lone-password', 'own-word'), activeDirectory(here, 'lone'));
    await b.untilShare('waiting', 'made', ({ status }) => status?.phase === 'available');
    await cluster.apply(network(here, 'lone-net', []));
    await b.makeShares(['lone-share'], { shareNetworkName: 'lone-net' });
    await b.untilActive('thief');
    expect(await b.grantedOn('lone-share')).toHaveProperty(`cephx:${here}-thief`);
    expect(await a.grantedOn('lone-share')).toEqual({});
    expect(await namespaceVersions(cluster, there)).toEqual(before);
  });

  async function told<T extends KubeObject>(type: ResourceType<T>, name: string, reason: string, names: string) {
    await cluster.until(
      type,
      { namespace: b.namespace, name },
      `${reason}, naming ${names}`,
      (one) => conditionOf(one, 'Ready') === `False/${reason}` && messageOf(one, 'Ready').includes(names),
    );
  }

  test("a share server that names another namespace's network and share gets nothing of theirs", async () => {
    const before = await versionsAtRest(cluster, a.namespace);
    const calls = await b.callsOf('setupServer');
    // Only an administrator can make one.
    await cluster.apply({
      apiVersion: 'sharenet.io/v1alpha1',
      kind: 'ShareServer',
      metadata: { namespace: b.namespace, name: 'stray' },
      spec: { backendName: b.backendName, shareNetworkName: 'net-of-a', subnetName: 'default' },
    });
    await cluster.apply(network(a.namespace, 'net-of-a', []));
    await cluster.until(shareServers, { namespace: b.namespace, name: 'stray' }, 'not set up', (server) =>
      conditionOf(server, 'Ready').startsWith('False'),
    );
    const { status } = await cluster.until(
      shareNetworks,
      { namespace: a.namespace, name: 'net-of-a' },
      'ready',
      (one) => conditionOf(one, 'Ready').startsWith('True'),
    );
    expect(status?.shareServers?.total ?? 0).toBe(0);
    expect(await b.callsOf('setupServer')).toEqual(calls);
    await b.kubectl('delete', 'shareserver', 'stray', '--timeout=30s');
    await a.kubectl('delete', 'sharenetwork', 'net-of-a', '--timeout=30s');
    expect(await namespaceVersions(cluster, a.namespace)).toEqual(before);
  });

  test('an address may mount in both; an id of the other is refused, and is again when that gave it up', async () => {
    await b.grant('host', 'files', { accessType: 'ip', accessTo: '10.0.0.5' });
    await b.untilActive('host');
    await b.kubectl('delete', 'shareaccess', 'host', '--timeout=30s');
    expect(await a.grantedOn('files')).toEqual({ 'ip:10.0.0.5': 'rw' });

    await a.grant('contested', 'data', { accessTo: 'contested' });
    await a.untilActive('contested');
    const keyOfA = await a.keyOnBackend('contested');
    await b.grant('contested', 'data', { accessTo: 'contested' });
    const refused = await b.untilError('contested', 'AccessRejected');
    expect(messageOf(refused, 'Ready')).not.toContain(a.namespace);
    expect(await b.secret('contested-access-key')).toBeUndefined();
    // Asking again and recovery disclose it no more than the first try.
    await b.annotate('shareaccess', 'contested', 'sharenet.io/reconcile-requested-at=1');
    await b.annotate('share', 'data', 'sharenet.io/reconcile-requested-at=2');
    await b.untilShare('data', 'recovered', ({ status }) => status?.lastHandledReconcileAt === '2');
    await b.untilError('contested', 'AccessRejected');
    const told = await cluster.kubectl('get', 'sharenet,secrets,events', '-n', b.namespace, '-o', 'json');
    expect(told).not.toContain(keyOfA);
    expect(told).not.toContain(Buffer.from(keyOfA ?? '').toString('base64'));
    expect([await a.keyInSecret('contested'), await a.keyOnBackend('contested')]).toEqual([keyOfA, keyOfA]);

    await a.kubectl('delete', 'shareaccess', 'contested', '--timeout=30s');
    await b.annotate('shareaccess', 'contested', 'sharenet.io/reconcile-requested-at=3');
    await b.untilActive('contested');
    expect(await b.keyInSecret('contested')).toBe(await b.keyOnBackend('contested'));
    expect(await b.keyInSecret('contested')).not.toBe(keyOfA);
  });

  test('a namespace that is deleted takes nothing of the other along', async () => {
    const c = await a.neighbour();
    await furnish(c);
    const before = { versions: await versionsAtRest(cluster, a.namespace), state: await stateOf(a) };
    await cluster.kubectl('delete', 'namespace', c.namespace, '--timeout=90s');
    const { keys, servers } = await readDummyState(cluster.stateDirectory, c.backendName);
    expect(keys.map(({ id }) => id)).not.toContain(idOf(c));
    expect(servers.map(({ namespace }) => namespace)).not.toContain(c.namespace);
    expect({ versions: await namespaceVersions(cluster, a.namespace), state: await stateOf(a) }).toEqual(before);
    await a.grant('late', 'data', { accessTo: `${a.namespace}-late` });
    await a.untilActive('late');
  });

  test('a namespace of the same name, made again, is another tenant: what was left behind is not its own', async () => {
    const c = await a.neighbour();
    const { namespace, backendName } = c;
    const heritage = `${namespace}-heritage`;
    const build = async () => {
      await cluster.apply(network(namespace, 'net', []));
      await c.makeShares(['data'], { shareNetworkName: 'net' });
      await c.grant('heir', 'data', { accessTo: heritage });
    };
    await build();
    await c.untilActive('heir');
    const key = await c.keyOnBackend(heritage);
    const { metadata: old } = await cluster.client.get(shares, { namespace, name: 'data' });
    // The backend's owner allows to leave things behind on it.
    await c.kubectl('annotate', 'shares,shareaccesses,shareservers', '--all', 'sharenet.io/abandon=true');
    await c.kubectl('delete', 'shareaccess', 'heir', '--timeout=30s');
    await c.kubectl('delete', 'share', 'data', '--timeout=30s');
    await cluster.kubectl('delete', 'namespace', namespace, '--timeout=90s');
    expect(await c.keyOnBackend(heritage)).toBe(key);

    await cluster.kubectl('create', 'namespace', namespace);
    await build();
    await c.untilError('heir', 'AccessRejected');
    expect(await c.secret('heir-access-key')).toBeUndefined();
    const { keys, shares: stored } = await readDummyState(cluster.stateDirectory, backendName);
    expect(keys.find(({ id }) => id === heritage)?.shares).toEqual([old.uid]);
    const named = stored.filter((one) => one.namespace === namespace && one.name === 'data');
    expect(new Set(named.map(({ namespaceUID }) => namespaceUID)).size).toBe(2);
    await c.grant('own', 'data', { accessTo: `${namespace}-own` });
    await c.untilActive('own');
  });
});
