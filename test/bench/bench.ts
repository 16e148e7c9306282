/**
 * What the operator costs on this machine: `make bench`. Each figure is of one run on a real API server; the machine's own
 * write rate is measured in the same run, so that a slow machine shows as such.
 */
import { shareAccesses, shareNetworks, shareServers, shares } from '../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../faults/eventually.ts';
import { activeDirectory, backend, network, passwordSecret, share } from '../integration/manifests.ts';
import type { OperatorProcess } from '../integration/operator-process.ts';
import { TestCluster } from '../integration/test-cluster.ts';
import { admissionLatency } from './admission.ts';
import { fairness } from './fairness.ts';
import { create, numbers, parallel, quiet, rule, shareWithBackend, untilActive } from './load.ts';
import { between, read } from './measure.ts';
import { mebibytes, printHeading, printRow, seconds } from './table.ts';

const only = process.argv.slice(2);

/** Raw status writes a second of the API server, with as many connections as the operator has. */
async function rawWriteRate(cluster: TestCluster): Promise<number> {
  const namespace = await cluster.namespace();
  const rules = numbers(400).map((n) => rule(namespace, `raw-${n}`, 'no-such-share'));
  const from = performance.now();
  await parallel(rules, 16, (one) => cluster.client.create(shareAccesses, one));
  await parallel(rules, 16, async ({ metadata: { name } }) => {
    await cluster.client.mergePatch(shareAccesses, { namespace, name }, { metadata: { labels: { raw: 'true' } } });
  });
  const elapsed = performance.now() - from;
  await parallel(rules, 16, ({ metadata: { name } }) => cluster.client.delete(shareAccesses, { namespace, name }));
  return (rules.length * 2) / (elapsed / 1000);
}

async function oneRule(cluster: TestCluster, operator: OperatorProcess): Promise<void> {
  printHeading('One keyed ShareAccess');
  const namespace = await cluster.namespace();
  await shareWithBackend(cluster, namespace, 'plain', 1);
  await cluster.client.create(shareAccesses, rule(namespace, 'first', 'share-0'));
  await untilActive(cluster, namespace, 1, 0);
  await quiet(operator);
  const start = await read(operator);
  await cluster.client.create(shareAccesses, rule(namespace, 'measured', 'share-0'));
  await untilActive(cluster, namespace, 2, 0);
  await quiet(operator);
  const made = await read(operator);
  const creation = between(start, made);
  printRow({
    what: 'created until active',
    figure: `${creation.writes} writes, ${creation.events} events, ${creation.reads} reads`,
    against: 'budget 3 writes, 1 event',
  });
  process.stdout.write(`  ${creation.detail.join(', ')}\n`);
  await cluster.client.delete(shareAccesses, { namespace, name: 'measured' });
  await cluster.untilGone(shareAccesses, { namespace, name: 'measured' });
  await quiet(operator);
  const deletion = between(made, await read(operator));
  printRow({
    what: 'deleted until gone',
    figure: `${deletion.writes} writes, ${deletion.events} events, ${deletion.reads} reads`,
    against: 'budget 2 writes',
  });
  process.stdout.write(`  ${deletion.detail.join(', ')}\n`);
}

async function networkChange(cluster: TestCluster, operator: OperatorProcess, servers: number): Promise<void> {
  printHeading(`Change of the security service of a network with ${servers} share servers, 50 ms driver, 10 at once`);
  const namespace = await cluster.namespace();
  const backendName = `servers-${servers}`;
  await cluster.apply(
    // One more than are to run at once: the last one is kept for other namespaces.
    backend(backendName, { latency: '50ms' }, { maxConcurrentOperations: 11 }),
    passwordSecret(namespace, 'ad-a-password', 'secret-a'),
    passwordSecret(namespace, 'ad-b-password', 'secret-b'),
    activeDirectory(namespace, 'ad-a'),
    activeDirectory(namespace, 'ad-b'),
    network(namespace, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
  );
  const objects = numbers(servers).map((n) => share(namespace, `share-${n}`, { backendName, shareNetworkName: 'net' }));
  await create(cluster, shares, objects);
  const name = { namespace, name: 'net' };
  await cluster.until(
    shareNetworks,
    name,
    'all servers',
    ({ status }) => status?.shareServers?.active === servers,
    120_000,
  );
  for (const { metadata } of objects) {
    await cluster.until(
      shares,
      { namespace, name: metadata.name },
      'available',
      ({ status }) => status?.phase === 'available',
      60_000,
    );
  }
  await quiet(operator);
  const before = await read(operator);
  const from = performance.now();
  await cluster.client.mergePatch(shareNetworks, name, {
    spec: { securityServices: [{ type: 'active_directory', name: 'ad-b' }] },
  });
  await cluster.until(
    shareNetworks,
    name,
    'changed',
    ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
    120_000,
  );
  const elapsed = performance.now() - from;
  await quiet(operator);
  const cost = between(before, await read(operator));
  printRow({
    what: 'edit until active again',
    figure: `${seconds(elapsed)}, ${cost.writes} writes, ${cost.events} events, ${cost.reads} reads`,
    against: `budget ${2 * servers + 6} writes; Go operator 1.43 s, 73 writes (20 servers)`,
  });
  process.stdout.write(`  ${cost.detail.join(', ')}\n`);
  const { items } = await cluster.client.list(shareServers, { namespace });
  const right = items.every(({ status }) => status?.securityServices?.[0]?.name === 'ad-b');
  if (!right) throw new Error('a share server does not have the new service');
}

async function thousandRules(cluster: TestCluster): Promise<void> {
  printHeading('1,000 keyed rules over 100 shares, made while the operator was down');
  const namespace = await cluster.namespace();
  const first = await cluster.startOperator();
  await shareWithBackend(cluster, namespace, 'plain', 100);
  await quiet(first);
  await first.stop();
  const raw = await rawWriteRate(cluster);
  await create(
    cluster,
    shareAccesses,
    numbers(1000).map((n) => rule(namespace, `rule-${n}`, `share-${n % 100}`)),
  );
  const from = performance.now();
  const operator = await cluster.startOperator();
  const elapsed = await untilActive(cluster, namespace, 1000, from);
  await quiet(operator);
  const end = await read(operator);
  const writes = between({ requests: new Map(), cpuSeconds: 0, residentBytes: 0 }, end);
  printRow({
    what: 'process start until all active',
    figure: `${seconds(elapsed)}, ${writes.writes} writes, ${writes.reads} reads`,
    against: 'Go operator 8.0 s; Manila 200 rules in 96 s',
  });
  printRow({
    what: 'write rate, and share of the raw rate of this API server',
    figure: `${Math.round(writes.writes / (elapsed / 1000))}/s of ${Math.round(raw)}/s = ${Math.round((writes.writes / (elapsed / 1000) / raw) * 100)} %`,
    against: 'Go operator 78 %',
  });
  printRow({
    what: 'operator CPU a rule, memory',
    figure: `${((end.cpuSeconds * 1000) / 1000).toFixed(2)} ms, ${mebibytes(end.residentBytes)}`,
    against: 'Go operator 2.7 ms',
  });
  const before = await read(operator);
  const deleteFrom = performance.now();
  await cluster.kubectl('delete', 'shareaccess', '--all', '-n', namespace, '--wait=false');
  await eventually(
    'all gone',
    async () => (await cluster.client.list(shareAccesses, { namespace })).items.length === 0,
    120_000,
  );
  const deleted = performance.now() - deleteFrom;
  await quiet(operator);
  const cost = between(before, await read(operator));
  printRow({
    what: 'all of them deleted',
    figure: `${seconds(deleted)}, ${cost.writes} writes`,
    against: 'budget 2 a rule',
  });
  await operator.stop();
}

async function liveRules(cluster: TestCluster, operator: OperatorProcess): Promise<void> {
  printHeading('Rules made live');
  const namespace = await cluster.namespace();
  await shareWithBackend(cluster, namespace, 'plain', 50);
  await quiet(operator);
  const before = await read(operator);
  const from = performance.now();
  await create(
    cluster,
    shareAccesses,
    numbers(500).map((n) => rule(namespace, `rule-${n}`, `share-${n % 50}`)),
  );
  const elapsed = await untilActive(cluster, namespace, 500, from);
  await quiet(operator);
  const cost = between(before, await read(operator));
  printRow({
    what: '500 keyed rules by 8 clients over 50 shares',
    figure: `${seconds(elapsed)}, ${cost.writes} writes, ${((cost.cpuSeconds * 1000) / 500).toFixed(2)} ms CPU a rule`,
    against: 'Go operator 4.6 s',
  });
  const slow = await cluster.namespace();
  await shareWithBackend(cluster, slow, 'slow', 1);
  const slowFrom = performance.now();
  await create(
    cluster,
    shareAccesses,
    numbers(200).map((n) => rule(slow, `rule-${n}`, 'share-0')),
  );
  const slowElapsed = await untilActive(cluster, slow, 200, slowFrom);
  const calls = (await cluster.calls()).filter(
    ({ operation, event, namespace: of }) => operation === 'updateAccess' && event === 'start' && of === slow,
  );
  printRow({
    what: '200 keyed rules on one share, 200 ms driver',
    figure: `${seconds(slowElapsed)}, ${calls.length} driver calls`,
    against: 'Go operator 3.5 s, 2 calls',
  });
}

async function restarts(cluster: TestCluster): Promise<void> {
  printHeading('Start with nothing to do');
  const namespace = await cluster.namespace();
  const first = await cluster.startOperator();
  await shareWithBackend(cluster, namespace, 'plain', 100);
  await create(
    cluster,
    shareAccesses,
    numbers(3000).map((n) => rule(namespace, `rule-${n}`, `share-${n % 100}`)),
  );
  await untilActive(cluster, namespace, 3000, 0);
  await quiet(first);
  await first.stop();
  await startOnce(cluster, '3,000 rules', 'Go operator: ready 0.43 s, no writes, 75 MiB');
  const more = await cluster.namespace();
  await parallel(numbers(7000), 16, (n) =>
    cluster.client.create(shareAccesses, rule(more, `waiting-${n}`, `missing-${n % 70}`)),
  );
  const settle = await cluster.startOperator();
  await quiet(settle);
  await settle.stop();
  await startOnce(cluster, '10,000 rules', '');
}

async function startOnce(cluster: TestCluster, what: string, against: string): Promise<void> {
  const from = performance.now();
  const operator = await cluster.startOperator();
  const ready = performance.now() - from;
  await quiet(operator);
  const end = await read(operator);
  const cost = between({ requests: new Map(), cpuSeconds: 0, residentBytes: 0 }, end);
  printRow({
    what: `with ${what}: process start until ready`,
    figure: `${seconds(ready)}, ${cost.writes} writes, ${end.cpuSeconds.toFixed(2)} s CPU, ${mebibytes(end.residentBytes)}`,
    against,
  });
  await operator.stop();
}

const sections: Readonly<Record<string, (cluster: TestCluster) => Promise<void>>> = {
  rule: async (cluster) => {
    const operator = await cluster.startOperator();
    await oneRule(cluster, operator);
    await operator.stop();
  },
  change: async (cluster) => {
    const operator = await cluster.startOperator();
    await networkChange(cluster, operator, 20);
    await operator.stop();
  },
  thousand: thousandRules,
  live: async (cluster) => {
    const operator = await cluster.startOperator();
    await liveRules(cluster, operator);
    await operator.stop();
  },
  admission: admissionLatency,
  restart: restarts,
  fairness,
};

const cluster = await TestCluster.start({ auditLog: false });
try {
  await cluster.apply(
    backend('plain', { driverHandlesShareServers: false, stateDirectory: cluster.stateDirectory }),
    backend('slow', { driverHandlesShareServers: false, latency: '200ms', stateDirectory: cluster.stateDirectory }),
  );
  for (const [name, run] of Object.entries(sections)) {
    if (only.length === 0 || only.includes(name)) await run(cluster);
  }
} finally {
  await cluster.stop();
}
