import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Expectation, unmet } from './promtool.ts';
import { type Held, type Scrape, samplesOf } from './recorded-metrics.ts';
import { alertNames } from './rules.ts';
import { TroubledOperator } from './troubled-operator.ts';

const root = new URL('../../../', import.meta.url);
const panelSchema = z.object({
  title: z.string(),
  type: z.string(),
  targets: z.array(z.object({ expr: z.string(), legendFormat: z.string().optional() })).optional(),
});
const dashboard = z
  .object({ panels: z.array(panelSchema) })
  .parse(JSON.parse(readFileSync(new URL('deploy/grafana/sharenet.json', root), 'utf8')));
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map((target) => ({ title, ...target })));

/** A query with what Grafana puts for its variables, and without the zero that stands for no answer. */
function filledIn(expr: string): string {
  return expr
    .replaceAll('$__rate_interval', '5m')
    .replaceAll('$namespace', '.*')
    .replace(/ or vector\(0\)$/, '');
}

/** Names in a text, each once. */
function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...new Set([...text.matchAll(pattern)].flatMap(([, names = '']) => names.split(/, */)))];
}

/** What the alerts look at when all of it is wrong, and what only appears then. */
const wrong = [
  /^sharenet_unhealthy_since_timestamp_seconds\{.*kind="StorageBackend".*condition="Ready"/m,
  /^sharenet_unhealthy_since_timestamp_seconds\{.*phase="error".*condition="Ready",reason="SetupFailed"/m,
  /^sharenet_unhealthy_since_timestamp_seconds\{.*kind="ShareAccess".*phase="error"/m,
  /^sharenet_unhealthy_since_timestamp_seconds\{.*condition="SecurityServicesUpToDate",reason="CredentialsChanged"/m,
  /^sharenet_unhealthy_since_timestamp_seconds\{.*condition="DeletionBlocked"/m,
  /^sharenet_unhealthy_since_timestamp_seconds\{.*reason="AddressesExhausted"/m,
  /^sharenet_network_change_servers_left\{.*name="changing"\} 1$/m,
  /^sharenet_driver_calls_stuck\{.*\} 1$/m,
  /^sharenet_share_server_unhealthy\{.*reason="DomainTrustLost"\} 1$/m,
];

describe('the metrics of a real operator', () => {
  let troubled: TroubledOperator;
  let calm: Scrape;
  let bad: Scrape;
  let held: readonly Held[];

  beforeAll(async () => {
    troubled = await TroubledOperator.start();
    calm = await troubled.scrape();
    await troubled.trouble();
    bad = await troubled.scrapeAged(wrong);
    held = [
      { scrape: calm, minutes: 10 },
      { scrape: bad, minutes: 50 },
      { scrape: undefined, minutes: 10 },
    ];
  }, 240_000);

  afterAll(async () => {
    await troubled?.stop();
  });

  test('make each alert fire when its trouble is there, and none before', { timeout: 120_000 }, async () => {
    const firing = (name: string) => `ALERTS{alertname="${name}", alertstate="firing"}`;
    const expectations: Expectation[] = [{ query: 'ALERTS', at: 9, hasResult: false }];
    for (const name of alertNames) {
      const nobodyLeads = name === 'NoLeader';
      expectations.push({ query: firing(name), at: 59, hasResult: !nobodyLeads });
      if (nobodyLeads) expectations.push({ query: firing(name), at: 69, hasResult: true });
    }
    expect(await unmet(held, expectations)).toEqual([]);
  });

  test('answer each query of the dashboard', { timeout: 120_000 }, async () => {
    expect(queries.length).toBeGreaterThan(25);
    const expectations = queries.map(({ expr }) => ({ query: filledIn(expr), since: 0, at: 30, hasResult: true }));
    expect(await unmet(held, expectations)).toEqual([]);
  });

  test('have the labels that the dashboard groups by, and names lines by', () => {
    const samples = [...samplesOf(bad).keys()];
    const labelsOf = (metric: string) =>
      samples.flatMap((series) => (series.startsWith(`${metric}{`) ? namesIn(series, /([a-z_]+)="/g) : []));
    for (const { title, expr, legendFormat = '' } of queries) {
      const present = new Set(namesIn(expr, /([a-z][a-z0-9_]+)/g).flatMap(labelsOf));
      const grouped = namesIn(expr, /\bby \(([^)]*)\)/g);
      const shown = namesIn(legendFormat, /\{\{(\w+)\}\}/g);
      expect(
        [...grouped, ...shown].filter((label) => !present.has(label)),
        title,
      ).toEqual([]);
      expect(grouped.length === 0 ? [] : shown.filter((label) => !grouped.includes(label)), title).toEqual([]);
    }
  });

  test('have series of objects only for those that something is wrong with', () => {
    const ofObjects = (scrape: Scrape) =>
      [...samplesOf(scrape).keys()].filter((series) => series.includes(`"${troubled.namespace}"`));
    expect(ofObjects(calm)).toEqual([]);
    const unhealthy = ofObjects(bad);
    expect(
      unhealthy.filter((series) => series.includes('name="alice"') || series.includes('name="s-rotated"')),
    ).toEqual([]);
    expect(unhealthy.length).toBeGreaterThan(8);
  });

  test('are in docs/metrics.md, all of ours and nothing else', () => {
    const documented = readFileSync(new URL('docs/metrics.md', root), 'utf8').matchAll(/^\| `(sharenet_[a-z_]+)` \|/gm);
    const exposed = bad.text.matchAll(/^# TYPE (sharenet_[a-z_]+) /gm);
    const names = (matches: Iterable<RegExpMatchArray>) => [...matches].map(([, name]) => name).toSorted();
    expect(names(exposed)).toEqual(names(documented));
  });

  test('log lines have the fields that docs/logs.md lists', async () => {
    const documented = new Set(
      [...readFileSync(new URL('docs/logs.md', root), 'utf8').matchAll(/^\| ((?:`[A-Za-z]+`(?:, )?)+) \|/gm)].flatMap(
        ([, cell = '']) => [...cell.matchAll(/`([A-Za-z]+)`/g)].map(([, field = '']) => field),
      ),
    );
    const lines = (await troubled.operator.log()).trimEnd().split('\n');
    const fields = new Set(lines.flatMap((line) => Object.keys(JSON.parse(line))));
    expect([...fields].filter((field) => !documented.has(field))).toEqual([]);
    expect(documented.size).toBeGreaterThan(20);
  });
});
