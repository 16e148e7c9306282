import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { freePort } from './free-port.ts';

/** Room for the first start on a machine, which may have to build the programs. */
const buildTimeout = 1_200_000;

vi.setConfig({ testTimeout: 60_000 });

let plane: ControlPlane;

beforeAll(async () => {
  plane = await startControlPlane({ auditLog: true });
}, buildTimeout);

afterAll(() => plane.stop());

async function succeed(args: readonly string[], options?: { kubeconfig?: string; input?: string }): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(args, options);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return stdout;
}

const isAlive = (pid: number | undefined) => {
  try {
    process.kill(pid ?? -1, 0);
    return pid !== undefined;
  } catch {
    return false;
  }
};

test('kubectl sees the namespaces that every cluster has', async () => {
  const names = (await succeed(['get', 'namespaces', '--output=name'])).trim().split('\n');
  expect(names).toContain('namespace/default');
});

test('kubectl that finds the control plane through KUBECONFIG is of a supported version', async () => {
  const out = await succeed(['version', '--output=json']);
  const { clientVersion, serverVersion } = JSON.parse(out);
  expect(Math.abs(Number(clientVersion.minor) - Number(serverVersion.minor))).toBeLessThanOrEqual(1);
});

const widgets = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.test.sharenet.io' },
  spec: {
    group: 'test.sharenet.io',
    scope: 'Namespaced',
    names: { kind: 'Widget', plural: 'widgets' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: { low: { type: 'integer' }, high: { type: 'integer' } },
                'x-kubernetes-validations': [{ rule: 'self.low <= self.high', message: 'low must not exceed high' }],
              },
            },
          },
        },
      },
    ],
  },
});

const widget = (name: string, low: number, high: number) =>
  JSON.stringify({ apiVersion: 'test.sharenet.io/v1', kind: 'Widget', metadata: { name }, spec: { low, high } });

test('a CRD is served and its CEL rule accepts and refuses', async () => {
  await succeed(['apply', '--filename=-'], { input: widgets });
  await succeed(['wait', '--for=condition=Established', 'crd/widgets.test.sharenet.io']);
  await succeed(['apply', '--filename=-'], { input: widget('good', 1, 2) });
  const refused = await plane.kubectl(['apply', '--filename=-'], { input: widget('bad', 2, 1) });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('low must not exceed high');
});

test('users are who their kubeconfig says and have only what RBAC gives them', async () => {
  const kubeconfig = await plane.kubeconfigFor({ user: 'tenant-a', groups: ['tenants', 'team-1'] });
  const { status } = JSON.parse(await succeed(['auth', 'whoami', '--output=json'], { kubeconfig }));
  expect(status.userInfo).toMatchObject({
    username: 'tenant-a',
    groups: ['tenants', 'team-1', 'system:authenticated'],
  });
  const refused = await plane.kubectl(['get', 'secrets'], { kubeconfig });
  expect(refused.stderr).toContain('User "tenant-a" cannot list resource "secrets"');
  await succeed(['create', 'rolebinding', 'team-1', '--clusterrole=edit', '--group=team-1']);
  await vi.waitFor(() => succeed(['get', 'secrets', '--output=name'], { kubeconfig }), { timeout: 10_000 });
  await expect(plane.kubectl(['get', 'secrets', '--all-namespaces'], { kubeconfig })).resolves.toMatchObject({
    code: 1,
  });
});

test('the controller manager ends a deleted namespace and aggregates roles', async () => {
  await succeed(['create', 'namespace', 'short-lived']);
  await succeed(['create', 'configmap', 'content', '--namespace=short-lived']);
  await succeed(['delete', 'namespace', 'short-lived', '--wait', '--timeout=20s']);
  expect(await succeed(['get', 'clusterrole', 'view', '--output=jsonpath={.rules[*].resources}'])).toContain(
    'configmaps',
  );
});

test('owned objects are garbage-collected', async () => {
  await succeed(['create', 'configmap', 'owner']);
  const uid = await succeed(['get', 'configmap', 'owner', '--output=jsonpath={.metadata.uid}']);
  const ownerReferences = [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid }];
  const owned = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owned', ownerReferences } };
  await succeed(['apply', '--filename=-'], { input: JSON.stringify(owned) });
  await succeed(['delete', 'configmap', 'owner']);
  await succeed(['wait', '--for=delete', 'configmap/owned', '--timeout=20s']);
});

test('the audit log holds who did what', async () => {
  await succeed(['create', 'configmap', 'audited']);
  const events = readFileSync(plane.auditLogPath ?? '', 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events).toContainEqual(
    expect.objectContaining({
      verb: 'create',
      user: expect.objectContaining({ username: 'admin' }),
      objectRef: expect.objectContaining({ resource: 'configmaps', name: 'audited' }),
    }),
  );
});

test('a second control plane at the same time is another cluster', async () => {
  const other = await startControlPlane();
  try {
    expect(other.server).not.toBe(plane.server);
    await succeed(['create', 'configmap', 'only-here']);
    expect((await other.kubectl(['get', 'configmap', 'only-here'])).stderr).toContain('NotFound');
    const stranger = await other.kubectl(['get', 'configmaps', `--server=${plane.server}`]);
    expect(stranger.code).toBe(1);
  } finally {
    await other.stop();
  }
});

test('the API server can be stopped and started on the same address and data', async () => {
  await succeed(['create', 'configmap', 'survivor']);
  const before = plane.apiserverPid;
  await plane.stopApiServer();
  expect(isAlive(before)).toBe(false);
  expect(plane.apiserverPid).toBeUndefined();
  expect((await plane.kubectl(['get', 'configmap', 'survivor'])).stderr).toContain('refused');
  await plane.startApiServer();
  expect(plane.apiserverPid).not.toBe(before);
  await succeed(['get', 'configmap', 'survivor']);
});

test('a paused API server accepts connections and answers nothing until it is resumed', async () => {
  await plane.pauseApiServer();
  const late = await plane.kubectl(['get', 'namespaces', '--request-timeout=1s']);
  expect(late.code).toBe(1);
  await plane.resumeApiServer();
  await vi.waitFor(() => succeed(['get', 'namespaces']), { timeout: 15_000 });
});

test('the controller manager can be stopped and started', async () => {
  await plane.stopControllerManager();
  expect(plane.controllerManagerPid).toBeUndefined();
  await succeed(['create', 'namespace', 'waiting']);
  await succeed(['delete', 'namespace', 'waiting', '--wait=false']);
  await plane.startControllerManager();
  await succeed(['wait', '--for=delete', 'namespace/waiting', '--timeout=20s']);
});

test('a stop leaves no process and no folder, and a second stop is harmless', async () => {
  const short = await startControlPlane();
  const pids = [short.etcdPid, short.apiserverPid, short.controllerManagerPid];
  expect(pids.map(isAlive)).toEqual([true, true, true]);
  await short.stop();
  await short.stop();
  expect(pids.map(isAlive)).toEqual([false, false, false]);
  expect(existsSync(short.directory)).toBe(false);
  await expect(short.startApiServer()).rejects.toThrow('the control plane has been stopped');
});

test('a given data folder stays and its objects are there at the next start', async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'sharenet-kept-'));
  try {
    const first = await startControlPlane({ dataDirectory });
    await first.kubectl(['create', 'configmap', 'kept']);
    await first.stop();
    expect(readdirSync(dataDirectory)).toContain('etcd');
    const second = await startControlPlane({ dataDirectory });
    const { stdout } = await second.kubectl(['get', 'configmap', 'kept', '--output=name']);
    await second.stop();
    expect(stdout).toBe('configmap/kept\n');
  } finally {
    rmSync(dataDirectory, { recursive: true });
  }
});

test.each([
  ['etcd', 0],
  ['the API server', 2],
])('another port is tried when the one for %s was taken in between', async (_name, call) => {
  const thief = createServer();
  await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
  const address = thief.address();
  const taken = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const lines: string[] = [];
  let calls = 0;
  const findPort = async () => {
    calls += 1;
    return calls === call + 1 ? taken : freePort();
  };
  const lucky = await startControlPlane({ log: (line) => lines.push(line), findPort });
  await lucky.stop();
  thief.close();
  expect(lines).toEqual([expect.stringContaining('a port was taken by another process')]);
  expect(calls).toBe(6);
});
