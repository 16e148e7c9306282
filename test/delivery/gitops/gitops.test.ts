import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { securityServices, shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { DummyBackendConfig } from '../../../src/drivers/dummy/config.ts';
import { type Run, runProgram } from '../../../tools/go/run-program.ts';
import { eventually } from '../../faults/eventually.ts';
import { startWithWebhook, webhookCluster } from '../../integration/admission/webhook.ts';
import { bin } from '../../integration/cli/plugin.ts';
import { condition } from '../../integration/network-change/scene.ts';
import { kstatusOf, type StatusCarrier } from '../../integration/order/kstatus.ts';
import type { TestCluster } from '../../integration/test-cluster.ts';
import { applyStrictly, installKindsOf } from '../foreign-kinds.ts';
import { everyState, kinds } from './every-state.ts';
import { fluxApply, inRepository, judge, kustomized } from './programs.ts';

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await webhookCluster();
  await startWithWebhook(cluster);
}, 180_000);

afterAll(async () => {
  await cluster?.stop();
});

/** Phases that a kind has, as its CRD says. */
async function phasesOf(kind: string, plural: string): Promise<readonly string[]> {
  const definition = parse(await readFile(inRepository(`crds/sharenet.io_${plural}.yaml`), 'utf8'));
  const { phase } = definition.spec.versions[0].schema.openAPIV3Schema.properties.status.properties;
  return (phase?.enum ?? []).map((value: string) => `${kind} ${value}`);
}

describe('objects in every state', () => {
  test('are taken by kstatus, Flux and Argo CD for what they are', async () => {
    const versions = await everyState(cluster);
    const verdicts = await judge(versions);
    const wrong: string[] = [];
    const seen = new Set<string>();
    for (const [index, version] of versions.entries()) {
      const object = version as StatusCarrier & { status?: { phase?: string } };
      const verdict = verdicts[index];
      if (verdict === undefined) throw new Error('a verdict is missing');
      const { kind = '', metadata, status } = object;
      seen.add(`${kind} ${status?.phase}`);
      seen.add(`${kind} ${verdict.kstatus}`);
      seen.add(`${kind} ${verdict.argo.status}`);
      const say = (problem: string) => wrong.push(`${kind} ${metadata.name}: ${problem}: ${JSON.stringify(status)}`);
      if (verdict.kstatus !== kstatusOf(object)) say(`kstatus says ${verdict.kstatus}`);
      if (verdict.wrong !== undefined && status?.observedGeneration !== -1) say(`Flux finds: ${verdict.wrong}`);
      const reason = condition(object as never, 'Ready')?.reason ?? '';
      const waitsForPeople = ['Paused', 'SharePaused', 'Maintenance'].includes(reason);
      const expected = {
        Current: 'Healthy',
        Failed: 'Degraded',
        Terminating: 'Progressing',
        InProgress: waitsForPeople && status?.observedGeneration === metadata.generation ? 'Suspended' : 'Progressing',
      }[verdict.kstatus];
      if (verdict.argo.status !== expected) say(`Argo CD says ${verdict.argo.status}, kstatus ${verdict.kstatus}`);
      if (verdict.argo.status === 'Degraded' && (verdict.argo.message ?? '') === '') say('degraded without a message');
    }
    expect(wrong).toEqual([]);
    const phases = await Promise.all(kinds.map(({ kind, plural }) => phasesOf(kind, plural)));
    const states = kinds.flatMap(({ kind }) =>
      ['InProgress', 'Current', 'Terminating', 'Healthy'].map((state) => `${kind} ${state}`),
    );
    const failures = kinds.flatMap(({ kind }) => [`${kind} Failed`, `${kind} Degraded`]);
    expect([...phases.flat(), ...states, ...failures].filter((state) => !seen.has(state))).toEqual([]);
  });
});

describe('the example repository', () => {
  const namespace = 'team-a';
  const network = { namespace, name: 'net-1' };
  /** A clone, whose files a test edits as a pull request does. */
  let clone: string;

  beforeAll(async () => {
    clone = await mkdtemp(join(tmpdir(), 'sharenet-gitops-'));
    await cp(inRepository('examples/gitops'), clone, { recursive: true });
    await cluster.kubectl('create', 'namespace', namespace);
  });

  afterAll(async () => {
    await rm(clone, { recursive: true, force: true });
  });

  const edit = async (file: string, change: (text: string) => string): Promise<void> => {
    const path = join(clone, file);
    const before = await readFile(path, 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`nothing to change in ${file}`);
    await writeFile(path, after);
  };
  const inForce = 'team-a/production/network/directory-in-force.yaml';
  const refer = async (name: string): Promise<void> => {
    const path = join(clone, inForce);
    await writeFile(path, (await readFile(path, 'utf8')).replace(/name: ad-.*/, `name: ${name}`));
  };
  const manifests = async (folder: string) => await kustomized(join(clone, folder));
  const flux = async (name: string, folder: string): Promise<Run> =>
    await fluxApply(cluster.plane.kubeconfigPath, name, await manifests(folder));
  const directories = async () => await flux('team-a-directories', 'team-a/production/directories');
  const networks = async () => await flux('team-a-network', 'team-a/production/network');
  const applied = (run: Run): string => {
    expect(run, run.stderr).toMatchObject({ code: 0 });
    return run.stdout;
  };
  const read = async () => await cluster.client.get(shareNetworks, network);
  const configure = async (dummy: DummyBackendConfig): Promise<void> => {
    const patch = JSON.stringify({ spec: { dummy } });
    await cluster.kubectl('patch', 'storagebackend', 'dummy', '--type=merge', '-p', patch);
    await cluster.untilConfigured('dummy');
  };

  test('gets ready in any order: what comes too early waits', async () => {
    const runs = await Promise.all([networks(), directories(), flux('backends', 'backends')]);
    for (const run of runs) applied(run);
    expect((await read()).status?.securityServices).toMatchObject([{ name: 'ad-a' }]);
  });

  test('does not drift: what is applied again is unchanged, for Flux and for kubectl diff', async () => {
    for (const line of (applied(await networks()) + applied(await directories())).trim().split('\n')) {
      expect(line).toMatch(/ unchanged$/);
    }
    await cluster.kubectl('diff', '--server-side', '--force-conflicts', '-k', join(clone, 'team-a/production/network'));
  });

  test('loses what was set by kubectl with the next round of Flux, and keeps what was set by the plugin and under other names', async () => {
    const annotate = async (name: string, ...args: string[]) =>
      await cluster.kubectl('annotate', 'share', name, '-n', namespace, ...args);
    const plugin = async (...args: string[]) =>
      await runProgram(join(bin, 'kubectl-sharenet'), [
        `--kubeconfig=${cluster.plane.kubeconfigPath}`,
        `--namespace=${namespace}`,
        ...args,
      ]);
    const mark = 'sharenet.io/paused';
    const paused = async (name: string) =>
      (await cluster.client.get(shares, { namespace, name })).metadata.annotations?.[mark];
    await annotate('scratch', 'sharenet.io/paused=true');
    await annotate('projects', 'sharenet.io/paused=true', '--field-manager=storage-admin');
    expect(await plugin('pause', 'sharenetwork/net-1')).toMatchObject({ code: 0 });
    // It waits for what stays paused.
    const round = networks();
    await eventually('not paused', async () => (await paused('scratch')) === undefined);
    expect(await paused('projects')).toBe('true');
    expect((await read()).metadata.annotations?.[mark]).toBe('true');
    await annotate('projects', 'sharenet.io/paused-');
    expect(await plugin('resume', 'sharenetwork/net-1')).toMatchObject({ code: 0 });
    applied(await round);
  });

  test('shows a pull request what it would do, and changes nothing', async () => {
    await refer('ad-b');
    const script = join(clone, 'ci/check-change.sh');
    const { kubectlEnvironment, kubectlPath } = cluster.plane;
    const env = { ...kubectlEnvironment, PATH: `${dirname(kubectlPath)}:${process.env.PATH}` };
    const folder = join(clone, 'team-a/production/network');
    const check = await runProgram(script, [folder, namespace, 'net-1'], { env });
    expect(check, check.stderr).toMatchObject({ code: 0 });
    expect(check.stdout).toMatch(/^-\s+- name: ad-a$/m);
    expect(check.stdout).toMatch(/^\+\s+- name: ad-b$/m);
    expect(check.stdout).toContain('sharenetwork.sharenet.io/net-1 serverside-applied (server dry run)');
    expect(check.stdout).toContain('compatible: true');
    const servers = (await cluster.client.list(shareServers, { namespace })).items;
    expect(servers).toHaveLength(2);
    for (const { metadata } of servers) expect(check.stdout).toContain(`${metadata.name}: compatible true`);

    await refer('ad-nobody');
    const refused = await runProgram(script, [folder, namespace, 'net-1'], { env });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('SecurityServiceNotFound');
    await refer('ad-a');
    const { metadata, status, spec } = await read();
    expect(metadata.annotations?.['sharenet.io/check-security-services']).toBeUndefined();
    expect(spec.securityServices).toMatchObject([{ name: 'ad-a' }]);
    expect(status).toMatchObject({ phase: 'active' });
    expect(status?.lastNetworkChange).toBeUndefined();
  });

  test('moves to the other directory by one line, and the wait ends when all servers have it', async () => {
    await refer('ad-b');
    expect(applied(await networks())).toContain('ShareNetwork/team-a/net-1 configured');
    expect((await read()).status).toMatchObject({ phase: 'active', lastNetworkChange: { result: 'Succeeded' } });
    for (const { status } of (await cluster.client.list(shareServers, { namespace })).items) {
      expect(status).toMatchObject({ phase: 'active', securityServices: [{ name: 'ad-b' }] });
    }
  });

  test('is refused as a whole with 422 during a change, and goes through when it is tried again', async () => {
    await configure({ latency: '400ms' });
    await refer('ad-a');
    const first = networks();
    await cluster.until(shareNetworks, network, 'changing', ({ status }) => status?.phase === 'network_change');
    await refer('ad-b');
    await edit('team-a/base/shares.yaml', (text) => text.replace('size: 50Gi', 'size: 60Gi'));
    const refused = await networks();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ShareNetworkNotActive');
    expect((await cluster.client.get(shares, { namespace, name: 'scratch' })).spec.size).toBe('50Gi');
    await configure({ latency: '0s' });
    applied(await first);
    // The network is refused once more (409) when the driver is still at work on the share that the same round made bigger.
    await eventually('applied', async () => (await networks()).code === 0, 60_000);
    expect((await read()).status?.securityServices).toMatchObject([{ name: 'ad-b' }]);
    expect((await cluster.client.get(shares, { namespace, name: 'scratch' })).status?.size).toBe('60Gi');
  });

  test('is refused with 409 while the backend is away, and goes through when it is tried again', async () => {
    const enable = async (enabled: boolean) => {
      const patch = JSON.stringify({ spec: { enabled } });
      await cluster.kubectl('patch', 'storagebackend', 'dummy', '--type=merge', '-p', patch);
      await cluster.untilConfigured('dummy');
    };
    await refer('ad-a');
    await enable(false);
    const refused = await networks();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('not a field conflict; retry later');
    await enable(true);
    applied(await networks());
    expect((await read()).status?.securityServices).toMatchObject([{ name: 'ad-a' }]);
  });

  test('tells a failed server at once, and a new token in Git tries again', async () => {
    const fault = { operation: 'updateShareServerSecurityService', kind: 'rejected', message: 'join refused' } as const;
    await configure({ faults: [fault] });
    await refer('ad-b');
    const start = performance.now();
    const failed = await networks();
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/failed early due to stalled resources: \[.*'Failed'/s);
    expect(performance.now() - start).toBeLessThan(20_000);
    // The canary: the server whose turn it was not serves on with its old directory. Flux may have told the
    // failure of a share before the network has the result.
    const { status } = await cluster.until(
      shareNetworks,
      network,
      'failed',
      (object) => object.status?.lastNetworkChange?.result === 'Failed',
    );
    expect(status?.lastNetworkChange).toMatchObject({ failed: 1, notAttempted: 1 });
    await configure({ faults: [] });
    await edit('team-a/base/share-network.yaml', (text) =>
      text.replace('name: net-1', 'name: net-1\n  annotations:\n    sharenet.io/reapply-requested-at: "2"'),
    );
    // It may see the failure of before, as long as the servers have not begun; then retryInterval is what it is for.
    await eventually('ready again', async () => (await networks()).code === 0, 60_000);
    expect((await read()).status?.lastNetworkChange).toMatchObject({ result: 'Succeeded' });
  });

  test('rolls back a move, but not the addition of a directory to a network in use', async () => {
    await refer('ad-a');
    applied(await networks());
    expect((await read()).status?.securityServices).toMatchObject([{ name: 'ad-a' }]);
    const withLDAP = (text: string) => `${text}    - type: ldap\n      name: directory\n`;
    await cluster.apply(
      {
        ...{ apiVersion: 'v1', kind: 'Secret', stringData: { password: 'of-the-directory' } },
        metadata: { namespace, name: 'directory', labels: { 'sharenet.io/credentials': 'true' } },
      },
      {
        ...{ apiVersion: 'sharenet.io/v1alpha1', kind: 'SecurityService', metadata: { namespace, name: 'directory' } },
        spec: {
          type: 'ldap',
          servers: ['ldap.example.com'],
          user: 'cn=bind',
          passwordSecretRef: { name: 'directory' },
        },
      },
    );
    await cluster.until(
      securityServices,
      { namespace, name: 'directory' },
      'ready',
      (object) => condition(object, 'Ready')?.status === 'True',
    );
    const before = await readFile(join(clone, inForce), 'utf8');
    await edit(inForce, withLDAP);
    applied(await networks());
    await writeFile(join(clone, inForce), before);
    const refused = await networks();
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('ShareNetworkInUse');
    expect((await read()).status?.securityServices).toHaveLength(2);
    await edit(inForce, withLDAP);
    applied(await networks());
  });

  test('takes a new directory and its reference from one Kustomization too: its dry run is only warned', async () => {
    await cp(join(clone, 'team-a/directories/ad-b'), join(clone, 'team-a/directories/ad-c'), { recursive: true });
    for (const file of ['password.yaml', 'security-service.yaml']) {
      await edit(`team-a/directories/ad-c/${file}`, (text) => text.replaceAll('ad-b', 'ad-c'));
    }
    await edit('team-a/production/directories/kustomization.yaml', (text) =>
      text.replace('directories/ad-b', 'directories/ad-b\n  - ../../directories/ad-c'),
    );
    await refer('ad-c');
    // The network may come before the operator has seen its directory; then retryInterval is what it is for.
    await eventually('applied', async () => (await flux('team-a', 'team-a/production')).code === 0, 60_000);
    expect((await read()).status?.securityServices).toMatchObject([{ name: 'ad-c' }, { type: 'ldap' }]);
  });
});

describe('the settings for Argo CD', () => {
  test('join those that its ConfigMap has', async () => {
    await cluster.kubectl('create', 'namespace', 'argocd');
    await cluster.apply({
      ...{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'argocd', name: 'argocd-cm' } },
      data: { url: 'https://argocd.example.com' },
    });
    const settings = await kustomized(inRepository('config/argocd'));
    await cluster.kubectl('patch', 'configmap', 'argocd-cm', '-n', 'argocd', '--type=merge', '-p', settings);
    const { data } = JSON.parse(await cluster.kubectl('get', 'configmap', 'argocd-cm', '-n', 'argocd', '-o', 'json'));
    expect(Object.keys(data).sort()).toEqual(
      [...kinds.map(({ kind }) => `resource.customizations.health.sharenet.io_${kind}`), 'url'].sort(),
    );
  });
});

describe('the objects for Flux', () => {
  const folder = inRepository('examples/gitops/flux');

  beforeAll(async () => {
    await installKindsOf(cluster.plane, 'flux');
    await cluster.kubectl('create', 'namespace', 'flux-system');
  });

  test("are of Flux's kinds, and stored as they are", async () => {
    for (const file of await readdir(folder)) {
      await applyStrictly(cluster.plane, await readFile(join(folder, file), 'utf8'));
    }
  });

  test.each([
    ['a field that the kind does not have', 'retryInterval: 1m', 'retryIntervall: 1m', 'field not declared in schema'],
    ['a value that the kind does not take', 'timeout: 5m', 'timeout: soon', 'spec.timeout'],
  ])('would be refused with %s', async (_, found, instead, complaint) => {
    const text = await readFile(join(folder, 'team-a.yaml'), 'utf8');
    expect(text).toContain(found);
    await expect(applyStrictly(cluster.plane, text.replace(found, instead))).rejects.toThrow(complaint);
  });
});
