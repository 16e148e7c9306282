/**
 * What the bundle costs beside the source: `node test/bench/bundle.ts`. CPU seconds tell more than the clock where other things run.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { shareAccesses } from '../../src/api/v1alpha1/resource-types.ts';
import { backend } from '../integration/manifests.ts';
import { OperatorProcess, type OperatorProcessOptions } from '../integration/operator-process.ts';
import { TestCluster } from '../integration/test-cluster.ts';
import { median } from './latency.ts';
import { create, numbers, quiet, rule, shareWithBackend, untilActive } from './load.ts';
import { read } from './measure.ts';
import { mebibytes, printHeading, printRow, seconds } from './table.ts';

const repetitions = 5;
const root = join(import.meta.dirname, '../..');

/** Most memory that a process has had, in bytes. */
async function peakBytes({ pid }: OperatorProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Starts and stops the operator some times and prints what a start takes. */
async function measureStarts(cluster: TestCluster, what: string, options: OperatorProcessOptions): Promise<void> {
  const walls: number[] = [];
  const cpus: number[] = [];
  const residents: number[] = [];
  const peaks: number[] = [];
  for (const _ of numbers(repetitions)) {
    const from = performance.now();
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig, [], options);
    walls.push(performance.now() - from);
    cpus.push((await read(operator)).cpuSeconds);
    await quiet(operator);
    residents.push((await read(operator)).residentBytes);
    peaks.push(await peakBytes(operator));
    await operator.stop();
    await operator.forget();
  }
  printRow({
    what: `${what}: start until ready, and memory then (median of ${repetitions})`,
    figure: `${seconds(median(walls))}, ${median(cpus).toFixed(2)} s CPU, ${mebibytes(median(residents))}, at most ${mebibytes(median(peaks))}`,
    against: '',
  });
}

const folder = await mkdtemp(join(tmpdir(), 'sharenet-bundle-'));
const cluster = await TestCluster.start({ auditLog: false });
try {
  await promisify(execFile)(process.execPath, [join(root, 'tools/bundle/bundle.ts'), folder]);
  const program = [join(folder, 'operator/sharenet-operator.js'), `--kubeconfig=${cluster.operatorKubeconfig}`];
  const ways: Readonly<Record<string, OperatorProcessOptions>> = {
    source: {},
    // As in the image, which has nowhere to write a cache.
    bundle: { command: ['env', '--unset=NODE_COMPILE_CACHE', process.execPath, ...program] },
  };
  printHeading('Without an object');
  for (const [what, options] of Object.entries(ways)) await measureStarts(cluster, what, options);

  printHeading('1,000 keyed rules on 100 shares');
  await cluster.apply(backend('plain', { driverHandlesShareServers: false, stateDirectory: cluster.stateDirectory }));
  const namespace = await cluster.namespace();
  const operator = await OperatorProcess.start(cluster.operatorKubeconfig, [], ways.bundle);
  await shareWithBackend(cluster, namespace, 'plain', 100);
  const rules = numbers(1000).map((n) => rule(namespace, `rule-${n}`, `share-${n % 100}`));
  await create(cluster, shareAccesses, rules);
  await untilActive(cluster, namespace, 1000, 0);
  await quiet(operator);
  const { residentBytes, cpuSeconds } = await read(operator);
  printRow({
    what: 'bundle: all made by one process',
    figure: `${cpuSeconds.toFixed(2)} s CPU, ${mebibytes(residentBytes)}, at most ${mebibytes(await peakBytes(operator))}`,
    against: '',
  });
  await operator.stop();
  for (const [what, options] of Object.entries(ways)) await measureStarts(cluster, what, options);
} finally {
  await cluster.stop();
  await rm(folder, { recursive: true, force: true });
}
