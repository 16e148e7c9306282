import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { storageBackends } from '../../../../src/api/v1alpha1/resource-types.ts';
import type { OperatorProcess } from '../../../integration/operator-process.ts';
import { messageOf, type Tenant } from '../../../integration/tenant.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

describe('an operator where the libraries of Ceph can’t be loaded', () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let operator: OperatorProcess;
  /** Where the dynamic loader looks first: what is broken there hides what is installed. */
  let libraries: string;

  beforeAll(async () => {
    libraries = await mkdtemp(join(tmpdir(), 'sharenet-libraries-'));
    for (const name of ['librados.so.2', 'libcephfs.so.2']) await writeFile(join(libraries, name), 'no library');
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    await ceph.makeShares(tenant, ['before']);
    await ceph.operator.stop();
    const { LD_LIBRARY_PATH: path } = process.env;
    process.env.LD_LIBRARY_PATH = path === undefined ? libraries : `${libraries}:${path}`;
    try {
      operator = await ceph.cluster.startOperator();
    } finally {
      if (path === undefined) delete process.env.LD_LIBRARY_PATH;
      else process.env.LD_LIBRARY_PATH = path;
    }
  }, 120_000);

  afterAll(async () => {
    await ceph?.stop();
    await rm(libraries, { recursive: true, force: true });
  });

  test('starts, serves other backends, and tells on the backend what to install; rules of it wait', async () => {
    const told = await ceph.untilBackend(ceph.backendName, 'False/LibraryMissing');
    expect(messageOf(told, 'Ready')).toContain('install the package librados2');
    expect(await operator.log()).toContain(join(libraries, 'librados.so.2'));
    await tenant.makeShares(['on-dummy']);
    await tenant.grant('on-dummy', 'on-dummy', { accessTo: 'on-dummy' });
    await tenant.untilActive('on-dummy');
    await tenant.grant('client', 'before');
    const waiting = await tenant.untilRule('client', 'waits and says why', (rule) => messageOf(rule, 'Ready') !== '');
    expect(waiting.status?.phase).not.toBe('error');
    expect(await tenant.keyInSecret('client')).toBeUndefined();
  });

  test('tells the next library that is missing when the first was installed', async () => {
    await rm(join(libraries, 'librados.so.2'));
    await ceph.untilBackend(ceph.backendName, 'False/LibraryMissing');
    await ceph.cluster.until(storageBackends, { name: ceph.backendName }, 'asks for libcephfs2', (backend) =>
      messageOf(backend, 'Ready').includes('install the package libcephfs2'),
    );
  });

  test('serves once they are installed, without a restart', async () => {
    await rm(join(libraries, 'libcephfs.so.2'));
    await ceph.untilBackend(ceph.backendName, 'True/Available');
    await tenant.untilActive('client');
    await (await ceph.mount(tenant, 'client', 'before')).write('/file', 'text');
    expect((await fetch(`${operator.healthURL}/readyz`)).status).toBe(200);
  });
});
