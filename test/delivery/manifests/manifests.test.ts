import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../../src/process/config.ts';
import { version } from '../../../src/version.ts';
import { distDirectory, installManifest, kustomize } from '../../../tools/manifests/install-manifest.ts';
import { operatorUser } from '../../integration/operator-user.ts';
import { findAssets } from '../../kube/assets.ts';
import { runKubectl } from '../../kube/kubectl.ts';
import { matches } from './connections.ts';
import { bestPracticeProblems } from './linters.ts';
import { deploymentOf, documentsOf, type Rendered, rendered } from './rendered.ts';

const root = join(import.meta.dirname, '../../..');
const log = (line: string) => process.stderr.write(`${line}\n`);
const installs = ['default', 'namespaced', 'kind', 'narrowed'] as const;

describe.each(installs)('config/%s', (base) => {
  let text: string;
  let deployment: Rendered<'Deployment'>;
  let podLabels: Readonly<Record<string, string>>;

  beforeAll(async () => {
    text = await kustomize(base);
    deployment = deploymentOf(text);
    podLabels = deployment.spec.template.metadata.labels;
  });

  test('is the same to the kustomize of kubectl', async () => {
    const { kubectl } = await findAssets(log);
    const { stdout, stderr } = await runKubectl(kubectl, ['kustomize', join(root, 'config', base)], process.env, {});
    expect(stderr).toBe('');
    expect(stdout).toBe(text);
  });

  test('has workloads that the linter for best practices holds nothing against', async () => {
    expect(await bestPracticeProblems(text)).toBeUndefined();
  });

  test('selects the Pods of the operator, each time by the labels that an upgrade can not change', () => {
    const selector = { 'app.kubernetes.io/name': 'sharenet', 'app.kubernetes.io/component': 'operator' };
    const selectors = [
      deployment.spec.selector.matchLabels,
      ...deployment.spec.template.spec.topologySpreadConstraints.map(({ labelSelector }) => labelSelector.matchLabels),
      ...rendered(text, 'PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels),
      ...rendered(text, 'Service').map(({ spec }) => spec.selector),
      ...rendered(text, 'NetworkPolicy').map(({ spec }) => spec.podSelector.matchLabels),
    ];
    expect(selectors.length).toBeGreaterThanOrEqual(8);
    for (const each of selectors) expect(each).toEqual(selector);
    expect(matches(selector, podLabels)).toBe(true);
  });

  test('has Services that lead to ports of the operator', () => {
    const [{ ports }] = deployment.spec.template.spec.containers;
    const targets = rendered(text, 'Service').flatMap(({ spec }) => spec.ports.map(({ targetPort }) => targetPort));
    expect(targets).toEqual(['metrics', 9443]);
    for (const target of targets) {
      const found = ports.some(({ name, containerPort }) => name === target || containerPort === target);
      expect({ target, found }).toEqual({ target, found: true });
    }
  });

  test('has Services that show the operators that are not ready too: the webhook is asked before, metrics tell why', () => {
    const services = rendered(text, 'Service');
    expect(services.map(({ spec }) => spec.publishNotReadyAddresses)).toEqual(services.map(() => true));
  });

  test('probes the operator where it answers (process/observability.test.ts asks it there)', () => {
    const get = (path: string) => expect.objectContaining({ httpGet: { path, port: 'probes' } });
    expect(deployment.spec.template.spec.containers[0]).toMatchObject({
      startupProbe: get('/healthz'),
      livenessProbe: get('/healthz'),
      readinessProbe: get('/readyz'),
    });
  });

  test('runs it under its account, with a token, and tells it its namespace', () => {
    const { spec } = deployment.spec.template;
    const accounts = rendered(text, 'ServiceAccount').map(({ metadata }) => metadata.name);
    expect(accounts).toEqual([spec.serviceAccountName]);
    // As whom config/rbac gives it rights, by the integration tests.
    expect(`system:serviceaccount:sharenet-system:${spec.serviceAccountName}`).toBe(operatorUser.user);
    expect(spec.automountServiceAccountToken).toBe(true);
    expect(spec.containers[0].env).toEqual([
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ]);
  });

  test('lets it end in peace, and one of two always work', () => {
    const { replicas, strategy, template } = deployment.spec;
    // A drain of 30 s and the release of the lease.
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(35);
    expect({ replicas, strategy }).toEqual({
      replicas: 2,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    });
    expect(rendered(text, 'PodDisruptionBudget').map(({ spec }) => spec.maxUnavailable)).toEqual([1]);
  });

  test('takes its image from a registry, or in a cluster of kind only from the node', () => {
    const { imagePullPolicy } = deployment.spec.template.spec.containers[0];
    expect(imagePullPolicy).toBe(base === 'kind' ? 'Never' : 'IfNotPresent');
  });

  test('starts the operator with flags that it takes, on the ports that it is probed and asked at', () => {
    const [{ args, ports }] = deployment.spec.template.spec.containers;
    const invocation = readConfig(
      args.map((arg) => arg.replace('$(POD_NAMESPACE)', 'sharenet-system')),
      {},
    );
    if (invocation.kind !== 'run') throw new Error('the arguments do not run the operator');
    const { config } = invocation;
    expect(config).toMatchObject({ namespace: 'sharenet-system', 'leader-elect': true });
    expect(config['watch-namespaces']).toEqual(base === 'namespaced' ? ['team-a', 'team-b'] : undefined);
    expect(config['write-backend-status']).toBe(base === 'namespaced' ? true : undefined);
    expect(config['webhook-mode']).toBe('service');
    expect(Object.fromEntries(ports.map(({ name, containerPort }) => [name, `:${containerPort}`]))).toEqual({
      metrics: config['metrics-bind-address'],
      probes: config['health-probe-bind-address'],
      webhook: `:${config['webhook-port']}`,
    });
  });

  test('names the image of this version', async () => {
    const [{ image }] = deployment.spec.template.spec.containers;
    expect(image).toBe(`sharenet-operator:${version}`);
  });
});

test('the linter finds what is wrong', async () => {
  const text = await kustomize('default');
  const wrong = text
    .replace('readOnlyRootFilesystem: true', 'readOnlyRootFilesystem: false')
    .replace('path: /readyz', 'path: /healthz')
    .replace('kind: PodDisruptionBudget', 'kind: PodDisruptionBudgets');
  const problems = await bestPracticeProblems(wrong);
  expect(problems).toMatch(/writable root filesystem/);
  expect(problems).toMatch(/same readiness and liveness probe/);
  expect(problems).toMatch(/PodDisruptionBudget/);
});

describe('the file for one apply', () => {
  test('is config/default with its version', async () => {
    const version = '7.8.9';
    const stamped = await installManifest({ version });
    const plain = await kustomize('default');
    const label = `app.kubernetes.io/version: ${version}`;
    // Every object has it, and the Pod.
    expect(stamped.split(label).length - 1).toBe(documentsOf(plain).length + 1);
    const [head, ...lines] = stamped.split('\n');
    expect(head).toMatch(/^# Sharenet 7\.8\.9: /);
    const without = lines.filter((line) => line.trim() !== label).join('\n');
    const emptied = without.replaceAll(/\n +labels:\n(?= +name:)/g, '\n');
    expect(emptied).toBe(plain.replace(/(image: sharenet-operator:).*/, `$1${version}`));
  });

  test.each([
    ['registry.example.com:5000/storage/operator', 'registry.example.com:5000/storage/operator:1.2.3'],
    ['operator:nightly', 'operator:nightly'],
    [`a/b@sha256:${'0'.repeat(64)}`, `a/b@sha256:${'0'.repeat(64)}`],
  ])('has the image %s', async (image, expected) => {
    const [container] = deploymentOf(await installManifest({ version: '1.2.3', image })).spec.template.spec.containers;
    expect(container.image).toBe(expected);
  });

  test.each(['', 'a b', 'Upper', 'a:b:c', 'a@sha256:12', 'https://a/b'])(
    'is not made with the image "%s"',
    async (image) => {
      await expect(installManifest({ version: '1.2.3', image })).rejects.toThrow(
        /is not an image: write name, name:tag/,
      );
    },
  );
});

test("an installation of one's own is made as docs/kustomize.md shows it", async () => {
  const page = await readFile(join(root, 'docs/kustomize.md'), 'utf8');
  const [, example = ''] = /\n```yaml\n(apiVersion: kustomize[\s\S]*?)```/.exec(page) ?? [];
  await mkdir(distDirectory, { recursive: true });
  const directory = await mkdtemp(join(distDirectory, '.own-'));
  try {
    await writeFile(join(directory, 'kustomization.yaml'), example.replace('sharenet/config/', '../../config/'));
    const { replicas, template } = deploymentOf(await kustomize(directory)).spec;
    const [{ image, args, resources }] = template.spec.containers;
    expect({ replicas, image, memory: resources.limits.memory, last: args.at(-1) }).toEqual({
      replicas: 3,
      image: 'registry.example.com/storage/sharenet-operator:0.1.0',
      memory: '1Gi',
      last: '--log-level=debug',
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
