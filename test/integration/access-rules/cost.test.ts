import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses } from '../../../src/api/v1alpha1/resource-types.ts';
import { access, activeDirectory, backend, network, passwordSecret, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';

const writes = ['create', 'update', 'patch', 'delete'];

/** Write requests of an operator so far, without events and the lease, by verb and resource. */
async function writesOf(operator: OperatorProcess): Promise<Readonly<Record<string, number>>> {
  const counted: Record<string, number> = {};
  const pattern = /^rest_client_resource_requests_total\{verb="([^"]+)",resource="([^"]+)"\} (\d+)$/gm;
  for (const [, verb = '', resource = '', count] of (await operator.metrics()).matchAll(pattern)) {
    if (!writes.includes(verb) || resource.startsWith('events') || resource === 'leases') continue;
    counted[`${verb} ${resource}`] = Number(count);
  }
  return counted;
}

function difference(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>): string[] {
  return Object.entries(after).flatMap(([what, count]) =>
    Array.from({ length: count - (before[what] ?? 0) }, () => what),
  );
}

describe('what rules cost the API server', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;
  let tenant: Tenant;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
    tenant = await Tenant.make(cluster);
    await tenant.makeShares(['share']);
    // The first rule of all may cost more.
    await tenant.grant('first', 'share');
    await tenant.untilActive('first');
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('a keyed rule takes three writes and a dry run, its deletion two writes', async () => {
    const before = await writesOf(operator);
    await tenant.grant('alice', 'share');
    await tenant.untilActive('alice');
    await pause(1500);
    const granted = await writesOf(operator);
    expect(difference(before, granted).sort()).toEqual([
      'create secrets',
      // The first one is the dry run.
      'create secrets',
      'patch shareaccesses',
      'update shareaccesses/status',
    ]);
    await tenant.kubectl('delete', 'shareaccess', 'alice');
    await cluster.untilGone(shareAccesses, { namespace: tenant.namespace, name: 'alice' });
    await pause(1500);
    expect(difference(granted, await writesOf(operator)).sort()).toEqual(['delete secrets', 'patch shareaccesses']);
  });

  test('applying the same again, and a restart, write nothing', async () => {
    const { namespace, backendName } = tenant;
    const manifests = [
      backend('served', { stateDirectory: cluster.stateDirectory }),
      passwordSecret(namespace, 'ad-password', 'secret-ad'),
      activeDirectory(namespace, 'ad'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'ad' }]),
      share(namespace, 'plain', { backendName }),
      share(namespace, 'files', { shareNetworkName: 'net', protocol: 'CIFS', backendName: 'served' }),
      access(namespace, 'bob', 'plain'),
      access(namespace, 'carol', 'files', { accessType: 'user', accessTo: 'carol' }),
      access(namespace, 'broken', 'plain', { accessTo: 'admin' }),
      access(namespace, 'homeless', 'nowhere'),
    ];
    await cluster.apply(...manifests);
    await tenant.untilActive('bob');
    await tenant.untilActive('carol');
    await tenant.untilError('broken', 'AccessRejected');
    await tenant.untilRule('homeless', 'told', ({ status }) => status?.observedGeneration === 1);
    await pause(3000);
    const versions = async (): Promise<readonly string[]> => {
      const text = await cluster.kubectl('get', 'sharenet,secrets', '-A', '-o', 'json');
      const { items } = JSON.parse(text) as { items: { kind: string; metadata: Record<string, string> }[] };
      return items.map(({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.resourceVersion}`).sort();
    };
    const settled = await versions();
    expect(settled.length).toBeGreaterThan(12);
    await cluster.apply(...manifests);
    await pause(2000);
    expect(await versions()).toEqual(settled);

    await operator.stop();
    operator = await cluster.startOperator();
    await pause(4000);
    expect(await writesOf(operator)).toEqual({});
    expect(await versions()).toEqual(settled);
  });
});
