import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { operatorCapabilities } from '../../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { eventually } from '../../../faults/eventually.ts';
import { messageOf, type Tenant } from '../../../integration/tenant.ts';
import { radosProcesses } from '../rados-processes.ts';
import { cephBackend, cephCredentials, operatorCephUser } from './ceph-backend.ts';
import { keySearch } from './key-search.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

describe('the credentials of the backend', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    await ceph.makeShares(tenant, ['share']);
    await tenant.grant('client', 'share');
    await tenant.untilActive('client');
  }, 120_000);

  afterEach(() => ceph?.endClients());

  afterAll(async () => {
    await ceph?.stop();
  });

  /** Makes a user of Ceph again. @returns its new key; the old one is worth nothing from now on */
  async function rotate(user: string): Promise<string> {
    await ceph.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${user}` });
    return await ceph.lab.createUser(user, operatorCapabilities);
  }

  /** Ends the operator's logins to Ceph, as when monitors or network were gone: it has to log in again. */
  async function endLogins(): Promise<void> {
    for (const { pid } of await radosProcesses(ceph.operator.pid)) process.kill(pid, 'SIGKILL');
  }

  async function requestProbe(token: string): Promise<void> {
    const annotation = `sharenet.io/reconcile-requested-at=${token}`;
    await ceph.cluster.kubectl('annotate', '--overwrite', 'storagebackend', ceph.backendName, annotation);
  }

  async function grantAnother(name: string): Promise<void> {
    await tenant.grant(name, 'share');
    await tenant.untilActive(name);
    await (await ceph.mount(tenant, name, 'share')).write(`/${name}`, 'text');
  }

  test('a rotated key is taken from the replaced Secret without a restart; clients and their keys are not touched', async () => {
    const { pid } = ceph.operator;
    const client = await ceph.mount(tenant, 'client', 'share');
    const oldKey = (await ceph.cephUser(operatorCephUser))?.key ?? '';
    const newKey = await rotate(operatorCephUser);
    expect(newKey).not.toBe(oldKey);
    await ceph.cluster.apply(cephCredentials('ceph', newKey));
    await grantAnother('after-rotation');
    // What is in use is the new key: it opens the cluster where the old one could not.
    await endLogins();
    await grantAnother('after-login');
    await ceph.untilBackend(ceph.backendName, 'True/Available');
    expect(ceph.operator.pid).toBe(pid);
    expect(await radosProcesses(pid)).toHaveLength(1);
    await client.write('/file', 'text');
    const placesOf = await keySearch(ceph);
    expect(placesOf(oldKey)).toEqual([]);
    expect(placesOf(newKey)).toEqual(['Secret sharenet-system/ceph']);
  });

  test('a key that was rotated in Ceph first: the backend says so, what is mounted goes on, the replaced Secret ends it', async () => {
    const client = await ceph.mount(tenant, 'client', 'share');
    const newKey = await rotate(operatorCephUser);
    await endLogins();
    await requestProbe('rotated');
    const refused = await ceph.untilBackend(ceph.backendName, 'False/CephLoginFailed');
    expect(messageOf(refused, 'Ready')).toContain('userKey in the Secret that spec.cephfs.credentialsSecretName names');
    await ceph.untilBackend(tenant.backendName, 'True/Available');
    await tenant.grant('waiting', 'share');
    const waiting = await tenant.untilRule('waiting', 'waits and says why', (rule) => messageOf(rule, 'Ready') !== '');
    expect(waiting.status?.phase).not.toBe('active');
    await client.write('/file', 'text');
    expect(await tenant.keyInSecret('client')).toBe((await ceph.cephUser('client'))?.key);

    await ceph.cluster.apply(cephCredentials('ceph', newKey));
    await ceph.untilBackend(ceph.backendName, 'True/Available');
    await tenant.untilActive('waiting');
    await (await ceph.mount(tenant, 'waiting', 'share')).write('/waiting', 'text');
  });

  test('another user in another Secret takes over what the first one made', async () => {
    const key = await ceph.lab.createUser('sharenet-2', operatorCapabilities);
    const before = await ceph.cephUser('client');
    await ceph.cluster.apply(
      cephCredentials('ceph-2', `${key}\n`),
      cephBackend(ceph.backendName, ceph.lab, { user: 'sharenet-2', credentialsSecretName: 'ceph-2' }),
    );
    await ceph.untilBackend(ceph.backendName, 'True/Available');
    await ceph.lab.succeed('mon', { prefix: 'auth rm', entity: `client.${operatorCephUser}` });
    await grantAnother('by-the-second');
    expect(await ceph.cephUser('client')).toEqual(before);
    // Each is the operator's own to the other: neither gets out by a rule.
    await tenant.grant('greedy', 'share', { accessTo: 'sharenet-2' });
    await tenant.untilError('greedy', 'AccessRejected');
    await tenant.kubectl('delete', 'shareaccess', 'client', '--timeout=30s');
    expect(await ceph.cephUser('client')).toBeUndefined();
    await eventually('its Secret is gone', async () => (await tenant.secret('client-access-key')) === undefined);
  });
});
