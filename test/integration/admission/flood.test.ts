import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../kube/free-port.ts';
import { activeDirectory } from '../manifests.ts';
import { Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

const program = new URL('./flood-process.ts', import.meta.url).pathname;
const shares = 12;
const connections = '12';

describe('a flood of reviews from another address than the API server', () => {
  let cluster: TestCluster;
  let tenant: Tenant;
  let port: number;

  beforeAll(async () => {
    cluster = await TestCluster.start({ auditLog: false });
    port = await freePort();
    await cluster.startOperator('--webhook-mode=url', `--webhook-port=${port}`);
    tenant = await Tenant.make(cluster);
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  /** Milliseconds that a new share takes until it is available, the median of some. */
  async function duration(name: string): Promise<number> {
    const durations: number[] = [];
    for (let index = 0; index < shares; index += 1) {
      const started = performance.now();
      await tenant.makeShares([`${name}-${index}`]);
      durations.push(performance.now() - started);
    }
    return durations.sort((one, other) => one - other)[shares / 2] ?? 0;
  }

  /** Asks for what only the webhook refuses at once; answers whether it did. */
  async function isJudged(): Promise<boolean> {
    const input = JSON.stringify(activeDirectory('sharenet-system', 'ad'));
    const { stderr } = await cluster.plane.kubectl(['create', '--dry-run=server', '-f', '-'], { input });
    return stderr.includes('admission webhook "validate.sharenet.io" denied');
  }

  test('does not slow the operator down, and the API server is answered', { timeout: 180_000 }, async () => {
    await duration('warm');
    expect(await isJudged()).toBe(true);
    const quiet = await duration('quiet');
    const flood = spawn(process.execPath, [program, String(port), '127.0.0.2', connections]);
    const seen = text(flood.stdout);
    try {
      const flooded = await duration('flooded');
      expect(await isJudged()).toBe(true);
      flood.kill('SIGTERM');
      const results = await seen;
      console.info(`a share takes ${quiet.toFixed()} ms, under the flood ${flooded.toFixed()} ms; it got ${results}`);
      expect(flooded / quiet, results).toBeLessThan(5);
      expect(Object.keys(JSON.parse(results))).toContain('429');
    } finally {
      if (flood.exitCode === null && flood.signalCode === null) {
        flood.kill('SIGKILL');
        await once(flood, 'exit');
      }
    }
  });
});
