import { describe, expect, it, onTestFinished } from 'vitest';
import { createOperatorRig, reconcileContext } from '../../../test/faults/operator-rig.ts';
import * as labels from '../../api/v1alpha1/labels.ts';
import type { SecurityService, SecurityServiceSpec } from '../../api/v1alpha1/security-service.ts';
import { presentCredentials } from '../credentials/credentials.ts';
import { securityServiceReconciler } from './reconciler.ts';

const key = { namespace: 'team-a', name: 'ldap-a' };
const path = '/apis/sharenet.io/v1alpha1/namespaces/team-a/securityservices/ldap-a';
const spec: SecurityServiceSpec = {
  type: 'ldap',
  servers: ['ldap.example'],
  user: 'cn=reader',
  passwordSecretRef: { name: 'pw' },
};

/** An operator with one SecurityService, which a share network on one share server records when `isUsed`. */
async function rigWith(parts: { readonly metadata?: object; readonly spec?: object; readonly isUsed?: boolean } = {}) {
  const rig = await createOperatorRig();
  onTestFinished(() => rig[Symbol.asyncDispose]());
  const { informers } = rig.operator;
  rig.store(informers.credentials, {
    metadata: { namespace: key.namespace, name: 'pw', labels: { [labels.credentialsLabel]: 'true' } },
    data: { password: Buffer.from('secret').toString('base64') },
  });
  const service: SecurityService = rig.store(informers.securityServices, {
    metadata: { ...key, generation: 1, finalizers: [labels.finalizer], ...parts.metadata },
    spec: { ...spec, ...parts.spec },
  });
  const uid = service.metadata.uid ?? '';
  if (parts.isUsed === true) {
    rig.store(informers.shareNetworks, {
      metadata: { namespace: key.namespace, name: 'net' },
      spec: { securityServices: [{ type: 'ldap', name: key.name }] },
      status: { securityServices: [{ type: 'ldap', name: key.name, uid, generation: 1 }] },
    });
    rig.store(informers.shareServers, {
      metadata: { namespace: key.namespace, name: 'net-1' },
      spec: { backendName: 'b', shareNetworkName: 'net', subnetName: 'default' },
      status: { phase: 'active', securityServices: [{ ...spec, name: key.name, uid, generation: 1 }] },
    });
  }
  const reconciler = securityServiceReconciler(rig.operator);
  const stored = () => informers.securityServices.cache.get(key);
  return {
    ...rig,
    uid,
    service,
    stored,
    run: () => reconciler.reconcile(reconcileContext(key)),
    conditions: () => stored()?.status?.conditions?.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
  };
}

describe('a SecurityService', () => {
  it.each([
    [{}, ['Ready=True Complete']],
    [
      { spec: { user: undefined } },
      ['Ready=False SecurityServiceIncomplete', 'Stalled=True SecurityServiceIncomplete'],
    ],
    [{ spec: { ou: 'no=name,' } }, ['Ready=False InvalidDistinguishedName', 'Stalled=True InvalidDistinguishedName']],
    [
      { spec: { passwordSecretRef: { name: 'none' } } },
      ['Ready=False CredentialsNotFound', 'Reconciling=True CredentialsNotFound'],
    ],
    [
      { isUsed: true, spec: { servers: ['other.example'] } },
      ['Ready=False SecurityServiceInUse', 'Stalled=True SecurityServiceInUse'],
    ],
    [{ metadata: { annotations: { [labels.paused]: 'true' } } }, ['Ready=False Paused', 'Reconciling=True Paused']],
  ])('says whether it is complete (%#)', async (parts, expected) => {
    const { run, conditions, requests } = await rigWith(parts);
    await run();
    expect(conditions()).toEqual(expected);
    expect(requests()).toEqual([`PUT ${path}/status`]);
  });

  it('shows its use', async () => {
    const { run, stored } = await rigWith({ isUsed: true });
    await run();
    expect(stored()?.status).toMatchObject({ inUse: true, shareNetworks: 1 });
  });

  it('counts as unused only by what the API server has', async () => {
    const { run, operator, store, service, requests } = await rigWith();
    store(operator.informers.securityServices, { ...service, status: { inUse: true } });
    await run();
    expect(requests().slice(0, 2)).toEqual([
      'GET /apis/sharenet.io/v1alpha1/namespaces/team-a/sharenetworks',
      'GET /apis/sharenet.io/v1alpha1/namespaces/team-a/shareservers',
    ]);
  });

  it('has refused credentials tried again on request, before it counts as handled', async () => {
    const { run, operator, stored, service, conditions, requests } = await rigWith({
      metadata: { annotations: { [labels.reconcileRequestedAt]: 't1' } },
    });
    const credentials = presentCredentials(operator, service) ?? '';
    operator.refusals.add(service, credentials, { reason: 'InvalidCredentials', message: 'refused' });
    expect(await run()).toEqual({ requeueAfterMs: 1 });
    expect(requests()).toEqual([]);
    await run();
    expect(stored()?.status?.lastHandledReconcileAt).toBe('t1');
    expect(conditions()).toEqual(['Ready=True Complete']);
  });

  it('keeps a refusal in mind until it is stored', async () => {
    const { run, operator, stored, service, conditions } = await rigWith();
    const credentials = presentCredentials(operator, service) ?? '';
    operator.refusals.add(service, credentials, { reason: 'InvalidCredentials', message: 'refused' });
    await run();
    expect(stored()?.status?.refusal).toMatchObject({ credentials, reason: 'InvalidCredentials' });
    expect(conditions()).toEqual(['Ready=False CredentialsRefused', 'Stalled=True CredentialsRefused']);
  });
});

describe('the deletion of a SecurityService', () => {
  const metadata = { deletionTimestamp: '2026-01-01T00:00:00Z' };

  it('waits for the networks and servers that use it', async () => {
    const { run, stored } = await rigWith({ metadata, isUsed: true });
    await run();
    expect(stored()?.metadata.finalizers).toEqual([labels.finalizer]);
    expect(stored()?.status?.conditions).toMatchObject([
      { type: 'DeletionBlocked', reason: 'SecurityServiceInUse', message: expect.stringContaining('net') },
    ]);
  });

  it('removes the finalizer when the API server has no user either', async () => {
    const { run, requests } = await rigWith({ metadata });
    await run();
    expect(requests()).toEqual([
      'GET /apis/sharenet.io/v1alpha1/namespaces/team-a/sharenetworks',
      'GET /apis/sharenet.io/v1alpha1/namespaces/team-a/shareservers',
      `PATCH ${path}`,
    ]);
  });
});
