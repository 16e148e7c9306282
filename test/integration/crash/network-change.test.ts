import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import { eventually } from '../../faults/eventually.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import { OperatorProcess } from '../operator-process.ts';
import { type RecordedCall, TestCluster } from '../test-cluster.ts';
import { restsWith, ruleDisagreement } from './agreement.ts';
import { chooseSeed, withSeed } from './seeded-random.ts';
import { expectChanged } from './settled.ts';

const kills = 50;
const names = Array.from({ length: 10 }, (_, index) => `s${index}`);

describe('an operator that is killed again and again', () => {
  let cluster: TestCluster;
  let namespace: string;

  const manifest = (service: string) => network(namespace, 'net', [{ type: 'active_directory', name: service }]);

  beforeAll(async () => {
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
    await cluster.apply(
      backend('dummy', { stateDirectory: cluster.stateDirectory }),
      ...['ad-a', 'ad-b'].flatMap((name) => [
        passwordSecret(namespace, `${name}-password`, `secret-${name}`),
        activeDirectory(namespace, name),
      ]),
      manifest('ad-a'),
      ...names.flatMap((name) => [
        share(namespace, name, { shareNetworkName: 'net' }),
        access(namespace, `user-${name}`, name),
      ]),
    );
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
    await eventually(
      'all rules active',
      async () => {
        const { items } = await cluster.client.list(shareAccesses, { namespace });
        return items.length === names.length && items.every(({ status }) => status?.phase === 'active');
      },
      60_000,
    );
    await operator.stop();
    await cluster.apply(backend('dummy', { stateDirectory: cluster.stateDirectory, latency: '60ms' }));
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test(`completes its changes over ten servers, killed at ${kills} random moments`, { timeout: 600_000 }, async () => {
    await withSeed(chooseSeed(), async (random) => {
      // At each kill: how long the call log was, and `<change>/<server UID>` of the servers whose end was recorded.
      const moments: { readonly callsBefore: number; readonly finished: ReadonlySet<string> }[] = [];
      let killed = 0;
      let interrupted = 0;
      for (let round = 1; killed < kills; round += 1) {
        const service = round % 2 === 1 ? 'ad-b' : 'ad-a';
        await cluster.apply(manifest(service));
        const name = { namespace, name: 'net' };
        for (;;) {
          const operator = await OperatorProcess.start(cluster.operatorKubeconfig);
          if (killed >= kills) {
            await cluster.until(shareNetworks, name, 'changed', (stored) => restsWith(stored, service), 60_000);
            await operator.stop();
            break;
          }
          await pause(random() * 1000);
          await operator.kill();
          killed += 1;
          const callsBefore = (await cluster.calls()).length;
          const finished = await finishedServers(cluster, namespace);
          moments.push({ callsBefore, finished });
          const stored = await cluster.client.get(shareNetworks, name);
          if (stored.status?.phase === 'network_change') interrupted += 1;
          if (restsWith(stored, service)) break;
        }
        await expectChanged(cluster, namespace, { network: 'net', service, servers: names.length });
      }
      expect(interrupted, 'kills that met a change half done').toBeGreaterThan(kills / 10);
      const calls = await cluster.calls();
      for (const { callsBefore, finished } of moments) {
        const again = calls.slice(callsBefore).filter((call) => isStartOf(call, finished));
        expect(again, 'a server that had finished was called again').toEqual([]);
      }
      const rules = new Map(names.map((share) => [`user-${share}`, { share, level: 'rw' }]));
      expect(await ruleDisagreement(cluster, namespace, rules)).toBeUndefined();
    });
  });
});

async function finishedServers(cluster: TestCluster, namespace: string): Promise<ReadonlySet<string>> {
  const { items } = await cluster.client.list(shareServers, { namespace });
  return new Set(
    items.flatMap(({ metadata, status }) =>
      status?.lastNetworkChange === undefined ? [] : [`${status.lastNetworkChange.id}/${metadata.uid}`],
    ),
  );
}

function isStartOf(call: RecordedCall, finished: ReadonlySet<string>): boolean {
  if (call.operation !== 'updateShareServerSecurityService' || call.event !== 'start') return false;
  const operation = operationID(call);
  return finished.has(operation.slice(0, operation.lastIndexOf('/')));
}

/** `<change>/<server UID>/<type>` of an update. */
function operationID({ args }: RecordedCall): string {
  const operation: unknown = args?.operation;
  return typeof operation === 'object' && operation !== null && 'id' in operation ? String(operation.id) : '';
}
