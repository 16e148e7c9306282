/**
 * What access keys and shares cost on a real Ceph cluster: `make bench-ceph`. Real API server, real operator, real Ceph of one of
 * each daemon with its data in memory, all on this machine; the bare commands are measured in turns with the operator.
 */
import { readFile } from 'node:fs/promises';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { cephBackend, cephCredentials, operatorCephUser } from '../../e2e/ceph/operator/ceph-backend.ts';
import { radosProcesses } from '../../e2e/ceph/rados-processes.ts';
import { share } from '../../integration/manifests.ts';
import type { OperatorProcess } from '../../integration/operator-process.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import { elapsedOf, type Latency, latencyIn, latencyOf, latencyText } from '../latency.ts';
import { create, numbers, parallel, quiet, rule, shareWithBackend, untilActive } from '../load.ts';
import { read } from '../measure.ts';
import { mebibytes, printHeading, printRow, seconds } from '../table.ts';
import { Watched } from '../watched.ts';
import { BareCeph, findCephCLI, openLibrary } from './bare-ceph.ts';

const backendName = 'ceph';
const readSamples = 500;
const cliSamples = 20;
const ruleSamples = 100;
const shareSamples = 30;
/** As many as the operator runs at once on a backend. */
const width = 8;
/** Small: the lab has 2 GiB, and the operator adds up what shares were promised. */
const size = '16Mi';

interface Bench {
  readonly lab: CephLab;
  readonly cluster: TestCluster;
  readonly operator: OperatorProcess;
  readonly bare: BareCeph;
  readonly cli: Awaited<ReturnType<typeof findCephCLI>>;
}

/** What the process with the library costs, and what it saves. */
async function commands({ lab, bare, cli }: Bench): Promise<void> {
  printHeading(`One command that reads (${readSamples} one after another)`);
  const direct = await openLibrary(lab);
  for (const [daemon, args] of [
    ['mon', ['fs', 'ls']],
    ['mgr', ['fs', 'subvolumegroup', 'ls', lab.fileSystem]],
  ] as const) {
    const taken: Record<'direct' | 'apart', number[]> = { direct: [], apart: [] };
    for (const _ of numbers(readSamples)) {
      taken.direct.push(await elapsedOf(() => direct(daemon)));
      taken.apart.push(await elapsedOf(() => bare.read(daemon)));
    }
    const [inside, apart] = [latencyIn(taken.direct), latencyIn(taken.apart)];
    printRow({ what: `${daemon}: library in the same process`, figure: latencyText(inside) });
    const against = `adds ${(apart.median - inside.median).toFixed(2)} ms`;
    printRow({
      what: `${daemon}: library in a process of its own, as the driver`,
      figure: latencyText(apart),
      against,
    });
    if (cli === undefined) continue;
    printRow({ what: `${daemon}: ceph CLI`, figure: latencyText(await latencyOf(cliSamples, () => cli(...args))) });
  }
}

/** One rule at a time: granted and denied. */
async function oneRule({ cluster, bare, cli, lab }: Bench): Promise<void> {
  printHeading(`One access rule at a time (${ruleSamples}, in turns with the bare commands)`);
  const namespace = await cluster.namespace();
  await shareWithBackend(cluster, namespace, backendName, 1, size);
  const subvolume = await bare.createSubvolume();
  const watched = await Watched.start(cluster, shareAccesses, namespace);
  const taken: Record<'grant' | 'deny' | 'authorize' | 'deauthorize', number[]> = {
    grant: [],
    deny: [],
    authorize: [],
    deauthorize: [],
  };
  for (const n of numbers(ruleSamples)) {
    const pair = { subvolume, authID: `bare-${n}` };
    const name = `rule-${n}`;
    taken.authorize.push(await elapsedOf(() => bare.authorize(pair)));
    taken.grant.push(
      await elapsedOf(async () => {
        await cluster.client.create(shareAccesses, rule(namespace, name, 'share-0'));
        await watched.until(name, (found) => found?.status?.phase === 'active');
      }),
    );
    taken.deauthorize.push(await elapsedOf(() => bare.deauthorize(pair)));
    taken.deny.push(
      await elapsedOf(async () => {
        await cluster.client.delete(shareAccesses, { namespace, name });
        await watched.until(name, (found) => found === undefined);
      }),
    );
  }
  watched.stop();
  const [authorize, deauthorize] = [latencyIn(taken.authorize), latencyIn(taken.deauthorize)];
  printRow({ what: 'bare: fs subvolume authorize', figure: latencyText(authorize) });
  printAgainst('ShareAccess created until active', latencyIn(taken.grant), authorize);
  const address = [lab.fileSystem, subvolume] as const;
  if (cli !== undefined) {
    const group = ['--group_name', 'sharenet'];
    const latency = await latencyOf(cliSamples, (n) =>
      cli('fs', 'subvolume', 'authorize', ...address, `cli-${n}`, ...group, '--tenant_id', 'bench'),
    );
    printAgainst('ceph CLI: fs subvolume authorize', latency, authorize);
  }
  printRow({ what: 'bare: fs subvolume deauthorize', figure: latencyText(deauthorize) });
  printAgainst('ShareAccess deleted until gone (with eviction)', latencyIn(taken.deny), deauthorize);
}

/** One share at a time. */
async function oneShare({ cluster, bare }: Bench): Promise<void> {
  printHeading(`One share at a time (${shareSamples}, in turns with the bare commands)`);
  const namespace = await cluster.namespace();
  const watched = await Watched.start(cluster, shares, namespace);
  const taken: Record<'bare' | 'made' | 'removed' | 'bareRemoved', number[]> = {
    bare: [],
    made: [],
    removed: [],
    bareRemoved: [],
  };
  for (const n of numbers(shareSamples)) {
    const name = `share-${n}`;
    let subvolume = '';
    taken.bare.push(
      await elapsedOf(async () => {
        subvolume = await bare.createSubvolume();
      }),
    );
    taken.made.push(
      await elapsedOf(async () => {
        await cluster.client.create(shares, share(namespace, name, { backendName, size }));
        await watched.until(name, (found) => found?.status?.phase === 'available');
      }),
    );
    taken.bareRemoved.push(await elapsedOf(() => bare.removeSubvolume(subvolume)));
    taken.removed.push(
      await elapsedOf(async () => {
        await cluster.client.delete(shares, { namespace, name });
        await watched.until(name, (found) => found === undefined);
      }),
    );
  }
  watched.stop();
  const [made, removed] = [latencyIn(taken.bare), latencyIn(taken.bareRemoved)];
  printRow({ what: 'bare: fs subvolume create, getpath', figure: latencyText(made) });
  printAgainst('Share created until available', latencyIn(taken.made), made);
  printRow({ what: 'bare: fs subvolume rm', figure: latencyText(removed) });
  printAgainst('Share deleted until gone', latencyIn(taken.removed), removed);
}

/** Many rules at once. */
async function manyRules({ cluster, bare, operator }: Bench, rules: number, over: number): Promise<void> {
  printHeading(`${rules} rules over ${over === 1 ? 'one share' : `${over} shares`}, made at once`);
  const subvolumes: string[] = [];
  await parallel(numbers(over), width, async () => subvolumes.push(await bare.createSubvolume()));
  const pairs = numbers(rules).map((n) => ({ subvolume: subvolumes[n % over] ?? '', authID: `many-${over}-${n}` }));
  const bareElapsed = await elapsedOf(() => parallel(pairs, width, (pair) => bare.authorize(pair)));
  await parallel(pairs, width, (pair) => bare.deauthorize(pair));
  await parallel(subvolumes, width, (subvolume) => bare.removeSubvolume(subvolume));
  printRow({ what: `bare: fs subvolume authorize, ${width} at once`, figure: rateText(rules, bareElapsed) });

  const namespace = await cluster.namespace();
  await shareWithBackend(cluster, namespace, backendName, over, size);
  await quiet(operator);
  const objects = numbers(rules).map((n) => rule(namespace, `rule-${n}`, `share-${n % over}`));
  const from = performance.now();
  await create(cluster, shareAccesses, objects);
  const elapsed = await untilActive(cluster, namespace, rules, from);
  printRow({
    what: 'ShareAccesses created until all are active',
    figure: rateText(rules, elapsed),
    against: `${Math.round((bareElapsed / elapsed) * 100)} % of the bare rate`,
  });
  await printMemory(operator);
  const watched = await Watched.start(cluster, shareAccesses, namespace);
  const deleted = await elapsedOf(async () => {
    await parallel(objects, width, ({ metadata }) => cluster.client.delete(shareAccesses, metadata));
    await watched.untilNone();
  });
  watched.stop();
  printRow({ what: 'all of them deleted until gone', figure: rateText(rules, deleted) });
}

async function printMemory(operator: OperatorProcess): Promise<void> {
  const children = await radosProcesses(operator.pid);
  const sizes = await Promise.all(children.map(({ pid }) => residentBytes(pid)));
  printRow({
    what: 'memory: operator, its process with librados',
    figure: [(await read(operator)).residentBytes, ...sizes].map(mebibytes).join(', '),
  });
}

async function residentBytes(pid: number): Promise<number> {
  const [, kibibytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

function printAgainst(what: string, latency: Latency, bare: Latency): void {
  const ratio = (latency.median / bare.median).toFixed(1);
  printRow({ what, figure: latencyText(latency), against: `${ratio} times the bare command` });
}

function rateText(count: number, elapsed: number): string {
  return `${seconds(elapsed)}, ${(count / (elapsed / 1000)).toFixed(1)}/s`;
}

const sections: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  commands,
  rule: oneRule,
  share: oneShare,
  'one-share': (bench) => manyRules(bench, 200, 1),
  many: (bench) => manyRules(bench, 500, 50),
};

const only = process.argv.slice(2);
const lab = await startCeph();
try {
  const cluster = await TestCluster.start({ auditLog: false });
  try {
    const key = await lab.createUser(operatorCephUser, operatorCapabilities);
    await cluster.apply(cephCredentials('ceph', key), cephBackend(backendName, lab));
    const operator = await cluster.startOperator();
    const bare = new BareCeph(lab, operatorCephUser, key);
    // Makes the group that the bare subvolumes go to.
    await shareWithBackend(cluster, await cluster.namespace(), backendName, 1, size);
    await quiet(operator);
    printHeading('The operator with nothing to do');
    await printMemory(operator);
    const bench = { lab, cluster, operator, bare, cli: await findCephCLI(lab) };
    for (const [name, run] of Object.entries(sections)) {
      if (only.length === 0 || only.includes(name)) await run(bench);
    }
    await bare.close();
  } finally {
    await cluster.stop();
  }
} finally {
  await lab.stop();
}
