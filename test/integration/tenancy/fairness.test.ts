import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareAccess } from '../../../src/api/v1alpha1/share-access.ts';
import type { DummyFault } from '../../../src/drivers/dummy/config.ts';
import { eventually } from '../../faults/eventually.ts';
import { restsWith } from '../crash/agreement.ts';
import { access, activeDirectory, network, passwordSecret, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

/** Far below the time after which a hanging call is given up (60 s), and far more than what is waited for takes. */
const soonMs = 20_000;
/** More than a backend has slots, and more than a controller has workers. */
const many = 16;

describe('one tenant does not stop another', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
  }, 180_000);

  afterAll(async () => {
    // At a stop it would wait for the calls that hang.
    await operator?.kill();
    await cluster?.stop();
  });

  const names = (prefix: string): readonly string[] => Array.from({ length: many }, (_, index) => `${prefix}-${index}`);

  function rule({ namespace }: Tenant, name: string, shareName: string): ShareAccess {
    return access(namespace, name, shareName, { accessTo: `${namespace}-${name}` });
  }

  async function untilActiveSoon(tenant: Tenant, name: string): Promise<void> {
    await tenant.untilRule(name, 'active soon', ({ status }) => status?.phase === 'active', soonMs);
  }

  test('with a thousand rules to be granted', async () => {
    const loud = await Tenant.make(cluster, { stateDirectory: `${cluster.stateDirectory}/loud` });
    const quiet = await loud.neighbour();
    const shareNames = names('share').slice(0, 10);
    await loud.makeShares(shareNames);
    await quiet.makeShares(['share']);
    const queue = Array.from({ length: 1000 }, (_, index) => rule(loud, `rule-${index}`, `share-${index % 10}`));
    const making = Promise.all(
      Array.from({ length: 16 }, async () => {
        for (let one = queue.pop(); one !== undefined; one = queue.pop())
          await cluster.client.create(shareAccesses, one);
      }),
    );
    await eventually('half of them are made', () => queue.length < 500);
    await cluster.client.create(shareAccesses, rule(quiet, 'wanted', 'share'));
    await untilActiveSoon(quiet, 'wanted');
    await quiet.kubectl('delete', 'shareaccess', 'wanted', `--timeout=${soonMs}ms`);
    await making;
  });

  // Calls that end at their timeout, and calls that never do.
  test.each(['', 'ignore-abort'])('whose access rules hang (%s), on this backend and on another', async (message) => {
    const stuck = await Tenant.make(cluster);
    const quiet = await stuck.neighbour();
    await stuck.makeShares(names('share'));
    await quiet.makeShares(['share']);
    await stuck.setFaults({ operation: 'updateAccess', kind: 'hang', message, match: { namespace: stuck.namespace } });
    await cluster.apply(...names('share').map((name) => rule(stuck, `rule-of-${name}`, name)));
    for (const name of names('share')) {
      await stuck.untilRule(`rule-of-${name}`, 'hangs', ({ status }) => status?.phase === 'applying');
    }
    await cluster.apply(rule(quiet, 'wanted', 'share'));
    await untilActiveSoon(quiet, 'wanted');
    await quiet.kubectl('delete', 'shareaccess', 'wanted', `--timeout=${soonMs}ms`);

    const elsewhere = await Tenant.make(cluster);
    await elsewhere.makeShares(['share']);
    await cluster.apply(rule(elsewhere, 'wanted', 'share'));
    await untilActiveSoon(elsewhere, 'wanted');
    expect(await stuck.callsOf('updateAccess')).toHaveLength(7);
  });

  test('whose share servers hang while they are set up, and while they are changed', async () => {
    const stuck = await Tenant.make(cluster, { driverHandlesShareServers: true });
    const quiet = await stuck.neighbour();
    for (const { namespace } of [stuck, quiet]) {
      await cluster.apply(
        ...['ad-a', 'ad-b'].flatMap((name) => [
          passwordSecret(namespace, `${name}-password`, `word-${name}`),
          activeDirectory(namespace, name),
        ]),
        network(namespace, 'net', [{ type: 'active_directory', name: 'ad-a' }]),
        network(namespace, 'new', []),
      );
    }
    await stuck.makeShares(names('old'), { shareNetworkName: 'net' });
    await quiet.makeShares(['share'], { shareNetworkName: 'net' });
    const hang = (operation: string): DummyFault => ({
      operation,
      kind: 'hang',
      message: 'ignore-abort',
      match: { namespace: stuck.namespace },
    });
    await stuck.setFaults(hang('setupServer'), hang('updateShareServerSecurityService'));
    const change = ({ namespace }: Tenant) =>
      cluster.apply(network(namespace, 'net', [{ type: 'active_directory', name: 'ad-b' }]));
    await change(stuck);
    await cluster.apply(
      ...names('new').map((name) =>
        share(stuck.namespace, name, { backendName: stuck.backendName, shareNetworkName: 'new' }),
      ),
    );
    await eventually('they hang', async () => {
      const { items } = await cluster.client.list(shareServers, { namespace: stuck.namespace });
      return items.length === 2 * many && items.every(({ status }) => status?.phase !== 'active');
    });
    await change(quiet);
    await cluster.until(
      shareNetworks,
      { namespace: quiet.namespace, name: 'net' },
      'changed soon',
      (stored) => restsWith(stored, 'ad-b'),
      soonMs,
    );
    await cluster.apply(share(quiet.namespace, 'new', { backendName: quiet.backendName, shareNetworkName: 'new' }));
    await quiet.untilShare('new', 'made soon', ({ status }) => status?.phase === 'available', soonMs);
  });
});
