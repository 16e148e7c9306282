import { Registry } from 'prom-client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AdmissionRig, activeServer, namespace } from '../../../test/faults/admission-rig.ts';
import type { Condition } from '../../api/v1alpha1/conditions.ts';
import type { NetworkChangeRecord, ShareNetworkStatus } from '../../api/v1alpha1/share-network.ts';
import { registerObjectGauges } from './object-gauges.ts';
import { maxSeriesOfKind } from './unhealthy-objects.ts';

const now = Date.parse('2026-01-01T12:00:00Z');
const lastTransitionTime = '2026-01-01T11:00:00Z';

const change: NetworkChangeRecord = {
  id: 'c',
  stage: 'applying',
  startedTime: '2026-01-01T11:30:00Z',
  scope: 'all',
  changes: [],
  requestedBy: 'spec',
};

let rig: AdmissionRig;
let registry: Registry;
let leads: boolean;

beforeEach(async () => {
  rig = await AdmissionRig.make();
  registry = new Registry();
  leads = true;
  registerObjectGauges(
    registry,
    rig.state.informers,
    () => leads,
    () => now,
  );
});

afterEach(async () => {
  await rig[Symbol.asyncDispose]();
});

/** The series of a metric, each with its value. */
async function series(metric: string): Promise<readonly string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(`${metric}{`));
}

function showShare(name: string, isReady: boolean): void {
  const ready: Condition = {
    type: 'Ready',
    status: isReady ? 'True' : 'False',
    reason: isReady ? 'Available' : 'BackendUnavailable',
    message: '',
    lastTransitionTime,
  };
  rig.show('shares', {
    metadata: { name, namespace },
    spec: { protocol: 'NFS', size: '1Gi' },
    status: { phase: isReady ? 'available' : 'error', conditions: [ready] },
  });
}

function showNetwork(networkChange?: NetworkChangeRecord): void {
  const status: ShareNetworkStatus = networkChange === undefined ? {} : { networkChange };
  rig.show('shareNetworks', { metadata: { name: 'net', namespace }, spec: {}, status: { phase: 'active', ...status } });
}

describe('the series of an object', () => {
  const labels = `namespace="${namespace}",name="home",phase="error",condition="Ready",reason="BackendUnavailable"`;
  const unhealthy = `sharenet_unhealthy_since_timestamp_seconds{kind="Share",${labels}} ${now / 1000 - 3600}`;

  test('are there while something is wrong with it, and gone when it is well', async () => {
    showShare('home', false);
    expect(await series('sharenet_unhealthy_since_timestamp_seconds')).toEqual([unhealthy]);
    expect(await series('sharenet_unhealthy_objects')).toHaveLength(1);
    expect(await series('sharenet_objects')).toEqual(['sharenet_objects{kind="Share",phase="error"} 1']);

    showShare('home', true);
    expect(await series('sharenet_unhealthy_since_timestamp_seconds')).toEqual([]);
    expect(await series('sharenet_unhealthy_objects')).toEqual([]);
    expect(await series('sharenet_objects')).toEqual(['sharenet_objects{kind="Share",phase="available"} 1']);
  });

  test('of a change are gone when it has ended', async () => {
    showNetwork(change);
    rig.show('shareServers', activeServer('s-1'));
    expect(await series('sharenet_network_change_started_timestamp_seconds')).toHaveLength(1);
    expect(await series('sharenet_network_change_servers_left')).toHaveLength(1);
    showNetwork();
    expect(await series('sharenet_network_change_started_timestamp_seconds')).toEqual([]);
    expect(await series('sharenet_network_change_servers_left')).toEqual([]);
  });

  test('are of the oldest only where very many are unhealthy; all are counted', async () => {
    for (let number = 0; number <= maxSeriesOfKind; number += 1) showShare(`share-${number}`, false);
    expect(await series('sharenet_unhealthy_since_timestamp_seconds')).toHaveLength(maxSeriesOfKind);
    const [counted] = await series('sharenet_unhealthy_objects');
    expect(counted).toMatch(new RegExp(` ${maxSeriesOfKind + 1}$`));
  });
});

test('a replica that is not the leader reports no objects, also when it was the leader before', async () => {
  const told = async () => (await registry.metrics()).split('\n').filter((line) => !/^(#|$)/.test(line));
  showShare('home', false);
  rig.show('storageBackends', {
    metadata: { name: 'sto' },
    spec: { driver: 'dummy', dummy: {} },
    status: { capacity: { total: '10Gi', available: '5Gi' } },
  });
  showNetwork(change);
  expect(await told()).toEqual(
    expect.arrayContaining([
      expect.stringContaining('sharenet_backend_available_bytes{backend="sto"}'),
      expect.stringContaining('sharenet_unhealthy_since_timestamp_seconds{kind="Share"'),
    ]),
  );
  leads = false;
  expect(await told()).toEqual([]);
});
