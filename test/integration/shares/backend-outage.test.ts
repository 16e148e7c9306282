import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { apiVersion, shareAccesses, shares, storageBackends } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { conditionOf } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { driverName } from './outage-driver.ts';

const objects = 50;
const name = 'array';

let cluster: TestCluster;
let operator: OperatorProcess;
let directory: string;
let namespace: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sharenet-outage-'));
  cluster = await TestCluster.start();
  operator = await cluster.startOperator(`--driver-files=${join(import.meta.dirname, 'outage-driver.ts')}`);
  namespace = await cluster.namespace();
  await cluster.apply(
    { apiVersion, kind: 'StorageBackend', metadata: { name }, spec: { driver: driverName, parameters: { directory } } },
    share(namespace, 'grown', { backendName: name }),
    share(namespace, 'gone', { backendName: name }),
    access(namespace, 'alice', 'grown'),
    access(namespace, 'bob', 'gone'),
  );
  for (const rule of ['alice', 'bob']) {
    await cluster.until(shareAccesses, { namespace, name: rule }, 'active', ({ status }) => status?.phase === 'active');
  }
}, 120_000);

afterAll(async () => {
  await cluster?.stop();
  await rm(directory, { recursive: true, force: true });
});

const callsOf = async () => (await readFile(join(directory, 'calls'), 'utf8')).trimEnd().split('\n');
const madeDown = async () => (await callsOf()).filter((line) => line.endsWith(' down'));
const backendUntil = (what: string, ready: string) =>
  cluster.until(storageBackends, { name }, what, (object) => conditionOf(object, 'Ready') === ready, 40_000);

test('a failing call has the backend probed; while that fails nothing is called, and all goes on when it answers', async () => {
  await writeFile(join(directory, 'outage'), '');
  // One call finds it out, long before the next probe is due.
  await cluster.kubectl('-n', namespace, 'delete', 'sha', 'alice', '--wait=false');
  const down = await backendUntil('suspended', 'False/ArrayUnreachable');
  expect(conditionOf(down, 'CallsSuspended')).toBe('True/CallsSuspended');
  expect(await operator.metrics()).toContain(`sharenet_backend_calls_suspended{backend="${name}"} 1`);

  await cluster.kubectl('-n', namespace, 'patch', 'shr', 'grown', '--type=merge', '-p', '{"spec":{"size":"2Gi"}}');
  await cluster.kubectl('-n', namespace, 'delete', 'sha', 'bob', '--wait=false');
  await cluster.kubectl('-n', namespace, 'delete', 'shr', 'gone', '--wait=false');
  await cluster.apply(
    ...Array.from({ length: objects }, (_, index) =>
      access(namespace, `r-${index}`, 'grown', { accessTo: `u-${index}` }),
    ),
  );
  const waits = (object: object) => JSON.stringify(object).includes('"reason":"BackendUnavailable"');
  await cluster.until(shares, { namespace, name: 'grown' }, 'waits', waits);
  await cluster.until(shares, { namespace, name: 'gone' }, 'waits', (object) =>
    conditionOf(object, 'DeletionBlocked').startsWith('True'),
  );
  for (const rule of ['alice', 'bob', 'r-0', `r-${objects - 1}`]) {
    await cluster.until(shareAccesses, { namespace, name: rule }, 'waits', waits);
  }
  const others = async () => (await madeDown()).filter((line) => !line.startsWith('getCapabilities'));
  const before = { all: (await madeDown()).length, others: await others() };
  // Those that found it out before the probe had failed.
  expect(before.others.length).toBeLessThan(10);
  // Three further probes, with whatever else would be called meanwhile.
  await eventually('probes', async () => ((await madeDown()).length >= before.all + 3 ? true : undefined), 60_000);
  expect(await others()).toEqual(before.others);

  // A restart knows it from what is stored.
  await operator.stop();
  operator = await cluster.startOperator(`--driver-files=${join(import.meta.dirname, 'outage-driver.ts')}`);
  const count = (await callsOf()).length;
  await rm(join(directory, 'outage'));
  await cluster.kubectl('annotate', 'sbe', name, 'sharenet.io/reconcile-requested-at=now', '--overwrite');
  await backendUntil('back', 'True/Available');
  await cluster.untilGone(shareAccesses, { namespace, name: 'alice' });
  await cluster.untilGone(shares, { namespace, name: 'gone' });
  await cluster.until(shares, { namespace, name: 'grown' }, 'grown', ({ status }) => status?.size === '2Gi');
  for (const rule of ['r-0', `r-${objects - 1}`]) {
    await cluster.until(shareAccesses, { namespace, name: rule }, 'active', ({ status }) => status?.phase === 'active');
  }
  const after = (await callsOf()).slice(count).filter((line) => !line.startsWith('getCapabilities'));
  // What takes access away came before what grants, and the rules of a share in few calls.
  expect(after.length).toBeLessThan(15);
  expect(conditionOf(await backendUntil('still there', 'True/Available'), 'CallsSuspended')).toBe('absent');
});

test('a call that fails while the backend answers its probe suspends nothing', async () => {
  const tenant = await cluster.namespace();
  const faults = [{ operation: 'createShare', match: { share: 'far' }, kind: 'unavailable' }] as const;
  await cluster.apply(
    {
      apiVersion,
      kind: 'StorageBackend',
      metadata: { name: 'shared' },
      spec: {
        driver: 'dummy',
        dummy: { driverHandlesShareServers: false, stateDirectory: cluster.stateDirectory, faults },
      },
    },
    share(tenant, 'far', { backendName: 'shared' }),
  );
  await eventually('several attempts', async () => {
    const calls = (await cluster.calls()).filter((call) => call.backend === 'shared' && call.event === 'start');
    return calls.filter(({ operation }) => operation === 'createShare').length >= 4 ? calls : undefined;
  });
  await cluster.apply(share(tenant, 'near', { backendName: 'shared' }));
  await cluster.until(
    shares,
    { namespace: tenant, name: 'near' },
    'made',
    ({ status }) => status?.phase === 'available',
  );
  const { items } = await cluster.client.list(storageBackends);
  expect(items.map((object) => conditionOf(object, 'CallsSuspended'))).toEqual(items.map(() => 'absent'));
});
