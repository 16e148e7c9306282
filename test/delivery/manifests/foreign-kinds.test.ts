import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kustomize } from '../../../tools/manifests/install-manifest.ts';
import { type ControlPlane, startControlPlane } from '../../kube/control-plane.ts';
import { chart, Helm, type Manifest, type Values } from '../chart/helm.ts';
import { applyStrictly, expectStored, installKindsOf } from '../foreign-kinds.ts';

const namespace = 'sharenet-system';

let plane: ControlPlane;
let helm: Helm;

beforeAll(async () => {
  plane = await startControlPlane();
  await installKindsOf(plane, 'prometheus-operator');
  await installKindsOf(plane, 'cert-manager');
  await plane.kubectl(['create', 'namespace', namespace]);
  helm = await Helm.make(plane.kubeconfigPath);
}, 120_000);

afterAll(async () => {
  await helm?.remove();
  await plane?.stop();
});

describe('config/prometheus', () => {
  test("is of the Prometheus operator's kinds, and its alerts are stored as they are in rules.yaml", async () => {
    await applyStrictly(plane, await kustomize('prometheus'));
    const get = ['get', 'prometheusrule', 'sharenet-operator', `--namespace=${namespace}`, '-o', 'json'];
    const { spec } = JSON.parse((await plane.kubectl(get)).stdout);
    const rules = join(import.meta.dirname, '../../../config/prometheus/rules.yaml');
    expect(spec).toEqual(parse(await readFile(rules, 'utf8')));
    await plane.kubectl(['delete', 'servicemonitor,prometheusrule', '--all', `--namespace=${namespace}`]);
  });

  test.each([
    ['a field that the kind does not have', 'honorLabels', 'honourLabels', 'field not declared in schema'],
    ['a value that the kind does not take', 'interval: 30s', 'interval: often', 'spec.endpoints[0].interval'],
    [
      'a rule without expression',
      'expr: max by (namespace, name) (sharenet_access',
      'expression: (sharenet_access',
      'expr',
    ],
  ])('would be refused with %s', async (_, found, instead, complaint) => {
    const text = await kustomize('prometheus');
    expect(text).toContain(found);
    await expect(applyStrictly(plane, text.replace(found, instead))).rejects.toThrow(complaint);
  });
});

describe('the chart', () => {
  const metrics = {
    serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
    prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
  };
  const everything = { metrics, webhook: { certManager: { enabled: true } } };
  const foreign = async (values: Values): Promise<readonly Manifest[]> =>
    (await helm.render(values, namespace)).filter(({ apiVersion }) =>
      /^(monitoring\.coreos\.com|cert-manager\.io)\//.test(apiVersion),
    );

  test('brings objects that are of the kinds of other projects', async () => {
    const ofTheCluster = { enabled: true, issuerRef: { name: 'storage', kind: 'ClusterIssuer' } };
    for (const [values, kinds] of [
      [everything, ['Certificate', 'Certificate', 'Issuer', 'Issuer', 'PrometheusRule', 'ServiceMonitor']],
      [{ webhook: { certManager: ofTheCluster } }, ['Certificate']],
    ] as const) {
      const objects = await foreign(values);
      expect(objects.map(({ kind }) => kind).sort()).toEqual(kinds);
      const text = objects.map((object) => JSON.stringify(object)).join('\n---\n');
      await applyStrictly(plane, text);
      await plane.kubectl(['delete', '-f', '-'], { input: text });
    }
  });

  test('is installed with them by Helm', async () => {
    await helm.run('install', 'sharenet', chart, `--namespace=${namespace}`, ...(await helm.flagsOf(everything)));
    await expectStored(plane, await foreign(everything));
  });
});
