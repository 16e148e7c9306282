/**
 * Hours of changes, troubles and kills: `make soak HOURS=1`. After each round of changes everything must come to rest as it was
 * asked for; at the end all is deleted and nothing may be left. Two replicas of the operator run; in the second half none is
 * killed, so that what they take shows whether it grows: findings.ts judges both. The result is printed and written to
 * reports/soak.json.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { secrets } from '../../src/runtime/core-types.ts';
import { eventually } from '../faults/eventually.ts';
import { ApiProxy } from '../integration/crash/api-proxy.ts';
import { readDummyState } from '../integration/crash/dummy-state.ts';
import { chooseSeed, seededRandom } from '../integration/crash/seeded-random.ts';
import { TestCluster } from '../integration/test-cluster.ts';
import { growthOf, growthProblems, leftBehind, type Sample } from './findings.ts';
import { Replica } from './replica.ts';
import { SoakTenant } from './tenant.ts';
import { calm, type Surroundings, soakBackend, troubles } from './trouble.ts';

const hours = Number(process.argv[2] ?? 1);
if (!(hours > 0 && hours <= 168)) {
  console.error('usage: node test/soak/soak.ts HOURS     from 0.01 to 168');
  process.exit(2);
}
const tenantCount = 4;
const busyMs = 20_000;
/** A busy machine, a lease that must expire first, pauses after failures: far more than it takes. */
const settleMs = 240_000;
const reports = join(import.meta.dirname, '../../reports');
const print = (line: string) => process.stdout.write(`${line}\n`);

const seed = chooseSeed();
const random = seededRandom(seed);
const started = performance.now();
const elapsedHours = (): number => (performance.now() - started) / 3_600_000;
print(`soak for ${hours} h; TEST_SEED=${seed} repeats its choices`);

const cluster = await TestCluster.start({ auditLog: false });
const proxy = await ApiProxy.start(cluster.plane, cluster.operatorKubeconfig);
const replicas = ['operator-1', 'operator-2'].map((name) => new Replica(name, proxy.kubeconfigPath));
const surroundings: Surroundings = { cluster, proxy, replicas, random };
const samples: Sample[] = [];
const troubled = new Map<string, number>();
const settled: number[] = [];
const tenants: SoakTenant[] = [];
let failure: string | undefined;
try {
  await cluster.apply(soakBackend(cluster));
  for (const replica of replicas) await replica.start();
  for (let number = 0; number < tenantCount; number += 1) tenants.push(await SoakTenant.settleIn(cluster, random));
  await rest();
  while (elapsedHours() < hours) {
    await disturb();
    const until = performance.now() + busyMs;
    while (performance.now() < until) {
      for (const tenant of tenants) await tenant.change();
      await pause(500);
    }
    await calm(surroundings);
    await rest();
    await sample();
  }
  await leave();
  const grown = replicas.flatMap(({ name }) => growthProblems(growthOf(samples, name, hours)));
  if (grown.length > 0) failure = grown.join('; ');
} catch (error) {
  failure = error instanceof Error ? error.message : String(error);
} finally {
  for (const replica of replicas) {
    const code = await replica.stop();
    if (code !== 0 && failure === undefined) failure = `${replica.name} ended with code ${code}`;
    await replica.forget();
  }
  await proxy.stop();
  await cluster.stop();
}
await report();
process.exit(failure === undefined ? 0 : 1);

/** Makes some of the troubles; kills only in the first half. */
async function disturb(): Promise<void> {
  for (const [name, make] of Object.entries(troubles)) {
    if (random() > 0.4 || (name === 'operator killed' && elapsedHours() > hours / 2)) continue;
    troubled.set(name, (troubled.get(name) ?? 0) + 1);
    await make(surroundings);
  }
}

/** Waits until all tenants have what they asked for. */
async function rest(): Promise<void> {
  const from = performance.now();
  let reason: string | undefined;
  const agreed = async (): Promise<boolean> => {
    for (const tenant of tenants) {
      reason = await tenant.disagreement();
      if (reason !== undefined) return false;
    }
    return true;
  };
  await eventually('rest', agreed, settleMs).catch(() => {
    throw new Error(`stuck after ${Math.round(elapsedHours() * 60)} min: ${reason}`);
  });
  settled.push(Math.round(performance.now() - from));
}

async function sample(): Promise<void> {
  const minute = Math.round(elapsedHours() * 600) / 10;
  for (const replica of replicas) {
    const taken = await replica.taken();
    samples.push({ minute, replica: replica.name, ...taken });
    const { residentMiB, heapMiB, descriptors } = taken;
    print(`${minute} min  ${replica.name}: ${residentMiB} MiB, heap ${heapMiB} MiB, ${descriptors} descriptors`);
  }
}

/** Deletes everything, and finds nothing left. */
async function leave(): Promise<void> {
  for (const tenant of tenants) await tenant.moveOut();
  let left = '';
  const gone = async (): Promise<boolean> => {
    const objects = await cluster.kubectl('get', 'shnet,shsrv,shares,shareaccesses,secsvc', '-A', '-o', 'name');
    const { items } = await cluster.client.list(secrets, {});
    left = leftBehind({
      objects: objects.split(/\s+/).filter((name) => name !== ''),
      secrets: items.map(({ metadata }) => metadata.name),
      stored: { ...(await readDummyState(cluster.stateDirectory, 'dummy')) },
    });
    return left === '';
  };
  // An unused share server stays for a while before it is removed.
  await eventually('nothing left', gone, settleMs).catch(() => {
    throw new Error(`left behind: ${left}`);
  });
}

async function report(): Promise<void> {
  const changes: Record<string, number> = {};
  for (const [name, count] of tenants.flatMap(({ done }) => [...done])) changes[name] = (changes[name] ?? 0) + count;
  const result = {
    hours: Math.round(elapsedHours() * 100) / 100,
    seed,
    failure,
    rounds: settled.length,
    slowestRestSeconds: Math.round(Math.max(0, ...settled) / 100) / 10,
    troubles: Object.fromEntries(troubled),
    kills: replicas.reduce((sum, { kills }) => sum + kills, 0),
    endsOfItsOwn: replicas.flatMap(({ ends }) => ends),
    changes,
    growth: replicas.map(({ name }) => growthOf(samples, name, hours)),
    samples,
  };
  await mkdir(reports, { recursive: true });
  await writeFile(join(reports, 'soak.json'), `${JSON.stringify(result, null, 1)}\n`);
  const { samples: _samples, ...summary } = result;
  print(JSON.stringify(summary, null, 1));
}
