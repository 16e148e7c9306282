import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../../kube/free-port.ts';
import type { AuditEvent } from '../audit-log.ts';
import { TestCluster } from '../test-cluster.ts';
import { allowedBy, operatorRequests, type ShippedRights, shippedRights, unused } from './permissions.ts';
import { liveThrough, makeBackend, removeBackend } from './whole-life.ts';

describe("the operator's rights in config/rbac", () => {
  let cluster: TestCluster;
  let rights: ShippedRights;
  let requests: readonly AuditEvent[];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    rights = await shippedRights(cluster, 'rbac');
    const namespace = await cluster.namespace();
    const webhook = ['--webhook-mode=url', `--webhook-port=${await freePort()}`];
    const operator = await cluster.startOperator('--leader-elect', ...webhook);
    await makeBackend(cluster, 'dummy');
    await liveThrough(cluster, namespace);
    await removeBackend(cluster, 'dummy');
    await operator.stop();
    const last = await cluster.startOperator('--webhook-mode=off');
    // Watches are in the audit log when they have ended.
    await last.stop();
    requests = await operatorRequests(cluster);
  }, 240_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  test('allow all that it asks for in the life of a network, and nothing else does', async () => {
    expect(requests.length).toBeGreaterThan(100);
    expect(await cluster.refusals()).toEqual([]);
    // Everybody who is authenticated may ask who he is.
    const known = [...rights.bindings, 'ClusterRoleBinding "system:basic-user"'];
    for (const binding of allowedBy(requests)) expect(known).toContain(binding);
  });

  test('are all needed for that, but for a few', () => {
    expect(unused(rights, requests)).toEqual([
      // The API server asks for it besides patch where server-side apply makes an object.
      'create validatingwebhookconfigurations/sharenet-validating-webhook',
      // Asked for by the admission plug-in OwnerReferencesPermissionEnforcement inside of the API server, which has it here: the
      // operator could not make a share server otherwise.
      'update sharenetworks/finalizers',
    ]);
  });
});
