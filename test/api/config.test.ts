import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../kube/control-plane.ts';

const config = join(import.meta.dirname, '../../config');

let plane: ControlPlane;

/** Applies a base; a warning of the API server fails like an error. */
async function apply(base: string): Promise<void> {
  const { code, stderr } = await plane.kubectl(['apply', '-k', join(config, base)]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

/** Kind, name and resourceVersion of the objects of a base. */
async function versions(base: string): Promise<string> {
  const columns = 'custom-columns=:.kind,:.metadata.name,:.metadata.resourceVersion';
  const { stdout } = await plane.kubectl(['get', '-k', join(config, base), '-o', columns]);
  return stdout;
}

/** Whether a user may do it, by the API server's word. */
async function allowed(as: readonly string[], verb: string, resource: string, namespace = 'team-a'): Promise<boolean> {
  const { stdout } = await plane.kubectl(['auth', 'can-i', verb, resource, '--namespace', namespace, ...as]);
  return stdout.trim() === 'yes';
}

beforeAll(async () => {
  plane = await startControlPlane();
  await apply('crd');
  const { stderr } = await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s']);
  expect(stderr).toBe('');
  await apply('rbac');
}, 120_000);

afterAll(async () => {
  await plane?.stop();
});

test.each(['manager', 'samples', 'default'])(
  '%s is accepted, and a second time changes nothing',
  async (base) => {
    await apply(base);
    const before = await versions(base);
    expect(before).toMatch(/ \d+\n/);
    await apply(base);
    expect(await versions(base)).toBe(before);
  },
  30_000,
);

test('no role has a wildcard', async () => {
  const { stdout } = await plane.kubectl(['kustomize', join(config, 'default')]);
  expect(stdout).toContain('kind: ClusterRole');
  expect(stdout).not.toMatch(/["']\*["']/);
});

describe('the operator', () => {
  const operator = ['--as', 'system:serviceaccount:sharenet-system:sharenet-operator'];

  test.each([
    ['watch', 'shareaccesses.sharenet.io'],
    ['patch', 'sharenetworks.sharenet.io'],
    ['update', 'sharenetworks.sharenet.io/status'],
    ['update', 'shareaccesses.sharenet.io/finalizers'],
    ['create', 'shareservers.sharenet.io'],
    ['delete', 'shareservers.sharenet.io'],
    ['create', 'secrets'],
    ['get', 'namespaces'],
    ['create', 'events.events.k8s.io'],
    ['get', 'customresourcedefinitions.apiextensions.k8s.io/shares.sharenet.io'],
  ])('may %s %s', async (verb, resource) => {
    expect(await allowed(operator, verb, resource)).toBe(true);
  });

  test('may hold a lease in its own namespace only', async () => {
    expect(await allowed(operator, 'update', 'leases.coordination.k8s.io', 'sharenet-system')).toBe(true);
    expect(await allowed(operator, 'update', 'leases.coordination.k8s.io')).toBe(false);
  });

  test.each([
    ['create', 'shares.sharenet.io'],
    ['delete', 'shares.sharenet.io'],
    ['delete', 'shareaccesses.sharenet.io'],
    ['delete', 'namespaces'],
    ['list', 'pods'],
    ['get', 'customresourcedefinitions.apiextensions.k8s.io/others.example.com'],
  ])('may not %s %s', async (verb, resource) => {
    expect(await allowed(operator, verb, resource)).toBe(false);
  });
});

describe('tenants and administrators', () => {
  const bindings: readonly (readonly string[])[] = [
    ['rolebinding', 'viewer', '--clusterrole=view', '--user=viewer', '--namespace=team-a'],
    ['rolebinding', 'editor', '--clusterrole=edit', '--user=editor', '--namespace=team-a'],
    ['rolebinding', 'admin', '--clusterrole=admin', '--user=tenant-admin', '--namespace=team-a'],
    ['clusterrolebinding', 'storage', '--clusterrole=sharenet-storage-admin', '--user=storage-admin'],
  ];

  beforeAll(async () => {
    await plane.kubectl(['create', 'namespace', 'team-a']);
    for (const binding of bindings) {
      expect(await plane.kubectl(['create', ...binding])).toMatchObject({ code: 0 });
    }
    // The cluster's roles take ours in some moments later.
    await expectAllowed('viewer', 'list', 'shares', true);
    await expectAllowed('editor', 'create', 'shares', true);
    await expectAllowed('tenant-admin', 'delete', 'shareservers', true);
  }, 60_000);

  async function expectAllowed(user: string, verb: string, resource: string, expected: boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    while ((await allowed(['--as', user], verb, `${resource}.sharenet.io`)) !== expected) {
      if (Date.now() > deadline) throw new Error(`${user} ${verb} ${resource}: not ${expected}`);
    }
  }

  test.each([
    ['viewer', 'list', 'shareservers', true],
    ['viewer', 'create', 'shares', false],
    ['viewer', 'get', 'storagebackends', false],
    ['editor', 'patch', 'sharenetworks', true],
    ['editor', 'delete', 'shareaccesses', true],
    ['editor', 'create', 'shareservers', false],
    ['editor', 'patch', 'shareservers', false],
    ['tenant-admin', 'create', 'securityservices', true],
    ['storage-admin', 'create', 'storagebackends', true],
    ['storage-admin', 'patch', 'shareservers', true],
    ['storage-admin', 'create', 'shares', false],
  ])('%s %s %s: %s', async (user, verb, resource, expected) => {
    expect(await allowed(['--as', user], verb, `${resource}.sharenet.io`)).toBe(expected);
  });

  test.each(['sharenetworks', 'shareservers'])(
    'only the storage administrator may reset the status of %s',
    async (kind) => {
      const may = (user: string) => allowed(['--as', user, '--subresource=status'], 'patch', `${kind}.sharenet.io`);
      expect(await may('storage-admin')).toBe(true);
      expect(await may('tenant-admin')).toBe(false);
      expect(await may('editor')).toBe(false);
    },
  );
});
