import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { readAuditLog } from '../audit-log.ts';
import { condition, Scene } from '../network-change/scene.ts';
import { TestCluster } from '../test-cluster.ts';
import { bin, Person } from './plugin.ts';

const capability = 'securityServiceUpdateSupport';

describe('kubectl sharenet for storage administrators', () => {
  let cluster: TestCluster;
  let scene: Scene;
  let admin: Person;
  let tenant: Person;
  let servers: readonly string[];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    scene = await Scene.make(cluster, { shares: 3 });
    servers = (await scene.servers()).map(({ metadata }) => metadata.name);
    admin = await Person.with(cluster, 'ada', 'sharenet-storage-admin', scene.namespace, { everywhere: true });
    tenant = await Person.with(cluster, 'tom', 'edit', scene.namespace);
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** What the servers' specs say, by the servers' names. */
  async function support(): Promise<readonly (boolean | undefined)[]> {
    return (await scene.servers()).map(({ spec }) => spec[capability]);
  }

  /** Successful or not, requests of someone that were to change something. */
  async function writesOf(user: string): Promise<readonly string[]> {
    const events = (await readAuditLog(cluster.plane)).filter((event) => event.user.username === user);
    return events.filter(({ verb }) => !['get', 'list'].includes(verb)).map(({ requestURI }) => requestURI);
  }

  test('a reset of a network is honoured, and says what was before', async () => {
    const reset = await admin.sharenet('reset-status', 'sharenetwork', 'net', '--to', 'network_change');
    expect(reset).toEqual({ code: 0, stdout: 'sharenetwork/net: active -> network_change\n', stderr: '' });
    await scene.network('maintenance', (network) => condition(network, 'Ready')?.reason === 'Maintenance');
    expect(await scene.event('StatusReset', 'net')).toMatch(
      /active to network_change by field manager sharenet-plugin/,
    );

    const status = await tenant.sharenet('status', 'net');
    expect(status.stdout).toMatch(/^sharenetwork\/net +network_change +Maintenance: /m);

    const back = await admin.sharenet('reset-status', 'shnet/net', '--to=active');
    expect(back.stdout).toBe('sharenetwork/net: network_change -> active\n');
    await scene.network('active', (network) => condition(network, 'Ready')?.status === 'True');
    expect((await admin.sharenet('reset-status', 'net/net', '--to=active')).stdout).toBe(
      'sharenetwork/net: is active already\n',
    );
  });

  test('a reset of servers is honoured', async () => {
    const [first = '', second = ''] = servers;
    const { code, stdout } = await admin.sharenet('reset-status', 'shsrv', first, second, '--to', 'error');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `shareserver/${first}: active -> error\nshareserver/${second}: active -> error\n`,
    });
    await scene.event('StatusReset', first);
    expect((await admin.sharenet('reset-status', `server/${first}`, `server/${second}`, '--to', 'active')).code).toBe(
      0,
    );
    for (const name of [first, second]) {
      await scene.server(name, 'active', (server) => condition(server, 'Ready')?.status === 'True');
    }
  });

  test('a dry run changes nothing', async () => {
    const { code, stdout } = await admin.sharenet('reset-status', 'shnet/net', '--to', 'error', '--dry-run=server');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'sharenetwork/net: active -> error (dry run)\n' });
    expect((await scene.present()).status?.phase).toBe('active');
    await admin.sharenet('set-capability', `${capability}=false`, ...servers, '--dry-run');
    expect(await support()).toEqual([true, true, true]);
  });

  test('a name that does not exist is reported in the words of the API server, and nothing is changed', async () => {
    const { code, stdout, stderr } = await admin.sharenet('reset-status', 'shnet', 'net', 'nope', '--to', 'error');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^sharenetwork\/nope: sharenetworks\.sharenet\.io "nope" not found$/m);
    expect(stderr).toMatch(/^kubectl-sharenet: nothing was changed$/m);
    expect((await scene.present()).status?.phase).toBe('active');
  });

  test('the launcher may be called through symbolic links', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sharenet-bin-'));
    try {
      await symlink(join(bin, 'kubectl-sharenet'), join(folder, 'first'));
      await symlink('first', join(folder, 'kubectl-sharenet'));
      const { stdout } = await promisify(execFile)(join(folder, 'kubectl-sharenet'), ['--help'], { cwd: '/' });
      expect(stdout).toContain('Usage: kubectl sharenet');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('wrong usage is reported in one line, and nothing is asked', async () => {
    const before = (await writesOf('ada')).length;
    for (const args of [
      ['reset-status', 'shnet/net', '--to', 'fine'],
      ['reset-status', 'shr/share-0', '--to', 'active'],
      ['set-capability', 'flying=true', ...servers],
      ['set-capability', `${capability}=no`, ...servers],
    ]) {
      const { code, stdout, stderr } = await admin.sharenet(...args);
      expect({ args, code, stdout }).toEqual({ args, code: 2, stdout: '' });
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
    }
    expect(await writesOf('ada')).toHaveLength(before);
    expect(await support()).toEqual([true, true, true]);
  });

  test('a tenant is refused, with the right that is missing', async () => {
    const [first = ''] = servers;
    const reset = await tenant.sharenet('reset-status', 'shnet/net', '--to', 'error');
    expect({ code: reset.code, stdout: reset.stdout }).toEqual({ code: 1, stdout: '' });
    expect(reset.stderr).toContain('is forbidden: User "tom" cannot patch resource "sharenetworks/status"');
    expect(reset.stderr).toContain('needed: the right to patch sharenetworks/status');
    const server = await tenant.sharenet('reset-status', `server/${first}`, '--to', 'error');
    expect(server.stderr).toContain('needed: the right to patch shareservers/status');
    const set = await tenant.sharenet('set-capability', `${capability}=false`, ...servers);
    expect({ code: set.code, stdout: set.stdout }).toEqual({ code: 1, stdout: '' });
    expect(set.stderr).toContain(
      'needed: the right to patch shareservers, as ClusterRole sharenet-storage-admin has it',
    );
    expect((await scene.present()).status?.phase).toBe('active');
    expect(await support()).toEqual([true, true, true]);
  });

  test('who may impersonate has the rights of the other one then, and no more', async () => {
    const chief = await Person.with(cluster, 'chief', 'cluster-admin', scene.namespace, { everywhere: true });
    const { code, stderr } = await chief.sharenet('reset-status', 'shnet/net', '--to', 'error', '--as', 'tom');
    expect(code).toBe(1);
    expect(stderr).toContain('User "tom" cannot patch resource "sharenetworks/status"');
    const asGroup = ['--as', 'somebody', '--as-group', 'a', '--as-group', 'system:masters'];
    expect((await chief.sharenet('status', 'net', ...asGroup)).stdout).toContain('sharenetwork/net');
  });

  test('a capability is set on several servers; false is really false', async () => {
    const { code, stdout } = await admin.sharenet('set-capability', `${capability}=false`, ...servers);
    expect(code).toBe(0);
    expect(stdout).toBe(servers.map((name) => `shareserver/${name}: ${capability} true -> false\n`).join(''));
    expect(await support()).toEqual([false, false, false]);
    await scene.network('without support', ({ status }) => status?.[capability] === false);
    expect((await admin.sharenet('set-capability', `${capability}=true`, ...servers)).code).toBe(0);
    await scene.network('with support', ({ status }) => status?.[capability] === true);
  });

  test('an unknown server among them changes none', async () => {
    const [first = ''] = servers;
    const before = (await writesOf('ada')).length;
    const { code, stdout, stderr } = await admin.sharenet('set-capability', `${capability}=false`, first, 'nope');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/^shareserver\/nope: shareservers\.sharenet\.io "nope" not found$/m);
    expect(await support()).toEqual([true, true, true]);
    expect(await writesOf('ada')).toHaveLength(before);
  });

  describe('with a policy that refuses writes to the last server', () => {
    const policy = (when: string) => [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name: 'refuse-the-last' },
        spec: {
          failurePolicy: 'Fail',
          matchConstraints: {
            resourceRules: [
              { apiGroups: ['sharenet.io'], apiVersions: ['*'], resources: ['shareservers'], operations: ['UPDATE'] },
            ],
          },
          matchConditions: [{ name: 'ada', expression: 'request.userInfo.username == "ada"' }],
          validations: [{ expression: `object.metadata.name != "${servers[2]}" || ${when}`, message: 'not this one' }],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name: 'refuse-the-last' },
        spec: { policyName: 'refuse-the-last', validationActions: ['Deny'] },
      },
    ];

    /** Applies the policy and waits until it answers so to a dry run; every other write is refused. */
    async function inForce(when: string, dryRunRefused: boolean): Promise<void> {
      await cluster.apply(...policy(when));
      const refused = (...args: readonly string[]) =>
        scene
          .kubectl(
            'annotate',
            'shareserver',
            servers[2] ?? '',
            'try=it',
            '--overwrite',
            '--as=ada',
            '--as-group=system:masters',
            ...args,
          )
          .then(
            () => false,
            (error: Error) => error.message.includes('not this one'),
          );
      const answersRight = async () => (await refused()) && (await refused('--dry-run=server')) === dryRunRefused;
      await eventually('the policy is in force', answersRight, 20_000);
    }

    test('what the API server would refuse is refused before the first write', async () => {
      await inForce('false', true);
      const { code, stdout, stderr } = await admin.sharenet('set-capability', `${capability}=false`, ...servers);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^shareserver/${servers[2]}: .*not this one`, 'm'));
      expect(stderr).toMatch(/^kubectl-sharenet: nothing was changed$/m);
      const generations = (await scene.servers()).map(({ metadata }) => metadata.generation);
      expect(await support()).toEqual([true, true, true]);
      expect(generations).toEqual(generations.map(() => generations[0]));
    });

    test('pause tells which were not paused, and fails', async () => {
      await inForce('false', true);
      const { code, stdout, stderr } = await admin.sharenet('pause', 'shareserver', ...servers);
      const done = servers.slice(0, 2);
      expect({ code, stdout }).toEqual({
        code: 1,
        stdout: done.map((name) => `shareserver/${name}: paused\n`).join(''),
      });
      expect(stderr).toMatch(new RegExp(`^shareserver/${servers[2]}: .*not this one`, 'm'));
      expect(stderr).toMatch(/^kubectl-sharenet: 1 of 3 were not changed$/m);
      expect((await admin.sharenet('resume', 'shareserver', ...done)).code).toBe(0);
    });

    test('where the last write fails all the same, the others are put back', async () => {
      await inForce('request.dryRun == true', false);
      const before = (await scene.servers()).map(({ metadata }) => metadata.generation ?? 0);
      const { code, stdout, stderr } = await admin.sharenet('set-capability', `${capability}=false`, ...servers);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toMatch(new RegExp(`^shareserver/${servers[2]}: .*not this one`, 'm'));
      expect(stderr).toContain(`nothing is changed; put back: ${servers[0]}, ${servers[1]}`);
      expect(await support()).toEqual([true, true, true]);
      const after = (await scene.servers()).map(({ metadata }) => metadata.generation ?? 0);
      expect(after.map((generation, index) => generation - (before[index] ?? 0))).toEqual([2, 2, 0]);
    });
  });
});
