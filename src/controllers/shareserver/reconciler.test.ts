import { expect, test } from 'vitest';
import { createOperatorRig } from '../../../test/faults/operator-rig.ts';
import type { Controller } from '../../runtime/controller.ts';
import { applyChange } from '../network-change/apply.ts';
import { shareServerReconciler } from './reconciler.ts';

test('servers are reconciled when their network or backend is gone, also by force', async () => {
  await using rig = await createOperatorRig();
  const { shareServers, shareNetworks, storageBackends } = rig.operator.informers;
  const told: string[] = [];
  const controller: Controller = {
    name: 'shareserver',
    enqueue: ({ name }) => void told.push(name),
    watch(informer, map) {
      informer.onEvent((event) => {
        const names = map?.(event) ?? [];
        for (const name of 'name' in names ? [names] : names) this.enqueue(name);
      });
    },
  };
  shareServerReconciler(rig.operator, applyChange).register({ controller: () => controller }, 1);
  shareServers.cache.observe({
    metadata: { namespace: 'team-a', name: 'net-1', uid: 'uid-net-1', resourceVersion: '1' },
    spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
  });
  const network = { namespace: 'team-a', name: 'net', uid: 'uid-net' };
  const backend = { name: 'b', uid: 'uid-b' };
  shareNetworks.cache.observe({ metadata: { ...network, resourceVersion: '2' }, spec: {} });
  storageBackends.cache.observe({ metadata: { ...backend, resourceVersion: '3' }, spec: { driver: 'dummy' } });

  // The answer to the write that took the last finalizer off.
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  const heard = (what: () => void): readonly string[] => {
    told.length = 0;
    what();
    return [...told];
  };
  const withoutNetwork = { metadata: { ...network, resourceVersion: '4', deletionTimestamp }, spec: {} };
  expect(heard(() => shareNetworks.cache.observe(withoutNetwork))).toEqual(['net-1']);
  const gone = {
    metadata: { ...backend, resourceVersion: '5', deletionTimestamp },
    spec: { driver: 'dummy' },
  } as const;
  expect(heard(() => storageBackends.cache.observe(gone))).toEqual(['net-1']);
});
