import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { version } from '../../../src/version.ts';
import { installManifest, kustomize } from '../../../tools/manifests/install-manifest.ts';
import { type ControlPlane, startControlPlane } from '../../kube/control-plane.ts';
import { deploymentOf } from './rendered.ts';

const root = join(import.meta.dirname, '../../..');

let plane: ControlPlane;

/** Applies a text; a warning of the API server fails like an error. */
async function apply(text: string, ...options: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await plane.kubectl(['apply', '-f', '-', ...options], { input: text });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

beforeAll(async () => {
  plane = await startControlPlane();
}, 120_000);

afterAll(async () => {
  await plane?.stop();
});

/** Kind, name, resourceVersion and generation of everything that a text has. */
async function versions(text: string): Promise<readonly string[]> {
  const columns = 'custom-columns=:.kind,:.metadata.name,:.metadata.resourceVersion,:.metadata.generation';
  const { stdout } = await plane.kubectl(['get', '-f', '-', '-o', columns], { input: text });
  return stdout.trim().split('\n');
}

test('the file for one apply, as a person makes it, installs everything on an empty cluster', async () => {
  const file = join(plane.directory, 'install.yaml');
  const image = 'registry.example.com/storage/sharenet-operator';
  const args = ['tools/manifests/build.ts', '--image', image, '--output', file];
  const { stdout: told } = await promisify(execFile)(process.execPath, args, { cwd: root });
  const { stdout, stderr } = await plane.kubectl(['apply', '-f', file]);
  expect(stderr).toBe('');
  const lines = stdout.trim().split('\n');
  expect(lines.filter((line) => !line.endsWith(' created'))).toEqual([]);
  expect(told).toContain(`: ${lines.length} objects, version ${version}\n`);
  const path = 'jsonpath={.spec.template.spec.containers[0].image}';
  const deployed = await plane.kubectl(['get', 'deployment', 'sharenet-operator', '-n', 'sharenet-system', '-o', path]);
  expect(deployed.stdout).toBe(`${image}:${version}`);
});

test('a second time it changes nothing, and that of the next version is taken', async () => {
  const text = await installManifest({ version: '1.2.3' });
  await apply(text);
  const before = await versions(text);
  await apply(text);
  expect(await versions(text)).toEqual(before);
  const lines = (await apply(await installManifest({ version: '1.3.0' }))).trim().split('\n');
  expect(lines).toHaveLength(before.length);
  expect(lines.filter((line) => !line.endsWith(' configured'))).toEqual([]);
});

test('the server applies it too, which needs no copy in an annotation', async () => {
  await apply(await installManifest({ version: '1.3.0' }), '--server-side', '--force-conflicts');
});

/** What the API server answers to the Pod of a base, which is not made; with something in its JSON replaced. */
async function answerToPod(base: string, found = '', instead = ''): Promise<string> {
  const { metadata, spec } = deploymentOf(await kustomize(base)).spec.template;
  const pod = JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { ...metadata, name: 'operator' }, spec });
  expect(pod).toContain(found);
  const create = ['create', '--namespace=sharenet-system', '--dry-run=server', '-f', '-'];
  const { stdout, stderr } = await plane.kubectl(create, { input: pod.replace(found, instead) });
  return stdout + stderr;
}

describe("the operator's Pod", () => {
  test.each(['default', 'namespaced', 'kind'])(
    'of config/%s is admitted to its namespace, whose Pods are restricted',
    async (base) => {
      expect(await answerToPod(base)).toBe('pod/operator created (server dry run)\n');
    },
  );

  test.each([
    ['as root', '"runAsNonRoot":true', '"runAsNonRoot":false', 'runAsNonRoot != true'],
    ['with more privileges', '"allowPrivilegeEscalation":false,', '', 'allowPrivilegeEscalation != false'],
    ['with capabilities', '"drop":["ALL"]', '"drop":[]', 'unrestricted capabilities'],
    ['with every system call', '{"type":"RuntimeDefault"}', '{"type":"Unconfined"}', 'seccompProfile'],
    ["on the node's network", '"enableServiceLinks":false', '"hostNetwork":true', 'hostNetwork'],
  ])('would not be admitted %s', async (_, found, instead, why) => {
    const refusal = await answerToPod('default', found, instead);
    expect(refusal).toMatch(/violates PodSecurity "restricted:latest"/);
    expect(refusal).toContain(why);
  });
});
