import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSecurityServices } from '../../../src/api/v1alpha1/labels.ts';
import { shareAccesses, shareNetworks, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { readAuditLog } from '../audit-log.ts';
import { access, network, share } from '../manifests.ts';
import { ad, Scene } from '../network-change/scene.ts';
import { TestCluster } from '../test-cluster.ts';
import { Person } from './plugin.ts';

const update = 'updateShareServerSecurityService';

describe('kubectl sharenet for those who look', () => {
  let cluster: TestCluster;

  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  describe('where no operator answers', () => {
    let namespace: string;
    let tenant: Person;

    beforeAll(async () => {
      namespace = await cluster.namespace();
      tenant = await Person.with(cluster, 'ted', 'edit', namespace);
      await cluster.apply(network(namespace, 'net', []));
    }, 60_000);

    const question = async () =>
      (await cluster.client.get(shareNetworks, { namespace, name: 'net' })).metadata.annotations?.[
        checkSecurityServices
      ];
    const asked = () => eventually('the question is asked', async () => (await question()) === 'ldap=dir');

    test('check gives up in time, and takes its question back', async () => {
      const { code, stdout, stderr } = await tenant.sharenet('check', 'net', 'ldap=dir', '--timeout', '1s');
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('no answer in time; is the operator running');
      expect(await question()).toBeUndefined();
    });

    test('check that is interrupted takes its question back', async () => {
      const checking = tenant.start('check', 'net', 'ldap=dir');
      await asked();
      checking.interrupt();
      expect(await checking.ended).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('interrupted; nothing was changed'),
      });
      expect(await question()).toBeUndefined();
    });

    test('check that is interrupted leaves the question that someone else put in the place of its own', async () => {
      const checking = tenant.start('check', 'net', 'ldap=dir');
      await asked();
      const other = `${checkSecurityServices}=ldap=other`;
      await cluster.kubectl('annotate', '--overwrite', 'sharenetwork', 'net', other, '-n', namespace);
      checking.interrupt();
      expect((await checking.ended).code).toBe(1);
      expect(await question()).toBe('ldap=other');
    });
  });

  describe('at objects that want to do something to the terminal', () => {
    const hostile = '\u001b[2J\u001b]0;owned\u0007\u009b31m\r\u202eforged';
    let namespace: string;
    let viewer: Person;

    beforeAll(async () => {
      namespace = await cluster.namespace();
      viewer = await Person.with(cluster, 'vera', 'admin', namespace);
      await cluster.apply(
        network(namespace, 'net', [], { description: hostile }),
        share(namespace, 'lone'),
        access(namespace, 'rule', 'lone'),
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { namespace, name: 'rule-access-key', labels: { 'sharenet.io/access-key': 'true' } },
          stringData: { accessKey: `key${hostile}` },
        },
      );
      const conditions = [
        {
          type: 'Ready',
          status: 'False',
          reason: 'DriverError',
          message: `before ${hostile} after`,
          lastTransitionTime: '2026-01-01T00:00:00Z',
        },
      ];
      const statuses = [
        [shareNetworks, 'net', {}],
        [shares, 'lone', {}],
        [shareAccesses, 'rule', { accessKeySecretRef: { name: 'rule-access-key' } }],
      ] as const;
      for (const [type, name, status] of statuses) {
        const patch = { status: { ...status, conditions } };
        await cluster.client.mergePatch<{ metadata: { name: string } }>(type, { namespace, name }, patch, {
          subresource: 'status',
        });
      }
    }, 60_000);

    afterAll(async () => {
      await cluster.kubectl('delete', 'shareaccess,share,sharenetwork', '--all', '-n', namespace);
    });

    test.each([
      'status',
      'status -o json',
      'status -o yaml',
      'access list',
      'access list -o json',
      'access list --show-keys',
      'access list --show-keys -o yaml',
    ])('%s: nothing of it gets through', async (command) => {
      const { stdout, stderr } = await viewer.sharenet(...command.split(' '));
      expect(stdout).toContain('before');
      expect(stdout).toContain('after');
      expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e]/u);
      expect(stderr).not.toContain('key forged');
    });
  });

  describe('at a network with a failed server', () => {
    let scene: Scene;
    let tenant: Person;
    let viewer: Person;
    let failed: string;
    let other: string;

    beforeAll(async () => {
      await cluster.startOperator();
      scene = await Scene.make(cluster, { shares: 2 });
      const { namespace } = scene;
      await cluster.apply(
        access(namespace, 'alice', 'share-0'),
        access(namespace, 'bob', 'share-1'),
        access(namespace, 'carol', 'missing'),
        share(namespace, 'waiting', { shareNetworkName: 'nowhere' }),
      );
      for (const name of ['alice', 'bob']) {
        await cluster.until(shareAccesses, { namespace, name }, 'active', ({ status }) => status?.phase === 'active');
      }
      const placed = await cluster.client.get(shares, { namespace, name: 'share-0' });
      failed = placed.status?.shareServerName ?? '';
      other = (await scene.servers()).find(({ metadata }) => metadata.name !== failed)?.metadata.name ?? '';
      await scene.faults({
        operation: update,
        kind: 'rejected',
        message: 'join refused by the directory',
        match: { shareServer: failed },
      });
      await scene.refer([ad('ad-b')]);
      await scene.changed('Failed');
      await cluster.until(
        shareAccesses,
        { namespace, name: 'alice' },
        'in error',
        ({ status }) => status?.phase === 'error',
      );
      tenant = await Person.with(cluster, 'tina', 'edit', namespace);
      viewer = await Person.with(cluster, 'victor', 'view', namespace);
    }, 180_000);

    test('the tree shows every object in its place, and why it is not ready', async () => {
      const { code, stdout, stderr } = await tenant.sharenet('status');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const lines = stdout.trimEnd().split('\n');
      const at = (text: string) => lines.findIndex((line) => line.includes(text));
      expect(lines[0]).toMatch(/^NAME +PHASE +REASON$/);
      expect(lines[1]).toMatch(/^sharenetwork\/net +active +UpdateFailed: /);
      expect(lines[at('services:')]).toBe('│  services: active_directory ad-b');
      expect(lines[at('last change:')]).toMatch(
        new RegExp(`last change: Failed \\d+s ago; active_directory ad-a -> ad-b \\(by spec\\); failed: ${failed}`),
      );
      expect(lines[at(`shareserver/${failed}`)]).toMatch(/ error +\w+: .*join refused by the directory/);
      expect(lines[at(`shareserver/${other}`)]).toMatch(/ active$/);
      expect(lines[at('share/share-0')]).toMatch(/^[│ ]+└─ share\/share-0 CEPHFS 1Gi +available +ShareServerError: /);
      expect(lines[at('shareaccess/alice')]).toMatch(/ error +ShareServerError: /);
      expect(lines[at('share/share-1')]).toMatch(/ available$/);
      expect(lines[at('shareaccess/bob')]).toMatch(/ active$/);
      expect(at('share/share-0')).toBe(at(`shareserver/${failed}`) + 1);
      expect(lines[at('shares without a network:') + 1]).toMatch(/^share\/waiting .*ShareNetworkNotFound: /);
      expect(lines[at('access rules without a share:') + 1]).toMatch(/^shareaccess\/carol .*ShareNotFound: /);
    });

    test('one network alone, and the same as data', async () => {
      const { stdout } = await tenant.sharenet('status', 'net');
      expect(stdout).toContain('shareaccess/alice');
      expect(stdout).not.toContain('carol');
      const data = JSON.parse((await tenant.sharenet('status', '-o', 'json')).stdout);
      expect(data).toMatchObject({
        shareNetworks: [
          {
            name: 'net',
            phase: 'active',
            notes: [{ condition: 'Ready', reason: 'UpdateFailed' }],
            lastNetworkChange: { result: 'Failed', failedServers: [failed] },
          },
        ],
        sharesWithoutNetwork: [{ name: 'waiting' }],
        shareAccessesWithoutShare: [{ name: 'carol' }],
      });
      expect(data.shareNetworks[0].shareServers).toHaveLength(2);
    });

    test('a network that does not exist is a failure', async () => {
      const { code, stderr } = await tenant.sharenet('status', 'nope');
      expect(code).toBe(1);
      expect(stderr).toContain('kubectl-sharenet: sharenetworks.sharenet.io "nope" not found');
    });

    test('all namespaces need the right to all', async () => {
      const { code, stderr } = await tenant.sharenet('status', '-A');
      expect(code).toBe(1);
      expect(stderr).toMatch(/cannot list resource .* at the cluster scope; needed: the right to list /);
      const chief = await Person.with(cluster, 'chief', 'cluster-admin', scene.namespace, { everywhere: true });
      expect((await chief.sharenet('status', '-A')).stdout).toMatch(
        new RegExp(`^namespace ${scene.namespace}\\nsharenetwork/net `, 'm'),
      );
    });

    test('a backend that is not ready shows to those who may see backends', async () => {
      const chief = await Person.with(cluster, 'boss', 'cluster-admin', scene.namespace, { everywhere: true });
      const faults = [{ operation: 'getCapabilities', kind: 'unavailable', message: 'controller unreachable' }];
      const patch = JSON.stringify({ spec: { enabled: false, dummy: { faults } } });
      await cluster.kubectl('patch', 'storagebackend', scene.backendName, '--type=merge', '-p', patch);
      await eventually('told', async () =>
        /storage backend \S+: \w+: .*controller unreachable/.test((await chief.sharenet('status')).stdout),
      );
      expect((await chief.sharenet('status')).stdout).toContain(`storage backend ${scene.backendName} is not enabled`);
      expect((await tenant.sharenet('status')).stdout).not.toContain('storage backend');
    });

    test('access rules are listed without reading a Secret', async () => {
      const { code, stdout } = await tenant.sharenet('access', 'list');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^NAME +SHARE +TYPE +TO +LEVEL +PHASE +KEY-SECRET +REASON$/m);
      expect(stdout).toMatch(/^bob +share-1 +cephx +bob +rw +active +bob-access-key$/m);
      expect(stdout).toMatch(/^alice +share-0 .* error +alice-access-key +ShareServerError: /m);
      const one = await tenant.sharenet('access', 'list', 'share-1', '-o', 'json');
      expect(JSON.parse(one.stdout).shareAccesses).toMatchObject([
        { name: 'bob', accessKeySecretName: 'bob-access-key' },
      ]);
      const missing = await tenant.sharenet('access', 'list', 'nope');
      expect(missing).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('shares.sharenet.io "nope" not found'),
      });
      expect(await secretsReadBy('tina')).toEqual([]);
    });

    test('keys are shown only on request, to those who may read them', async () => {
      const key = await keyOf('bob');
      expect((await tenant.sharenet('access', 'list')).stdout).not.toContain(key);
      const { code, stdout, stderr } = await tenant.sharenet('access', 'list', 'share-1', '--show-keys');
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/ KEY-SECRET +KEY +REASON$/m);
      expect(stdout).toContain(`bob-access-key   ${key}`);
      expect(await secretsReadBy('tina')).toEqual(['bob-access-key']);
      const yaml = await tenant.sharenet('access', 'list', '--show-keys', '-o', 'yaml');
      expect(yaml.stdout).toContain(`accessKey: ${key}`);
    });

    test('a person who may not read Secrets gets a note for each rule and sees the rest', async () => {
      const { code, stdout, stderr } = await viewer.sharenet('access', 'list', '--show-keys');
      expect(code).toBe(1);
      expect(stdout).toMatch(/^bob +share-1 .* bob-access-key +<forbidden>$/m);
      expect(stderr).toMatch(/^shareaccess\/bob: you need the right to get Secret bob-access-key$/m);
      expect(stdout + stderr).not.toContain(await keyOf('bob'));
    });

    test('who may read one Secret sees that key', async () => {
      const { namespace } = scene;
      await cluster.kubectl(
        ...['create', 'role', 'one-key', '--verb=get', '--resource=secrets', '--resource-name=bob-access-key'],
        ...['-n', namespace],
      );
      await cluster.kubectl('create', 'rolebinding', 'one-key', '--role=one-key', '--user=victor', '-n', namespace);
      const key = await keyOf('bob');
      await eventually('one key', async () =>
        (await viewer.sharenet('access', 'list', 'share-1', '--show-keys')).stdout.includes(key),
      );
      const { code, stdout, stderr } = await viewer.sharenet('access', 'list', '--show-keys');
      expect(code).toBe(1);
      expect(stdout).toContain(key);
      expect(stdout).toMatch(/^alice .*<forbidden>/m);
      expect(stderr).not.toContain(key);
    });

    async function keyOf(rule: string): Promise<string> {
      const encoded = await scene.kubectl('get', 'secret', `${rule}-access-key`, '-o', 'jsonpath={.data.accessKey}');
      const key = Buffer.from(encoded, 'base64').toString('utf8');
      expect(key.length).toBeGreaterThan(10);
      return key;
    }
  });

  async function secretsReadBy(user: string): Promise<readonly string[]> {
    const events = (await readAuditLog(cluster.plane)).filter((event) => event.user.username === user);
    return events.flatMap(({ objectRef }) => (objectRef?.resource === 'secrets' ? [objectRef.name ?? 'all'] : []));
  }
});
