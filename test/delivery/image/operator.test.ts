import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { applySamples, sampleNamespace as namespace } from '../../../tools/image/samples.ts';
import { eventually } from '../../faults/eventually.ts';
import type { OperatorProcess } from '../../integration/operator-process.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { freePort } from '../../kube/free-port.ts';
import { DeliveredOperator, delivered, insideOf, isConfined } from './delivered-operator.ts';

describe(delivered, () => {
  let cluster: TestCluster;
  let delivery: DeliveredOperator;
  let operator: OperatorProcess;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    delivery = await DeliveredOperator.for(cluster);
    operator = await delivery.start('--leader-elect', '--webhook-mode=url', `--webhook-port=${await freePort()}`);
  });

  afterAll(async () => {
    await operator?.stop();
    await delivery?.remove();
    await cluster?.stop();
  });

  test('makes the samples ready, with the key of a rule in its Secret', async () => {
    await applySamples((...args) => cluster.kubectl(...args));
    const { status } = await cluster.client.get(shareAccesses, { namespace, name: 'scratch-batch' });
    const secret = await cluster.client.get(secrets, { namespace, name: status?.accessKeySecretRef?.name ?? '' });
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['accessKey', 'userID', 'userKey']);
  });

  test('changes the security service of a network in use', async () => {
    const name = { namespace, name: 'net-1' };
    const references = [{ type: 'active_directory', name: 'ad-b' }];
    await cluster.client.mergePatch(shareNetworks, name, { spec: { securityServices: references } });
    const changed = await cluster.until(
      shareNetworks,
      name,
      'changed',
      ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
    );
    expect(changed.status?.securityServices?.map((service) => service.name)).toEqual(['ad-b']);
  });

  test('refuses by its webhook to take the service from a network in use', async () => {
    // With a certificate of its own making, for which it loads what is not loaded without a webhook.
    const patch = JSON.stringify({ spec: { securityServices: [] } });
    const args = ['patch', 'sharenetwork', 'net-1', '-n', namespace, '--type=merge', '--dry-run=server', '-p', patch];
    const refusal = await eventually('refused', async () =>
      cluster.kubectl(...args).then(
        () => undefined,
        (error: Error) => error.message,
      ),
    );
    expect(refusal).toMatch(/admission webhook .* denied the request.*ad-b/);
  });

  test.runIf(isConfined)('runs as 65532 without privileges on a root that it can not write', async () => {
    const { status, rootMount } = await insideOf(operator);
    const groups = status('Groups')?.split(' ') ?? [];
    expect({
      uid: status('Uid'),
      gid: status('Gid'),
      groups: groups.filter((group) => group !== '' && group !== '65532'),
    }).toEqual({
      uid: '65532\t65532\t65532\t65532',
      gid: '65532\t65532\t65532\t65532',
      groups: [],
    });
    expect({ bounding: status('CapBnd'), effective: status('CapEff'), gains: status('NoNewPrivs') }).toEqual({
      bounding: '0000000000000000',
      effective: '0000000000000000',
      gains: '1',
    });
    expect(rootMount).toBe('ro');
  });

  test('stops in order on a signal and has logged no error', async () => {
    expect(await operator.stop()).toBe(0);
    const lines = (await operator.log()).split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});
