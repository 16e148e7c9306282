import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runTool } from '../../../tools/go/run-program.ts';
import type { Held } from './recorded-metrics.ts';
import { inputSeries } from './recorded-metrics.ts';

/** The rules that are delivered. */
export const rulesFile = new URL('../../../config/prometheus/rules.yaml', import.meta.url).pathname;

/** Runs promtool; answers what is wrong, undefined where nothing is. */
export async function promtoolProblem(...args: readonly string[]): Promise<string | undefined> {
  const { code, stdout, stderr } = await runTool('promtool', args);
  return code === 0 ? undefined : `${stdout}${stderr}`;
}

/** A query and whether it has a result. */
export interface Expectation {
  readonly query: string;
  /** Minutes from the beginning; with `since`: at any minute between. */
  readonly at: number;
  readonly since?: number;
  readonly hasResult: boolean;
}

/** Which of the expectations the recorded metrics do not meet, with the alerts of the delivered rules among the series. */
export async function unmet(held: readonly Held[], expectations: readonly Expectation[]): Promise<readonly string[]> {
  const directory = await mkdtemp(join(tmpdir(), 'sharenet-promtool-'));
  try {
    const tests = expectations.map(({ query, at, since, hasResult }) => {
      const counted = `count(${query}) > bool 0`;
      const expr = since === undefined ? counted : `max_over_time((${counted})[${at - since}m:1m])`;
      const exp_samples = hasResult ? [{ labels: '{}', value: 1 }] : [];
      return { expr, eval_time: `${at}m`, exp_samples };
    });
    const file = join(directory, 'recorded.json');
    const group = { interval: '1m', input_series: inputSeries(held), promql_expr_test: tests };
    await writeFile(file, JSON.stringify({ rule_files: [rulesFile], evaluation_interval: '1m', tests: [group] }));
    const problem = await promtoolProblem('test', 'rules', file);
    if (problem === undefined) return [];
    const failed = tests.filter(({ expr }) => problem.includes(`expr: ${JSON.stringify(expr)}`));
    return failed.length === 0 ? [problem] : failed.map(({ expr, eval_time }) => `${expr} at ${eval_time}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
