import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { printedBy } from '../../../tools/go/run-program.ts';
import { promtoolProblem, rulesFile } from './promtool.ts';
import { alertNames } from './rules.ts';

const unitTests = new URL('alerts.yaml', import.meta.url).pathname;
const root = new URL('../../../', import.meta.url);

test('the alerts are a rule file that promtool finds nothing wrong with', async () => {
  expect(await promtoolProblem('check', 'rules', '--lint=all', '--lint-fatal', rulesFile)).toBeUndefined();
});

test('each alert fires when it should, and not before', { timeout: 120_000 }, async () => {
  expect(await promtoolProblem('test', 'rules', unitTests)).toBeUndefined();
  const tested: { tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[] } = parse(
    readFileSync(unitTests, 'utf8'),
  );
  const checks = tested.tests.flatMap((group) => group.alert_rule_test);
  for (const name of alertNames) {
    const own = checks.filter(({ alertname }) => alertname === name);
    expect(
      [own.some((each) => each.exp_alerts.length > 0), own.some((each) => each.exp_alerts.length === 0)],
      name,
    ).toEqual([true, true]);
  }
});

test('each alert has an entry in the runbook, which its annotation names', () => {
  const text = readFileSync(new URL('docs/alerts.md', root), 'utf8');
  const entries = [...text.matchAll(/^### (\S+)$/gm)].map(([, name]) => name);
  expect(entries.toSorted()).toEqual(alertNames.toSorted());
  const rules = readFileSync(rulesFile, 'utf8');
  const anchors = [...rules.matchAll(/runbook: docs\/alerts\.md#(\S+)/g)].map(([, anchor]) => anchor);
  expect(anchors).toEqual(alertNames.map((name) => name.toLowerCase()));
});

test('Prometheus is configured to leave the namespaces of our series as they are', () => {
  const monitor = parse(readFileSync(new URL('config/prometheus/service-monitor.yaml', root), 'utf8'));
  expect(monitor.spec.endpoints).toEqual([expect.objectContaining({ port: 'metrics', honorLabels: true })]);
});

test('Prometheus is configured to scrape the Service of the metrics', () => {
  const read = (path: string) => parse(readFileSync(new URL(path, root), 'utf8'));
  const { metadata, spec } = read('config/manager/metrics-service.yaml');
  const monitor = read('config/prometheus/service-monitor.yaml');
  expect(metadata.labels).toMatchObject(monitor.spec.selector.matchLabels);
  expect(metadata.namespace).toBe(monitor.metadata.namespace);
  expect(spec.ports.map(({ name }: { name: string }) => name)).toContain(monitor.spec.endpoints[0].port);
});

test("the dashboard is in a ConfigMap that the sidecar of Grafana's chart finds", async () => {
  const { metadata, data } = parse(await printedBy('kustomize', ['build', new URL('deploy/grafana', root).pathname]));
  expect(metadata.labels).toMatchObject({ grafana_dashboard: '1' });
  expect(data).toEqual({ 'sharenet.json': readFileSync(new URL('deploy/grafana/sharenet.json', root), 'utf8') });
});

test.each([
  ['config/prometheus', ['PrometheusRule', 'ServiceMonitor']],
  ['deploy/grafana', ['ConfigMap']],
])('%s is rendered by kustomize', async (folder, kinds) => {
  const rendered = await printedBy('kustomize', ['build', new URL(folder, root).pathname]);
  const objects = parseAllDocuments(rendered).map((document) => document.toJS());
  expect(objects.map(({ kind }) => kind).toSorted()).toEqual(kinds);
});
