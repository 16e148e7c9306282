import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { AdmissionPolicy } from '../admission-policy.ts';
import { Person } from '../cli/plugin.ts';
import { access, share } from '../manifests.ts';
import { ad, Scene } from '../network-change/scene.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { operatorUser } from '../operator-user.ts';
import { conditionOf, messageOf, Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

interface Quota extends KubeObject {
  readonly spec: { readonly hard: Readonly<Record<string, string>> };
  readonly status?: { readonly used?: Readonly<Record<string, string>> };
}

const quotas: ResourceType<Quota> = {
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  namespaced: true,
};

describe('where the API server refuses Secrets of access keys', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start({ quotas: true });
    operator = await cluster.startOperator('--webhook-mode=off');
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** Bounds what a namespace may have, and waits until that is in force. */
  const bound = async (namespace: string, hard: Readonly<Record<string, string>>): Promise<void> => {
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { namespace, name: 'bound' },
      spec: { hard },
    });
    await cluster.until(
      quotas,
      { namespace, name: 'bound' },
      'in force',
      (quota) =>
        JSON.stringify(quota).includes('"used"') &&
        Object.entries(hard).every(([key, value]) => JSON.stringify(quota.status).includes(`"${key}":"${value}"`)),
    );
  };

  const untilRefused = (tenant: Tenant, name: string) =>
    tenant.untilRule(name, 'told', (rule) => conditionOf(rule, 'Ready') === 'False/WriteRefused');

  test('a quota: nothing is granted, the rule and why say who can help, others go on, and it recovers by itself', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace } = tenant;
    await tenant.makeShares(['one']);
    await tenant.grant('carol', 'one');
    await tenant.untilActive('carol');
    const calls = (await tenant.callsOf('updateAccess')).length;
    await bound(namespace, { 'count/secrets': '1' });
    await tenant.grant('alice', 'one');
    const alice = await untilRefused(tenant, 'alice');
    expect(messageOf(alice, 'Ready')).toContain('exceeded quota: bound, requested: count/secrets=1');
    expect(conditionOf(alice, 'Stalled')).toBe('True/WriteRefused');
    expect(alice.status?.phase).toBe('applying');
    expect(await tenant.callsOf('updateAccess')).toHaveLength(calls);
    expect(await tenant.grantedOn('one')).toEqual({ 'cephx:carol': 'rw' });
    await tenant.untilEvent('WriteRefused', 'ShareAccess', 'alice');
    await tenant.untilShare('one', 'syncing', ({ status }) => status?.accessRulesStatus === 'syncing');
    const person = await Person.with(cluster, 'quota-asker', 'sharenet-view', namespace);
    const why = await person.sharenet('why', 'shareaccess/alice');
    expect(why.stdout).toContain('exceeded quota: bound');
    expect(why.stdout).toContain('The administrator of the namespace raises the ResourceQuota');
    expect(why.stdout).toContain('What to do:  Do what the message says.');
    // Others of the share are denied meanwhile; the quota has no room yet, since alice is not the only one who waits.
    await tenant.grant('bob', 'one');
    await untilRefused(tenant, 'bob');
    await bound(namespace, { 'count/secrets': '0' });
    await tenant.kubectl('delete', 'shareaccess', 'carol');
    expect(await tenant.grantedOn('one')).toEqual({});
    expect(
      Number(
        /^rest_client_refused_writes_total\{verb="create",resource="secrets",code="403"\} (\d+)/m.exec(
          await operator.metrics(),
        )?.[1],
      ),
    ).toBeLessThan(40);
    await bound(namespace, { 'count/secrets': '5' });
    for (const name of ['alice', 'bob']) {
      const active = await tenant.untilActive(name);
      expect(JSON.stringify(active)).not.toContain('WriteRefused');
      expect(await tenant.keyInSecret(name)).toBe(await tenant.keyOnBackend(name));
    }
  }, 180_000);

  test('a policy that wants a label, and one that quotes what it refuses: no key is shown', async () => {
    const tenant = await Tenant.make(cluster);
    const { namespace } = tenant;
    await tenant.makeShares(['one']);
    const policy = await AdmissionPolicy.apply(cluster, 'team-label', {
      namespace,
      group: '',
      resource: 'secrets',
      operations: ['CREATE', 'UPDATE'],
      // What is only tried may pass, so that a key is minted first.
      expression: `request.dryRun || 'team' in object.metadata.labels`,
      messageExpression: `'add the label team, not ' + object.data.userKey`,
    });
    await tenant.grant('alice', 'one');
    const alice = await untilRefused(tenant, 'alice');
    expect(messageOf(alice, 'Ready')).toContain('add the label team, not [redacted]');
    expect(alice.status?.phase).toBe('applying');
    expect(alice.status?.accessKeySecretRef).toBeUndefined();
    const key = (await tenant.keyOnBackend('alice')) ?? '';
    expect(key).not.toBe('');
    const told = `${JSON.stringify(alice)}${await operator.log()}${await tenant.kubectl('get', 'events', '-o', 'json')}`;
    expect(told).not.toContain(key);
    expect(told).not.toContain(Buffer.from(key).toString('base64').replace(/=+$/, ''));
    await policy.lift();
    await tenant.untilActive('alice');
    expect(await tenant.keyInSecret('alice')).toBe(key);
  }, 120_000);

  test('a right that is missing', async () => {
    const tenant = await Tenant.make(cluster);
    await tenant.makeShares(['one']);
    cluster.expectRefusals(({ objectRef, verb }) => verb === 'create' && objectRef?.resource === 'secrets');
    const name = 'sharenet-operator';
    const role = JSON.parse(await cluster.kubectl('get', 'clusterrole', name, '-o', 'json')) as {
      rules: { resources?: string[]; verbs: string[] }[];
    };
    const narrowed = role.rules.map((rule) =>
      rule.resources?.includes('secrets') ? { ...rule, verbs: rule.verbs.filter((verb) => verb !== 'create') } : rule,
    );
    const set = (rules: object) =>
      cluster.kubectl('patch', 'clusterrole', name, '--type=merge', '-p', JSON.stringify({ rules }));
    await set(narrowed);
    try {
      await tenant.kubectl('get', 'shares');
      // The API server heeds it some moments later.
      await cluster.untilMayNot(operatorUser, { verb: 'create', resource: 'secrets', namespace: tenant.namespace });
      await tenant.grant('alice', 'one');
      const alice = await untilRefused(tenant, 'alice');
      expect(messageOf(alice, 'Ready')).toContain('cannot create resource "secrets"');
      expect(messageOf(alice, 'Ready')).toContain('grants the operator this right');
    } finally {
      await set(role.rules);
    }
    await tenant.untilActive('alice');
  }, 120_000);

  test('the quota of config/samples lets a tenant work, and tells what exceeds it', async () => {
    const scene = await Scene.make(cluster);
    const { namespace } = scene;
    const file = new URL('../../../config/samples/tenant-quota.yaml', import.meta.url).pathname;
    await scene.kubectl('apply', '-f', file);
    const name = { namespace, name: 'sharenet' };
    const all = Object.keys((await cluster.client.get(quotas, name)).spec.hard);
    await cluster.until(
      quotas,
      name,
      'counted',
      ({ status }) =>
        Number(status?.used?.['count/secrets']) >= 3 && all.every((key) => status?.used?.[key] !== undefined),
    );
    await cluster.apply(scene.share('one'), access(namespace, 'dora', 'one'));
    await cluster.until(
      shareAccesses,
      { namespace, name: 'dora' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    await scene.refer([ad('ad-b')]);
    await scene.changed('Succeeded');
    const limit = (count: string) =>
      scene.kubectl(
        'patch',
        'resourcequota',
        'sharenet',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { hard: { 'count/shareservers.sharenet.io': count } } }),
      );
    await limit('1');
    await cluster.until(quotas, name, 'narrowed', (quota) =>
      JSON.stringify(quota.status).includes('"count/shareservers.sharenet.io":"1"'),
    );
    await cluster.apply(scene.share('two'));
    const two = await cluster.until(
      shares,
      { namespace, name: 'two' },
      'told',
      (one) => conditionOf(one, 'Ready') === 'False/WriteRefused',
    );
    expect(messageOf(two, 'Ready')).toContain('exceeded quota: sharenet, requested: count/shareservers.sharenet.io=1');
    // The tenant's own objects are refused by kubectl itself.
    await scene.kubectl(
      'patch',
      'resourcequota',
      'sharenet',
      '--type=merge',
      '-p',
      '{"spec":{"hard":{"count/shares.sharenet.io":"2"}}}',
    );
    await cluster.until(quotas, name, 'full', (quota) =>
      JSON.stringify(quota.status).includes('"count/shares.sharenet.io":"2"'),
    );
    await expect(cluster.apply(share(namespace, 'three'))).rejects.toThrow('exceeded quota');
    await limit('2');
    await scene.shareAvailable('two');
    expect(conditionOf(await cluster.client.get(shareNetworks, { namespace, name: 'net' }), 'Ready')).toBe(
      'True/Available',
    );
    expect((await cluster.client.list(secrets, { namespace })).items.length).toBeGreaterThan(3);
  }, 180_000);
});
