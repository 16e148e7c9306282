import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import project from '../../../package.json' with { type: 'json' };
import { AdmissionRig, activeServer, namespace } from '../../../test/faults/admission-rig.ts';
import { ManualClock } from '../../../test/faults/manual-clock.ts';
import { OperatorMetrics } from './operator-metrics.ts';

const day = 24 * 3600_000;
const well = { exists: true, healthy: true } as const;

let rig: AdmissionRig;
let clock: ManualClock;
let registry: Registry;
let metrics: OperatorMetrics;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  clock = new ManualClock();
  registry = new Registry();
  metrics = new OperatorMetrics(registry, clock);
  metrics.follow(registry, rig.state.informers);
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

/** The labels of a metric's series, each with its value. */
async function series(metric: string): Promise<readonly string[]> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith(`${metric}{`));
  return lines.map((line) => line.slice(metric.length));
}

test('the version of the operator is reported', async () => {
  expect(await series('sharenet_build_info')).toEqual([`{version="${project.version}"} 1`]);
});

describe('what the storage system reports about a share server', () => {
  const server = activeServer('s-1');
  const labels = `namespace="${namespace}",name="s-1"`;

  test('is shown while it is not well, with the last reason only', async () => {
    metrics.examined(server, { exists: true, healthy: false, code: 'DomainTrustLost' });
    expect(await series('sharenet_share_server_unhealthy')).toEqual([`{${labels},reason="DomainTrustLost"} 1`]);
    metrics.examined(server, { exists: false, healthy: false });
    expect(await series('sharenet_share_server_unhealthy')).toEqual([`{${labels},reason="ShareServerLost"} 1`]);
    metrics.examined(server, well);
    expect(await series('sharenet_share_server_unhealthy')).toEqual([]);
  });

  test('is not told any more of a server that is in error, or gone', async () => {
    const lost = { exists: true, healthy: false, code: 'DomainTrustLost' };
    metrics.examined(server, lost);
    rig.show('shareServers', activeServer('s-1', { phase: 'error' }));
    expect(await series('sharenet_share_server_unhealthy')).toEqual([]);
    metrics.examined(server, lost);
    const gone = activeServer('s-1');
    rig.show('shareServers', gone);
    expect(await series('sharenet_share_server_unhealthy')).toHaveLength(1);
    rig.show('shareServers', {
      ...gone,
      metadata: { ...gone.metadata, deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: [] },
    });
    expect(await series('sharenet_share_server_unhealthy')).toEqual([]);
  });

  test('is when its credentials expire, from thirty days before on until they are renewed', async () => {
    const expiring = (days: number) => ({
      ...well,
      credentialsExpireTime: new Date(clock.now() + days * day).toISOString(),
    });
    const metric = 'sharenet_share_server_credentials_expiry_timestamp_seconds';
    metrics.examined(server, expiring(31));
    expect(await series(metric)).toEqual([]);
    metrics.examined(server, expiring(29));
    expect(await series(metric)).toEqual([`{${labels}} ${(clock.now() + 29 * day) / 1000}`]);
    metrics.examined(server, expiring(60));
    expect(await series(metric)).toEqual([]);
  });
});
