import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
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

test.each(['manager', 'samples', 'default', 'namespaced'])(
  '%s is accepted, and a second time changes nothing',
  async (base) => {
    // Those that config/namespaced is written for.
    for (const namespace of ['team-a', 'team-b']) await plane.kubectl(['create', 'namespace', namespace]);
    await apply(base);
    const before = await versions(base);
    expect(before).toMatch(/ \d+\n/);
    await apply(base);
    expect(await versions(base)).toBe(before);
  },
  30_000,
);

test.each(['default', 'namespaced'])('no role of %s has a wildcard', async (base) => {
  const { stdout } = await plane.kubectl(['kustomize', join(config, base)]);
  expect(stdout).toContain('kind: ClusterRole');
  expect(stdout.replaceAll("scope: '*'", '')).not.toMatch(/["']\*["']/);
});

test('the only rights of namespaced in the whole cluster are to read, to write the status of backends, and to patch its webhook', async () => {
  const { stdout } = await plane.kubectl(['kustomize', join(config, 'namespaced')]);
  const objects = parseAllDocuments(stdout).map(
    (document): { kind: string; metadata: { name: string }; rules?: readonly Record<string, readonly string[]>[] } =>
      document.toJS(),
  );
  const bound = objects.filter(({ kind }) => kind === 'ClusterRoleBinding').map(({ metadata }) => metadata.name);
  expect(bound).toEqual(['sharenet-backend-status', 'sharenet-cluster-read', 'sharenet-webhook']);
  const writes = objects
    .filter(({ kind, metadata }) => kind === 'ClusterRole' && bound.includes(metadata.name))
    .flatMap(({ rules = [] }) => rules)
    .map(({ resources = [], resourceNames = [], verbs = [] }) => ({
      resources,
      resourceNames,
      verbs: verbs.filter((verb) => !['get', 'list', 'watch'].includes(verb)),
    }))
    .filter(({ verbs }) => verbs.length > 0);
  expect(writes).toEqual([
    { resources: ['storagebackends/status'], resourceNames: [], verbs: ['update'] },
    {
      resources: ['validatingwebhookconfigurations'],
      resourceNames: ['sharenet-validating-webhook'],
      verbs: ['patch'],
    },
  ]);
});

// What it needs, and what people may do, is proven by test/integration/rbac.
describe('the operator', () => {
  const operator = ['--as', 'system:serviceaccount:sharenet-system:sharenet-operator'];

  test('may hold its lease in its own namespace only', async () => {
    const lease = 'leases.coordination.k8s.io/sharenet-operator';
    expect(await allowed(operator, 'update', lease, 'sharenet-system')).toBe(true);
    expect(await allowed(operator, 'update', lease)).toBe(false);
    expect(await allowed(operator, 'update', 'leases.coordination.k8s.io/others', 'sharenet-system')).toBe(false);
  });

  test.each([
    ['update', 'shares.sharenet.io'],
    ['create', 'shares.sharenet.io'],
    ['delete', 'shares.sharenet.io'],
    ['delete', 'shareaccesses.sharenet.io'],
    ['patch', 'secrets'],
    ['deletecollection', 'secrets'],
    ['get', 'namespaces/team-a'],
    ['delete', 'namespaces'],
    ['list', 'pods'],
    ['get', 'customresourcedefinitions.apiextensions.k8s.io/others.example.com'],
    ['delete', 'validatingwebhookconfigurations.admissionregistration.k8s.io/others'],
    ['bind', 'clusterroles.rbac.authorization.k8s.io'],
  ])('may not %s %s', async (verb, resource) => {
    expect(await allowed(operator, verb, resource)).toBe(false);
  });
});
