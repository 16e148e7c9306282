import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSecurityServices, paused } from '../../../src/api/v1alpha1/labels.ts';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { runKubectl } from '../../kube/kubectl.ts';
import { readAuditLog } from '../audit-log.ts';
import { access } from '../manifests.ts';
import { ad, condition, Scene } from '../network-change/scene.ts';
import { TestCluster } from '../test-cluster.ts';
import { bin, Person } from './plugin.ts';

const update = 'updateShareServerSecurityService';

/** What `watch -o json` printed. */
function eventsOf(stdout: string): readonly Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

describe('kubectl sharenet for those who change something', () => {
  let cluster: TestCluster;
  let scene: Scene;
  let tenant: Person;
  let viewer: Person;
  let servers: readonly string[];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    scene = await Scene.make(cluster, { shares: 2 });
    const { namespace } = scene;
    servers = (await scene.servers()).map(({ metadata }) => metadata.name);
    await cluster.apply(access(namespace, 'client-of-tom', 'share-0'), access(namespace, 'lost', 'nowhere'));
    await cluster.until(
      shareAccesses,
      { namespace, name: 'client-of-tom' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    [tenant, viewer] = await Promise.all([
      Person.with(cluster, 'tina', 'edit', namespace),
      Person.with(cluster, 'victor', 'view', namespace),
    ]);
  }, 300_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('check tells for each server what a change would mean, and changes nothing', async () => {
    const before = await scene.present();
    const { code, stdout, stderr } = await tenant.sharenet('check', 'net', 'active_directory=ad-b');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^SERVER +COMPATIBLE +CUTS-SESSIONS +SECONDS +MESSAGE$/);
    for (const server of servers) expect(stdout).toMatch(new RegExp(`^${server} +yes`, 'm'));
    expect(lines.at(-1)).toBe('sharenetwork/net: the change would be accepted');
    const after = await scene.present();
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.metadata.annotations?.[checkSecurityServices]).toBeUndefined();
    expect(after.status?.lastNetworkChange).toEqual(before.status?.lastNetworkChange);
    expect(await scene.started(update)).toEqual([]);
  });

  test('check tells the server that can not take it, and asks again when asked again', async () => {
    const match = { shareServer: servers[0] ?? '' };
    const operation = 'checkUpdateShareServerSecurityService';
    await scene.faults({ operation, kind: 'incompatible', message: 'the forest is another one', match });
    const { code, stdout, stderr } = await tenant.sharenet('check', 'net', 'active_directory=ad-c', '-o', 'json');
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /the change would not be accepted: SecurityServiceIncompatible: .*the forest is another one/,
    );
    expect(JSON.parse(stdout)).toMatchObject({
      network: 'net',
      accepted: false,
      reason: 'SecurityServiceIncompatible',
      servers: expect.arrayContaining([expect.objectContaining({ name: servers[0], compatible: false })]),
    });
    await scene.faults();
    expect(await tenant.sharenet('check', 'net', 'active_directory=ad-c')).toMatchObject({ code: 0 });
  });

  test('check tells what is missing, and who may not ask', async () => {
    const [missing, unknown] = await Promise.all([
      tenant.sharenet('check', 'net', 'active_directory=none'),
      tenant.sharenet('check', 'nope', 'active_directory=ad-b'),
    ]);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringMatching(/SecurityServiceNotFound: .*none/) });
    const refused = await viewer.sharenet('check', 'net', 'active_directory=ad-b');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('needed: the right to patch') });
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('"nope" not found') });
  });

  test('the question of another user is left alone', async () => {
    await scene.annotate('sharenetwork', 'net', `${checkSecurityServices}=active_directory=ad-c`);
    const { code, stderr } = await tenant.sharenet('check', 'net', 'active_directory=ad-b');
    expect(code).toBe(1);
    expect(stderr).toContain('another user is asking about active_directory=ad-c');
    // The same question has the same answer, and stays.
    expect(await tenant.sharenet('check', 'net', 'active_directory=ad-c')).toMatchObject({ code: 0 });
    expect((await scene.present()).metadata.annotations?.[checkSecurityServices]).toBe('active_directory=ad-c');
    await scene.kubectl('annotate', 'sharenetwork', 'net', `${checkSecurityServices}-`);
  });

  test('pause and resume set and remove the annotation, of any kind, all or none', async () => {
    const { namespace } = scene;
    const [none, dry] = await Promise.all([
      tenant.sharenet('pause', 'share/share-0', 'share/nope'),
      tenant.sharenet('pause', 'share/share-0', '--dry-run'),
    ]);
    expect(none).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('nothing was changed') });
    expect(dry).toMatchObject({ code: 0, stdout: 'share/share-0: paused (dry run)\n' });
    expect((await tenant.sharenet('pause', 'shr/share-0', 'net/net')).stdout).toBe(
      'share/share-0: paused\nsharenetwork/net: paused\n',
    );
    const share = await cluster.client.get(shares, { namespace, name: 'share-0' });
    expect(share.metadata.annotations?.[paused]).toBe('true');
    await scene.network(
      'paused',
      ({ status }) => status?.conditions?.some(({ reason }) => reason === 'Paused') === true,
    );
    const [why, check, again] = await Promise.all([
      tenant.sharenet('why', 'net'),
      tenant.sharenet('check', 'net', 'active_directory=ad-b'),
      tenant.sharenet('pause', 'net', 'net'),
    ]);
    expect(why.stdout).toContain(`kubectl sharenet resume sharenetwork/net -n ${namespace}`);
    expect(check).toMatchObject({ code: 1, stderr: expect.stringContaining('Paused') });
    expect(again.stdout).toBe('sharenetwork/net: is paused already\n');
    const [resumed, refused] = await Promise.all([
      tenant.sharenet('resume', 'share/share-0', 'net/net'),
      tenant.sharenet('pause', 'shareserver', servers[0] ?? ''),
    ]);
    expect(resumed.stdout).toBe('share/share-0: resumed\nsharenetwork/net: resumed\n');
    expect(refused.stderr).toContain('as ClusterRole sharenet-storage-admin has it');
    await scene.network('ready', ({ status }) =>
      (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'True'),
    );
  });

  // Ten commands and two changes, one after another: on a busy machine minutes.
  test('watch follows a change from its wish to its failure; why names the server, reapply mends', {
    timeout: 300_000,
  }, async () => {
    const { namespace } = scene;
    const [failing = ''] = servers;
    await scene.faults({
      operation: update,
      kind: 'rejected',
      message: 'join refused',
      match: { shareServer: failing },
    });
    // Paused until somebody looks: else the change may be over before.
    await scene.annotate('sharenetwork', 'net', `${paused}=true`);
    await scene.refer([ad('ad-b')]);
    const watching = tenant.start('watch', 'net', '-o', 'json', '--timeout', '60s');
    await watching.line('that it is paused', (line) => line.includes('"kind":"waiting"') && line.includes('Paused'));
    await scene.annotate('sharenetwork', 'net', `${paused}-`);
    const watched = await watching.ended;
    const { status } = await scene.changed('Failed');
    const change = status?.lastNetworkChange?.id;
    const events = eventsOf(watched.stdout);
    const kinds = events.map(({ kind }) => kind);
    expect(watched).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('kubectl sharenet why sharenetwork/net'),
    });
    expect(kinds[0]).toBe('waiting');
    expect(kinds.indexOf('begun')).toBeLessThan(kinds.indexOf('stage'));
    expect(events.find(({ shareServer, result }) => shareServer === failing && result !== undefined)).toMatchObject({
      change,
      result: 'Failed',
      message: expect.stringContaining('join refused'),
    });
    expect(events.filter(({ kind, result }) => kind === 'server' && result === 'Succeeded')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ kind: 'ended', change, result: 'Failed', shareNetwork: 'net' });

    const [idle, why, whyAsData] = await Promise.all([
      tenant.sharenet('watch', 'net'),
      viewer.sharenet('why', 'sharenetwork/net'),
      viewer.sharenet('why', 'sharenetwork', 'net', '-o', 'json'),
    ]);
    expect(idle.code).toBe(1);
    expect(idle.stdout).toMatch(
      /sharenetwork\/net {2}idle: no change is under way; the last one: Failed, .*UpdateFailed/,
    );
    expect(idle.stderr).toContain('kubectl sharenet why sharenetwork/net');

    expect(why.code).toBe(0);
    expect(why.stdout).toMatch(new RegExp(`^└─ shareserver/${failing} \\(error\\): UpdateFailed: .*join refused`, 'm'));
    expect(why.stdout).toMatch(new RegExp(`^In the way: {2}shareserver/${failing} \\(error\\), for \\d+s$`, 'm'));
    expect(why.stdout).toContain(`kubectl sharenet reapply net -n ${namespace}`);
    expect(JSON.parse(whyAsData.stdout)).toMatchObject({
      upToDate: false,
      inTheWay: { kind: 'ShareServer', name: failing, reason: 'UpdateFailed' },
      ask: {
        who: `someone with the ClusterRole edit in namespace ${namespace}`,
        command: `kubectl sharenet reapply net -n ${namespace}`,
      },
    });

    await scene.faults();
    const reapply = await tenant.sharenet('reapply', 'net');
    expect(reapply.stdout).toMatch(/^sharenetwork\/net: asked for another try, token 20\S+\n$/);
    const watch = await viewer.sharenet('watch', 'net', '--timeout', '60s');
    expect(watch).toMatchObject({ code: 0, stderr: '' });
    expect((await scene.changed('Succeeded')).status?.lastNetworkChange?.requestedBy).toMatch(/^reapply\/20/);
    expect((await tenant.sharenet('why', 'sharenetwork/net')).stdout).toBe(
      'sharenetwork/net (active) is up to date; nothing is pending\n',
    );
  });

  test('a paced change is watched server by server, and aborted', async () => {
    // The first server's call is tried again until it is stopped.
    await scene.faults({ operation: update, kind: 'unavailable', message: 'not reached' });
    await scene.refer([ad('ad-c')], { securityServiceChange: { maxConcurrentServers: 1 } });
    const { status } = await scene.network(
      'applying',
      (network) => network.status?.networkChange?.stage === 'applying',
    );
    const id = status?.networkChange?.id;
    const watching = viewer.start('watch', 'net', '-o', 'json', '--timeout', '90s');
    const [dry] = await Promise.all([
      tenant.sharenet('abort', 'net', '--dry-run'),
      watching.line('why the first server waits', (line) => line.includes('not reached')),
    ]);
    expect(dry.stdout).toContain('asked to stop (dry run)');
    expect((await tenant.sharenet('abort', 'net')).stdout).toBe(`sharenetwork/net: change ${id} asked to stop\n`);
    await watching.line('that it is aborted', (line) => line.includes('"kind":"aborted"'));
    await scene.faults();
    const { code, stdout } = await watching.ended;
    const events = eventsOf(stdout);
    expect(code).toBe(1);
    expect(events.map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['begun', 'stage', 'aborted', 'server', 'ended']),
    );
    expect(events.filter(({ result }) => result === 'NotAttempted')).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ kind: 'ended', change: id, shareNetwork: 'net' });
    expect(await tenant.sharenet('abort', 'net')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no change is under way'),
    });
  });

  test('why gives each person the commands that they may run, and says whom to ask for the others', async () => {
    const { namespace } = scene;
    const [storage, root] = await Promise.all([
      Person.with(cluster, 'stella', 'sharenet-storage-admin', namespace, { everywhere: true }),
      Person.with(cluster, 'rosa', 'cluster-admin', namespace, { everywhere: true }),
    ]);
    const adviceOf = async (person: Person) => {
      const { stdout } = await person.sharenet('why', `shareserver/${servers[0]}`, '-o', 'json');
      const { command, ask } = JSON.parse(stdout);
      return { command, ask };
    };
    const name = servers[0] ?? '';
    await scene.reset('shareserver', name, 'error');
    await scene.server(name, 'in error', (server) => condition(server, 'Stalled')?.reason === 'ShareServerError');
    const command = `kubectl sharenet reset-status shareserver/${name} --to active -n ${namespace}`;
    const ask = { who: 'a storage administrator (ClusterRole sharenet-storage-admin)', command };
    expect(await adviceOf(tenant)).toEqual({ command: undefined, ask });
    expect(await adviceOf(storage)).toEqual({ command, ask: undefined });
    expect(await adviceOf(root)).toEqual({ command, ask: undefined });
    const { stdout } = await tenant.sharenet('why', `shareserver/${name}`);
    expect(stdout).toContain(`You are not allowed to do this. Ask ${ask.who} to run:\n             ${command}\n`);
    expect(await storage.sharenet('reset-status', `shareserver/${name}`, '--to', 'active')).toMatchObject({ code: 0 });

    await scene.faults({ operation: 'setupServer', kind: 'rejected' });
    await cluster.apply(scene.share('unmade'));
    await eventually('a set-up failed', async () =>
      (await scene.servers()).some((server) => condition(server, 'Stalled')?.reason === 'SetupFailed')
        ? true
        : undefined,
    );
    const why = await tenant.sharenet('why', 'share/unmade', '-o', 'json');
    const retry = `kubectl sharenet reapply net -n ${namespace}`;
    expect(JSON.parse(why.stdout)).toMatchObject({ inTheWay: { reason: 'SetupFailed' }, command: retry });
    await scene.faults();
    expect(await tenant.sharenet('reapply', 'net')).toMatchObject({ code: 0 });
    await scene.shareAvailable('unmade');
    await scene.kubectl('delete', 'share', 'unmade');
  });

  test('why finds a name alone, and says where there is none or several', async () => {
    await cluster.apply(access(scene.namespace, 'share-0', 'share-0'));
    const [lost, unknown, several] = await Promise.all(
      ['lost', 'nothing-has-this', 'share-0'].map((name) => viewer.sharenet('why', name)),
    );
    expect(lost?.stdout).toMatch(/^In the way: {2}shareaccess\/lost \(queued_to_apply\)/m);
    expect(lost?.stdout).toMatch(/^Because: {5}ShareNotFound: .*\nWhat to do: {2}Create the share\.$/m);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('no object with the name') });
    expect(several?.stderr).toContain('write share/share-0 or shareaccess/share-0');
  });

  describe('a report', () => {
    let folder: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'sharenet-report-test-'));
    });

    afterAll(async () => {
      await rm(folder, { recursive: true });
    });

    test('has the objects, and neither keys nor people', async () => {
      const { namespace } = scene;
      const encoded = await scene.kubectl(
        'get',
        'secret',
        'client-of-tom-access-key',
        '-o',
        'jsonpath={.data.accessKey}',
      );
      const key = Buffer.from(encoded, 'base64').toString('utf8');
      await cluster.apply(access(namespace, 'r1', 'share-1', { accessTo: 'hildegard' }));
      const { code, stdout, stderr } = await tenant.sharenet('report', '-d', join(folder, 'r'), '--hide-addresses');
      expect(code).toBe(0);
      expect(stdout).toContain('look through them');
      // What a tenant may not read is told, not a failure.
      expect(stderr).toContain('left out: storagebackends: ');
      const files = await readdir(join(folder, 'r'), { recursive: true, withFileTypes: true });
      const texts = await Promise.all(
        files.filter((file) => file.isFile()).map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
      );
      const all = texts.join('\n');
      for (const hidden of [key, 'hildegard', 'joiner', '10.20.0.53', 'ad-b.example.com', 'secret-of-ad']) {
        expect(all).not.toContain(hidden);
      }
      expect(all).toContain('<client-');
      expect(all).toContain(`shareserver/${servers[0]}`);
      expect(all).toContain('reason: NetworkChangeStarted');
      const read = (await readAuditLog(cluster.plane)).filter(({ user }) => user.username === 'tina');
      expect(read.filter(({ objectRef }) => objectRef?.resource === 'secrets')).toEqual([]);
    });

    test('never mixes with what is there', async () => {
      expect(await tenant.sharenet('report', '-d', folder)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('is there already'),
      });
    });
  });

  test("kubectl's own completion knows commands, flags and names", async () => {
    const { plane } = cluster;
    const environment = { ...plane.kubectlEnvironment, PATH: `${bin}:${process.env.PATH}` };
    const complete = async (...words: readonly string[]) => {
      const { stdout } = await runKubectl(plane.kubectlPath, ['__complete', 'sharenet', ...words], environment, {
        kubeconfig: plane.kubeconfigPath,
      });
      return stdout.split('\n').map((line) => line.split('\t')[0]);
    };
    const [commands, phases, networks, objects] = await Promise.all([
      complete('re'),
      complete('reset-status', '--to', ''),
      complete('status', '-n', scene.namespace, ''),
      complete('why', '-n', scene.namespace, 'shareserver/'),
    ]);
    expect(commands).toEqual(expect.arrayContaining(['reapply', 'resume', 'reset-status', 'report']));
    expect(phases).toEqual(expect.arrayContaining(['active', 'network_change']));
    expect(networks).toContain('net');
    expect(objects).toContain(`shareserver/${servers[0]}`);
  });

  test('wide has ages and cuts nothing; no colours where it is no terminal', async () => {
    const [status, list] = await Promise.all([
      viewer.sharenet('status', '-o', 'wide'),
      viewer.sharenet('access', 'list', '-o', 'wide'),
    ]);
    expect(status.stdout).toMatch(/^NAME +PHASE +AGE +REASON$/m);
    expect(status.stdout).toMatch(/^sharenetwork\/net +active +\d+[sm]/m);
    expect(list.stdout).toMatch(/ KEY-SECRET +AGE +REASON$/m);
    expect(status.stdout).not.toContain('\u001b');
  });

  test('nothing but what was asked for was written by those who looked', async () => {
    // What `why` asks about the user's own rights is a create that stores nothing.
    const writes = (await readAuditLog(cluster.plane)).filter(
      ({ user, verb, responseStatus, objectRef }) =>
        user.username === 'victor' &&
        !['get', 'list', 'watch'].includes(verb) &&
        objectRef?.resource !== 'selfsubjectaccessreviews' &&
        (responseStatus?.code ?? 0) < 400,
    );
    expect(writes).toEqual([]);
  });
});
