import { existsSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  DeliveredOperator,
  delivered,
  insideOf,
  isConfined,
  radosProcessOf,
} from '../../../delivery/image/delivered-operator.ts';
import { eventually } from '../../../faults/eventually.ts';
import type { OperatorProcess } from '../../../integration/operator-process.ts';
import type { Tenant } from '../../../integration/tenant.ts';
import { keptOut, refusalOf } from '../rig.ts';
import { cutBoundMs, timesToCutOff } from './cut-off.ts';
import { OperatorOnCeph } from './operator-on-ceph.ts';

describe(`${delivered}, with a backend on Ceph`, () => {
  let ceph: OperatorOnCeph;
  let tenant: Tenant;
  let delivery: DeliveredOperator;
  let operator: OperatorProcess;

  beforeAll(async () => {
    ceph = await OperatorOnCeph.start();
    tenant = await ceph.tenant();
    // The one from source has made all ready. From here on there is only the other.
    await ceph.operator.stop();
    delivery = await DeliveredOperator.for(ceph.cluster);
    operator = await delivery.start();
  }, 180_000);

  afterEach(() => ceph?.endClients());

  afterAll(async () => {
    await operator?.stop();
    await delivery?.remove();
    await ceph?.stop();
  });

  test('puts the key that Ceph made into the Secret of a rule, and a client writes with it', async () => {
    await ceph.makeShares(tenant, ['share']);
    await tenant.grant('client', 'share');
    await tenant.untilActive('client');
    const mount = await ceph.mountOf(tenant, 'client', 'share');
    expect(mount.key).toBe((await ceph.cephUser('client'))?.key);
    const client = await ceph.mountWith(mount);
    await client.write('/file', 'content');
    expect(await client.read('/file')).toBe('content');
  });

  test('cuts a client off when its rule is deleted; the id gets another key, and the old one opens nothing', async () => {
    const mount = await ceph.mountOf(tenant, 'client', 'share');
    const client = await ceph.mountWith(mount);
    const deletion = (): Promise<string> => tenant.kubectl('delete', 'shareaccess', 'client', '--timeout=30s');
    for (const took of await timesToCutOff(deletion, [client])) expect(took).toBeLessThan(cutBoundMs);
    expect(await ceph.cephUser('client')).toBeUndefined();
    expect(await refusalOf(ceph.mountWith(mount))).toMatch(keptOut);
    await eventually('the Secret is gone', async () => (await tenant.secret('client-access-key')) === undefined);

    await tenant.grant('client', 'share');
    await tenant.untilActive('client');
    const again = await ceph.mountOf(tenant, 'client', 'share');
    expect(again.key).not.toBe(mount.key);
    expect(await refusalOf(ceph.mountWith(mount))).toMatch(keptOut);
    expect(await (await ceph.mountWith(again)).read('/file')).toBe('content');
  });

  test.runIf(isConfined)('holds its login in a process that is as confined, and not large', async () => {
    const login = await radosProcessOf(await insideOf(operator));
    expect({ uid: login.status('Uid'), capabilities: login.status('CapBnd'), root: login.rootMount }).toEqual({
      uid: '65532\t65532\t65532\t65532',
      capabilities: '0000000000000000',
      root: 'ro',
    });
    expect(Number.parseInt(login.status('VmRSS') ?? '', 10)).toBeLessThan(160 * 1024);
  });

  test('ends in order, its login with it, and has logged no error', async () => {
    const { pid } = await radosProcessOf(await insideOf(operator));
    expect(await operator.stop()).toBe(0);
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    const lines = (await operator.log()).split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(4);
    // What came before the first answer of the backend was tried again.
    const early = '"reason":"BackendUnavailable"';
    expect(lines.filter((line) => /"level":"(error|fatal)"/.test(line) && !line.includes(early))).toEqual([]);
  });
});
