import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { kustomize } from '../../../tools/manifests/install-manifest.ts';
import { type ControlPlane, startControlPlane } from '../../kube/control-plane.ts';
import { chart, Helm } from '../chart/helm.ts';
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
    ['a field that the kind does not have', 'honorLabels', 'honourLabels', 'unknown field'],
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
  test.each([
    ['an issuer of its own', {}, 4],
    ['an issuer of the cluster', { issuerRef: { name: 'storage', kind: 'ClusterIssuer' } }, 3],
  ])('brings objects of other projects with %s, and Helm installs them', async (_, certManager, count) => {
    const values = {
      metrics: {
        serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
        prometheusRule: { enabled: true, labels: { release: 'prometheus' } },
      },
      webhook: { certManager: { enabled: true, ...certManager } },
    };
    const foreign = (await helm.render(values, namespace)).filter(({ apiVersion }) =>
      /^(monitoring\.coreos\.com|cert-manager\.io)\//.test(apiVersion),
    );
    expect(foreign).toHaveLength(count);
    await applyStrictly(plane, foreign.map((object) => JSON.stringify(object)).join('\n---\n'));
    await plane.kubectl(['delete', 'servicemonitor,prometheusrule,certificate,issuer', '--all', '-n', namespace]);
    await helm.run('install', 'sharenet', chart, `--namespace=${namespace}`, ...(await helm.flagsOf(values)));
    await expectStored(plane, foreign);
    await helm.run('uninstall', 'sharenet', `--namespace=${namespace}`);
  });
});
