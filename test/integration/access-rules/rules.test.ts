import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, network } from '../manifests.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

describe('access rules', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('50 rules on one share take few driver calls, and one bad rule fails alone', async () => {
    const tenant = await Tenant.make(cluster, {
      latency: '200ms',
      faults: [{ operation: 'updateAccess', match: { accessTo: 'bad' }, kind: 'ruleError', message: 'no such client' }],
    });
    await tenant.makeShares(['share']);
    const names = Array.from({ length: 50 }, (_, index) => `u${index}`);
    await cluster.apply(...[...names, 'bad'].map((name) => access(tenant.namespace, name, 'share')));
    for (const name of names) await tenant.untilActive(name);
    const bad = await tenant.untilError('bad', 'AccessRejected');
    expect(messageOf(bad, 'Ready')).toBe('no such client');
    await tenant.untilEvent('AccessRejected', 'ShareAccess', 'bad');
    expect((await tenant.callsOf('updateAccess')).length).toBeLessThanOrEqual(10);
    expect(Object.keys(await tenant.grantedOn('share'))).toHaveLength(50);
    await tenant.untilShare('share', 'summary error', ({ status }) => status?.accessRulesStatus === 'error');
    await tenant.kubectl('delete', 'shareaccess', 'bad');
    await tenant.untilShare('share', 'summary active', ({ status }) => status?.accessRulesStatus === 'active');
  });

  test('an edit of a rule is observed also while there is no share of that name', async () => {
    const tenant = await Tenant.make(cluster);
    const waits = ({ metadata, status }: ShareAccess): boolean => status?.observedGeneration === metadata.generation;
    await tenant.grant('early', 'none');
    await tenant.untilRule('early', 'waits', waits);
    await tenant.grant('early', 'none', { accessLevel: 'ro' });
    const edited = await tenant.untilRule('early', 'waits at its new level', waits);
    expect(edited.metadata.generation).toBe(2);
    expect(conditionOf(edited, 'Ready')).toBe('False/ShareNotFound');
  });

  test('what is refused stays in error until the spec changes or a reconcile is requested', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('kept', 'share');
    await tenant.untilActive('kept');
    await tenant.setFaults({ operation: 'updateAccess', kind: 'rejected', message: 'quota of clients\nreached' });
    await tenant.grant('alice', 'share');
    await tenant.grant('bob', 'share');
    const alice = await tenant.untilError('alice', 'BackendRejected');
    await tenant.untilError('bob', 'BackendRejected');
    expect(messageOf(alice, 'Ready')).toBe('quota of clients reached');
    expect(conditionOf(alice, 'Stalled')).toBe('True/BackendRejected');
    await tenant.setFaults();
    const calls = (await tenant.callsOf('updateAccess')).length;
    await pause(1500);
    expect((await tenant.callsOf('updateAccess')).length).toBe(calls);
    expect((await tenant.rule('kept')).status?.phase).toBe('active');
    await tenant.annotate('shareaccess', 'alice', 'sharenet.io/reconcile-requested-at=now');
    expect((await tenant.untilActive('alice')).status?.lastHandledReconcileAt).toBe('now');
    await tenant.grant('bob', 'share', { accessLevel: 'ro' });
    await tenant.untilActive('bob');
  });

  test('a refused denial does not fail the rules that come with it, and is tried until it succeeds', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('leaving', 'share');
    await tenant.untilActive('leaving');
    await tenant.setFaults({ operation: 'updateAccess', match: { accessTo: 'leaving' }, kind: 'rejected' });
    await tenant.kubectl('delete', 'shareaccess', 'leaving', '--wait=false');
    await tenant.untilRule('leaving', 'told why', (rule) => conditionOf(rule, 'Ready') === 'False/BackendRejected');
    await tenant.grant('coming', 'share');
    await tenant.untilActive('coming');
    expect((await tenant.rule('leaving')).status?.phase).toBe('denying');
    expect(await tenant.keyInSecret('leaving')).toBeDefined();
    await tenant.setFaults();
    await cluster.untilGone(shareAccesses, { namespace: tenant.namespace, name: 'leaving' }, 60_000);
    expect(await tenant.secret('leaving-access-key')).toBeUndefined();
    expect(Object.keys(await tenant.grantedOn('share'))).toEqual(['cephx:coming']);
  });

  test('a backend that is not available is asked again until it is', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.setFaults({ operation: 'updateAccess', kind: 'unavailable', message: 'down', times: 4 });
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    expect((await tenant.callsOf('updateAccess')).length).toBe(5);
  });

  test('a call that lasts longer than a second is reported, and so is a wait; short ones are not', async () => {
    const tenant = await Tenant.make(cluster, { latency: '2500ms', faults: [] });
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilRule('alice', 'applying', ({ status }) => status?.phase === 'applying');
    await tenant.untilShare('share', 'syncing', ({ status }) => status?.accessRulesStatus === 'syncing');
    await tenant.untilActive('alice');
    await tenant.grant('alice', 'share', { accessLevel: 'ro' });
    await tenant.untilRule('alice', 'updating', ({ status }) => status?.phase === 'updating');
    await tenant.untilActive('alice');
    await tenant.kubectl('delete', 'shareaccess', 'alice', '--wait=false');
    await tenant.untilRule('alice', 'denying', ({ status }) => status?.phase === 'denying');
    await cluster.untilGone(shareAccesses, { namespace: tenant.namespace, name: 'alice' });
    await tenant.untilShare('share', 'summary active', ({ status }) => status?.accessRulesStatus === 'active');
  });

  test('an edit that is reverted while it waits is applied again: a former operator may have applied it', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    await tenant.pauseShare('share');
    await tenant.grant('alice', 'share', { accessLevel: 'ro' });
    const queued = await tenant.untilRule('alice', 'queued', ({ status }) => status?.phase === 'queued_to_update');
    expect(conditionOf(queued, 'Reconciling')).toBe('True/SharePaused');
    await tenant.grant('alice', 'share', { accessLevel: 'rw' });
    await tenant.untilRule(
      'alice',
      'seen',
      ({ metadata, status }) => status?.observedGeneration === metadata.generation,
    );
    await tenant.annotate('share', 'share', 'sharenet.io/paused-');
    await tenant.untilActive('alice');
    expect(await tenant.grantedOn('share')).toEqual({ 'cephx:alice': 'rw' });
    expect((await tenant.callsOf('updateAccess')).length).toBe(2);
  });

  test('a duplicate in any spelling is refused and comes when the first is gone', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('first', 'share', { accessType: 'ip', accessTo: '2001:db8::1' });
    await tenant.untilActive('first');
    await tenant.grant('second', 'share', { accessType: 'ip', accessTo: '2001:DB8:0:0::1/128' });
    await tenant.untilError('second', 'DuplicateAccessRule');
    expect(await tenant.grantedOn('share')).toEqual({ 'ip:2001:db8::1': 'rw' });
    await tenant.kubectl('delete', 'shareaccess', 'first');
    await tenant.untilActive('second');
    expect(await tenant.grantedOn('share')).toEqual({ 'ip:2001:DB8:0:0::1/128': 'rw' });
  });

  test('a type that the backend does not take is refused without a call', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['nfs'], { protocol: 'NFS' });
    await tenant.grant('key', 'nfs');
    const rule = await tenant.untilError('key', 'AccessTypeNotSupported');
    expect(messageOf(rule, 'Ready')).toBe(
      'the backend does not support rules of type cephx on NFS shares; it supports: ip, user, cert',
    );
    expect(rule.metadata.finalizers).toBeUndefined();
    expect(await tenant.callsOf('updateAccess')).toEqual([]);
  });

  test('a paused rule is left alone, also by a recovery, and goes on afterwards', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    await tenant.annotate('shareaccess', 'alice', 'sharenet.io/paused=true');
    await tenant.untilRule('alice', 'paused', (rule) => conditionOf(rule, 'Ready') === 'False/Paused');
    await tenant.grant('alice', 'share', { accessLevel: 'ro' });
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    await tenant.untilShare('share', 'recovered', ({ status }) => status?.lastHandledReconcileAt === '1');
    expect(await tenant.grantedOn('share')).toEqual({ 'cephx:alice': 'rw' });
    await tenant.annotate('shareaccess', 'alice', 'sharenet.io/paused-');
    expect((await tenant.untilActive('alice')).status?.accessLevel).toBe('ro');
    expect(await tenant.grantedOn('share')).toEqual({ 'cephx:alice': 'ro' });
  });

  test('a recovery on request makes the backend equal to the rules', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    const calls = (await tenant.callsOf('updateAccess')).length;
    await tenant.setFaults({ operation: 'updateAccess', kind: 'rejected', times: 1 });
    await tenant.grant('bob', 'share');
    await tenant.untilError('bob', 'BackendRejected');
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    await tenant.untilActive('bob');
    const [, recovery] = (await tenant.callsOf('updateAccess')).slice(calls);
    expect(recovery?.args).toMatchObject({ addRules: [], updateRules: [], deleteRules: [] });
    expect(Object.keys(await tenant.grantedOn('share')).sort()).toEqual(['cephx:alice', 'cephx:bob']);
    expect(await tenant.callsOf('ensureShare')).toHaveLength(1);
  });

  test('work that goes on on the storage system is asked for again with its token', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.setFaults({ operation: 'updateAccess', kind: 'inProgress' });
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    const tokens = (await tenant.callsOf('updateAccess')).map(({ args }) => JSON.stringify(args?.operation));
    expect(tokens).toHaveLength(2);
    expect(tokens[1]).toContain('"token"');
    expect((await cluster.client.get(shares, { namespace: tenant.namespace, name: 'share' })).status?.operation).toBe(
      undefined,
    );
  });

  test('a denial is not taken for the end of a grant that goes on on the storage system', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    const operations = async () =>
      (await tenant.callsOf('updateAccess')).map(({ args }) => args?.operation as { id: string; token?: string });
    const [granted] = await operations();
    const operation = { ...granted, name: 'updateAccess', startedTime: new Date().toISOString(), token: 'goes-on' };
    const { attempt: _attempt, ...noted } = operation as typeof operation & { attempt?: number };
    const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status: { operation: noted } })];
    await tenant.kubectl('patch', 'share', 'share', ...patch);
    await tenant.kubectl('delete', 'shareaccess', 'alice', '--timeout=20s');
    const [, denied] = await operations();
    expect(denied?.token).toBe(undefined);
    expect(denied?.id).not.toBe(granted?.id);
  });

  test('rules wait for their share, and while the network is in maintenance; they come back with a server in error', async () => {
    const tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const { namespace } = tenant;
    await tenant.grant('early', 'share');
    await tenant.untilRule('early', 'waits', (rule) => conditionOf(rule, 'Reconciling') === 'True/ShareNotFound');
    await cluster.apply(network(namespace, 'net', []));
    await tenant.makeShares(['share'], { shareNetworkName: 'net' });
    await tenant.untilActive('early');
    const setPhase = (kind: string, name: string, phase: string) =>
      tenant.kubectl(
        'patch',
        kind,
        name,
        '--subresource=status',
        '--type=merge',
        '-p',
        `{"status":{"phase":"${phase}"}}`,
      );
    await setPhase('sharenetwork', 'net', 'network_change');
    await cluster.until(shareNetworks, { namespace, name: 'net' }, 'noticed', (net) =>
      conditionOf(net, 'Ready').includes('Maintenance'),
    );
    await tenant.grant('late', 'share');
    const late = await tenant.untilRule('late', 'waits', (rule) => conditionOf(rule, 'Reconciling') !== 'absent');
    expect(conditionOf(late, 'Reconciling')).toBe('True/ShareNetworkNotActive');
    await setPhase('sharenetwork', 'net', 'active');
    await tenant.untilActive('late');

    const key = await tenant.keyInSecret('early');
    const { items } = await cluster.client.list(shareServers, { namespace });
    const server = items[0]?.metadata.name ?? '';
    await setPhase('shareserver', server, 'error');
    await tenant.untilError('early', 'ShareServerError');
    await tenant.untilError('late', 'ShareServerError');
    await setPhase('shareserver', server, 'active');
    await tenant.untilActive('early');
    await tenant.untilActive('late');
    expect(await tenant.keyInSecret('early')).toBe(key);
    const last = (await tenant.callsOf('updateAccess')).at(-1);
    expect(last?.args).toMatchObject({ addRules: [], updateRules: [], deleteRules: [] });
  });

  test('a lost share is an error, and is back when its data is', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    const { metadata } = await cluster.client.get(shares, { namespace: tenant.namespace, name: 'share' });
    const { rename } = await import('node:fs/promises');
    const path = `${cluster.stateDirectory}/backends/${tenant.backendName}/shares/${metadata.uid}.json`;
    await rename(path, `${path}.away`);
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=1');
    const lost = await tenant.untilShare('share', 'lost', (share) => conditionOf(share, 'Ready') === 'False/ShareLost');
    expect(lost.status?.phase).toBe('error');
    expect(await tenant.callsOf('createShare')).toHaveLength(1);
    await tenant.untilShare('share', 'handled', ({ status }) => status?.lastHandledReconcileAt === '1');
    await rename(`${path}.away`, path);
    await tenant.annotate('share', 'share', 'sharenet.io/reconcile-requested-at=2');
    await tenant.untilShare('share', 'available', ({ status }) => status?.phase === 'available');
    await eventually('rule active', async () => (await tenant.rule('alice')).status?.phase === 'active');
    expect(await tenant.callsOf('createShare')).toHaveLength(1);
  });
});
