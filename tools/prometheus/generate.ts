/**
 * Generates config/prometheus/prometheus-rule.yaml, the alerts for the Prometheus operator, from rules.yaml beside it.
 *
 *   node tools/prometheus/generate.ts           writes the file
 *   node tools/prometheus/generate.ts --check   writes nothing, fails when the file differs
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dirname, '../../config/prometheus');

/** The object as text. The rules keep their comments and their line breaks: people read them there too. */
function prometheusRule(rules: string): string {
  const groups = rules.slice(rules.indexOf('groups:\n'));
  const head = `# Generated from rules.yaml by tools/prometheus/generate.ts: edit that.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: sharenet-operator
  namespace: sharenet-system
  labels:
    app.kubernetes.io/name: sharenet
    app.kubernetes.io/component: alerts
spec:
`;
  return head + groups.replace(/^(?=.)/gm, '  ');
}

const file = join(directory, 'prometheus-rule.yaml');
const text = prometheusRule(readFileSync(join(directory, 'rules.yaml'), 'utf8'));
if (process.argv[2] !== '--check') {
  writeFileSync(file, text);
  console.log('config/prometheus/prometheus-rule.yaml: written');
} else if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
  console.error('config/prometheus/prometheus-rule.yaml differs: run node tools/prometheus/generate.ts');
  process.exitCode = 1;
}
