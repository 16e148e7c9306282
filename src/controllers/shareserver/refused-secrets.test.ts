import { expect, test } from 'vitest';
import { createOperatorRig, reconcileContext, showTenantAndBackend } from '../../../test/faults/operator-rig.ts';
import { findCondition } from '../../api/v1alpha1/conditions.ts';
import { finalizer } from '../../api/v1alpha1/labels.ts';
import type { ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { createDriverRig } from '../../drivers/dummy/driver-rig.ts';
import { RefusedWrite } from '../../runtime/api-error.ts';
import type { Reconcile } from '../../runtime/controller.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { applyChange } from '../network-change/apply.ts';
import { shareServerReconciler } from './reconciler.ts';

const tenant = { namespace: 'team-a', namespaceUID: 'uid-team-a' };
const key = { namespace: 'team-a', name: 'net-1' };

test('a driver whose secrets about a server the API server refuses to keep is asked once, and again when it no longer does', async () => {
  await using rig = await createOperatorRig();
  const storage = await createDriverRig();
  const { operator, server, clock } = rig;
  const { shareServers, shareNetworks } = operator.informers;
  const dummy = storage.open();
  let calls = 0;
  await operator.instances.replace(
    'b',
    {
      ...dummy,
      getCapabilities: (context) => dummy.getCapabilities(context),
      close: () => dummy.close(),
      setupServer: async () => {
        calls += 1;
        return { identifier: 'sn-1', backendDetails: {}, backendSecrets: { token: 'driver-token' } };
      },
    },
    0,
  );
  showTenantAndBackend(operator, tenant);
  const observe = <T extends KubeObject>(
    informer: { readonly cache: { observe(object: T): void } },
    plural: string,
    object: T,
  ) => informer.cache.observe(server.put(`/apis/sharenet.io/v1alpha1/${plural}`, object) as unknown as T);
  const subnet = { name: 'default', networkType: 'flat', cidr: '10.20.0.0/16', gateway: '10.20.0.1' } as const;
  const network: ShareNetwork = {
    metadata: { namespace: 'team-a', name: 'net', generation: 1 },
    spec: { subnets: [subnet] },
    status: { phase: 'active', securityServices: [] },
  };
  observe(shareNetworks, 'sharenetworks', network);
  const made: ShareServer = {
    metadata: { ...key, generation: 1, finalizers: [finalizer] },
    spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
  };
  observe(shareServers, 'shareservers', made);
  let isRefused = true;
  server.fault = ({ method, path }) =>
    isRefused && method === 'POST' && path.endsWith('/secrets')
      ? { status: 403, body: JSON.stringify({ reason: 'Forbidden', message: 'no driver-token here' }) }
      : undefined;

  let reconcile: Reconcile | undefined;
  shareServerReconciler(operator, applyChange).register(
    {
      controller: (options) => {
        reconcile = options.reconcile;
        return { name: options.name, enqueue: () => undefined, watch: () => undefined };
      },
    },
    1,
  );
  const run = async () => await reconcile?.(reconcileContext(key));
  const present = () => shareServers.cache.get(key)?.status;

  await expect(run()).rejects.toBeInstanceOf(RefusedWrite);
  expect(findCondition(present()?.conditions, 'Ready')).toMatchObject({ status: 'False', reason: 'WriteRefused' });
  expect(findCondition(present()?.conditions, 'Ready')?.message).toContain('no [redacted] here');
  for (const _again of [1, 2, 3]) {
    await clock.advance(60_000);
    await expect(run()).rejects.toBeInstanceOf(RefusedWrite);
  }
  expect(calls).toBe(1);
  isRefused = false;
  await run();
  await run();
  expect(calls).toBe(2);
  expect(present()).toMatchObject({ phase: 'active', identifier: 'sn-1' });
  expect(JSON.stringify(present())).not.toContain('WriteRefused');
  await storage.cleanup();
});
