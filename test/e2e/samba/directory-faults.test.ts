import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import type { TestDomain } from '../../labs/ad/domain.ts';
import {
  activeDirectory,
  type DirectoryRig,
  type DirectoryServer,
  startDirectoryRig,
  startTimeoutMs,
} from './directory-rig.ts';

let rig: DirectoryRig;
let a: TestDomain;
let b: TestDomain;
let server: DirectoryServer;

const toB = () => activeDirectory(b);
const fromA = () => ({ currentService: activeDirectory(a) });

beforeAll(async () => {
  rig = await startDirectoryRig();
  ({ a, b } = rig.ad);
  server = rig.server('10.77.0.111');
  await server.create(activeDirectory(a));
  await server.allow('alice');
}, startTimeoutMs);

afterAll(() => rig?.stop());

async function worksInA(): Promise<void> {
  expect(await server.describe()).toMatchObject({ healthy: true, details: { domain: 'a.test' } });
  expect(await server.as(a, 'alice', 'ls')).toContain('blocks');
}

describe('a domain controller', () => {
  test('that is stopped between check and update leaves the server in the old domain, and the retry goes on', async () => {
    expect(await server.check(toB())).toMatchObject({ result: { compatible: true } });
    const session = await server.connect(a, 'alice');
    await b.stopController();
    const refused = { kind: 'Unavailable', reason: 'NameServerNotAnswering' };
    expect(await server.tryUpdate(toB(), fromA())).toMatchObject({ ok: false, error: refused });
    await worksInA();
    expect(await session.command('ls')).toContain('blocks');
    await session.close();
    await b.startController();
    expect(await server.update(toB(), { ...fromA(), attemptedService: toB() })).toMatchObject({ warnings: [] });
    await server.update(activeDirectory(a), { currentService: toB() });
    await worksInA();
  });

  test('that hangs is not waited for beyond some seconds', async () => {
    await b.controller.pause();
    const started = performance.now();
    const answer = await server.check(toB());
    expect(answer).toMatchObject({ ok: false, error: { kind: 'Unavailable' } });
    expect(performance.now() - started).toBeLessThan(20_000);
    await b.controller.resume();
    await worksInA();
  });

  test('whose domain lost the account makes the server unhealthy, and the same service again heals it', async () => {
    const [account] = (await a.computers()).filter(({ dn }) => dn.includes(server.server.hostname));
    await a.modify(`dn: ${account?.dn}\nchangetype: delete\n`);
    // winbindd keeps its connection for a while after it was accepted once.
    await server.inside(['smbcontrol', 'winbindd', 'shutdown']);
    const unhealthy = async () => {
      const { healthy, reason } = await server.describe();
      return healthy === false && reason === 'DomainTrustLost';
    };
    await eventually('the loss is told', unhealthy, 60_000);
    await server.update(activeDirectory(a));
    await worksInA();
  });
});

describe('an update', () => {
  // Tried on a busy machine: the moments lie before, in and after the join and the switch.
  test.each([0.8, 1.8, 3])('killed after %d s is repeated to the end', async (seconds) => {
    const argv = ['timeout', '--signal=KILL', String(seconds), '/usr/local/sbin/sharenet-samba-host'];
    await server.host.machine.run(argv, { input: server.updateRequest(toB(), fromA()) });
    const again = await server.update(toB(), { ...fromA(), attemptedService: toB() });
    expect(again).toMatchObject({ details: { domain: 'b.test' } });
    await server.allow('bob');
    expect(await server.as(b, 'bob', 'ls')).toContain('blocks');
    expect((await b.computers()).filter(({ dn }) => dn.includes(server.server.hostname))).toHaveLength(1);
    expect((await a.computers()).filter(({ dn }) => dn.includes(server.server.hostname))).toEqual([]);
    await server.update(activeDirectory(a), { currentService: toB() });
    await server.allow('alice');
    await worksInA();
    const secrets = (await server.inside(['ls', '/var/lib/samba/private'])).split('\n');
    expect(secrets.filter((name) => name.startsWith('domain-'))).toHaveLength(1);
    expect(secrets).not.toContain('trial');
  });

  test('that was given up for the old domain leaves nothing in the new one', async () => {
    const argv = ['timeout', '--signal=KILL', '1.5', '/usr/local/sbin/sharenet-samba-host'];
    await server.host.machine.run(argv, { input: server.updateRequest(toB(), fromA()) });
    await server.update(activeDirectory(a), { ...fromA(), attemptedService: toB() });
    await worksInA();
    expect((await b.computers()).filter(({ dn }) => dn.includes(server.server.hostname))).toEqual([]);
  });

  test('writes no password to a command line, a file that stays, or the state', async () => {
    await server.update(toB(), fromA());
    const found = await server.host.machine.run(['grep', '-rlF', 'Join-Passw0rd!', '/srv/sharenet', '/run']);
    expect(found.stdout).toBe('');
    await server.update(activeDirectory(a), { currentService: toB() });
  });
});
