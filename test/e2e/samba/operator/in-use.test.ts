import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDomain } from '../../../labs/ad/domain.ts';
import type { SambaHost } from '../../../labs/samba-host/samba-host.ts';
import { keySearch } from '../../ceph/operator/key-search.ts';
import { CommandLineWatch } from '../command-line-watch.ts';
import { Stage, type TenantStage } from './stage.ts';

const rotatedPassword = 'Rotated-Passw0rd!';
const wrongPassword = 'Wrong-Passw0rd!';

describe('a share in use', () => {
  let stage: Stage;
  let tenant: TenantStage;
  let a: TestDomain;
  let b: TestDomain;
  let host: SambaHost;
  /** Where the share's files are on the host. */
  let folder: string;
  let joinPassword: string;

  const name = 'share-0';
  const put = 'put /etc/hostname';

  beforeAll(async () => {
    stage = await Stage.open();
    ({ a, b } = stage.directories);
    joinPassword = a.password('joiner');
    const [first, second] = stage.hosts.hosts;
    tenant = await stage.tenant(1);
    const [hostName, ...ids] = (await tenant.share(name)).status?.identifier?.split('/') ?? [];
    const found = [first, second].find((each) => each?.machine.name === hostName);
    if (found === undefined) throw new Error(`the lab has no host ${hostName}`);
    host = found;
    folder = `${host.root}/servers/${ids.join('/shares/')}`;
    await tenant.allow(name, 'alice');
  }, 400_000);

  afterAll(async () => {
    await stage?.close();
  }, 60_000);

  /** All that no command line, environment or file of a host may have, one a line. */
  const passwords = () => [joinPassword, rotatedPassword, wrongPassword].join('\n');

  /** Number of the user that owns a file, on the host. */
  async function ownerOf(file: string): Promise<number> {
    return Number(await host.machine.succeed(['stat', '-c', '%u', `${folder}/${file}`]));
  }

  async function lastChange(): Promise<string | undefined> {
    return (await tenant.network('there', () => true)).status?.lastNetworkChange?.id;
  }

  /** Gives the Secret of a's service another password. */
  async function setSecret(password: string): Promise<void> {
    const [secret] = tenant.service('ad-a', a, password);
    if (secret !== undefined) await stage.cluster.apply(secret);
    await tenant.network('lags behind its Secret', ({ status }) =>
      hasCondition(status?.conditions, 'SecurityServicesUpToDate', 'False', 'CredentialsChanged'),
    );
  }

  test('is only read from the moment on that its rule is lowered, and closed when the rule is deleted', {
    timeout: 120_000,
  }, async () => {
    const rule = `${name}-alice`;
    const session = await tenant.connect(name, a, 'alice');
    expect(await session.command(`${put} before`)).toContain('putting file');
    const lowered = '{"spec":{"accessLevel":"ro"}}';
    const namespace = `--namespace=${tenant.namespace}`;
    await stage.cluster.kubectl('patch', namespace, 'shareaccess', rule, '--type=merge', '-p', lowered);
    await tenant.rule(name, 'alice', 'read only', ({ status }) => status?.accessLevel === 'ro');
    expect(await session.command(`${put} after`)).toContain('NT_STATUS_');
    await session.close();
    const reader = await tenant.connect(name, a, 'alice');
    expect(await reader.command('get before -')).not.toContain('NT_STATUS_');
    expect(await reader.command(`${put} after`)).toContain('NT_STATUS_ACCESS_DENIED');
    await stage.cluster.kubectl('delete', namespace, 'shareaccess', rule);
    expect(await reader.command('ls')).toMatch(/NT_STATUS_(NETWORK_NAME_DELETED|CONNECTION_DISCONNECTED|USER_SESSION)/);
    await reader.close();
    expect(await tenant.smbclient(name, a, 'alice', 'ls')).toMatchObject({ ok: false });
    await tenant.allow(name, 'alice');
  });

  test('goes on while the password of the join account is rotated, and while a wrong one is refused', {
    timeout: 200_000,
  }, async () => {
    const watch = await CommandLineWatch.start(host.machine, passwords());
    const session = await tenant.connect(name, a, 'alice');
    await a.setPassword('joiner', rotatedPassword);
    await setSecret(rotatedPassword);
    await tenant.annotate('sharenet.io/reapply-requested-at', 'rotated');
    const rotated = await tenant.changed('Succeeded');
    expect(rotated.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'SecurityServicesUpToDate', status: 'True' }),
    );
    expect(await session.command('ls')).toContain('blocks');

    const details = (await tenant.servers()).map(({ status }) => status?.backendDetails);
    await setSecret(wrongPassword);
    await tenant.annotate('sharenet.io/reapply-requested-at', 'wrong');
    const refused = await tenant.network('refused', ({ status }) =>
      hasCondition(status?.conditions, 'Stalled', 'True', 'PasswordRefused'),
    );
    const message = refused.status?.conditions?.find(({ type }) => type === 'Stalled')?.message;
    expect(message).toMatch(/domain a\.test: .*password of 'joiner'.*refused/);
    expect(refused.status?.phase).toBe('active');
    expect((await tenant.servers()).map(({ status }) => status?.phase)).toEqual(['active']);
    expect((await tenant.servers()).map(({ status }) => status?.backendDetails)).toEqual(details);
    expect(await session.command('ls')).toContain('blocks');
    expect(await tenant.smbclient(name, a, 'alice', 'ls')).toMatchObject({ ok: true });

    const before = await lastChange();
    await setSecret(rotatedPassword);
    await tenant.annotate('sharenet.io/reapply-requested-at', 'mended');
    await tenant.changed('Succeeded', before);
    expect(await session.command('ls')).toContain('blocks');
    expect(await watch.end()).toBe(0);
    await session.close();
  });

  test('keeps files and their owners over four replacements: the user with the same RID in the other domain owns none', {
    timeout: 300_000,
  }, async () => {
    await tenant.allow(name, 'anna');
    await tenant.smbclient(name, a, 'anna', `${put} of-anna`);
    await host.machine.succeed(['chmod', '600', `${folder}/of-anna`]);
    const anna = await ownerOf('of-anna');
    const owners = new Set<number>();
    const watch = await CommandLineWatch.start(host.machine, passwords());
    for (let round = 0; round < 4; round += 1) {
      const before = await lastChange();
      const [domain, service, user] =
        round % 2 === 0 ? ([b, 'ad-b', 'bella'] as const) : ([a, 'ad-a', 'anna'] as const);
      await tenant.refer(service);
      await tenant.changed('Succeeded', before);
      // Later its rule is there, and the change has brought it back.
      if (round === 0) await tenant.allow(name, user);
      else await tenant.rule(name, user, 'active again', ({ status }) => status?.phase === 'active');
      const read = await tenant.smbclient(name, domain, user, 'get of-anna -');
      const written = await tenant.smbclient(name, domain, user, `${put} written-${round}`);
      expect(written).toMatchObject({ ok: true });
      expect(await ownerOf('of-anna')).toBe(anna);
      owners.add(await ownerOf(`written-${round}`));
      if (domain === a) {
        expect(read).toMatchObject({ ok: true });
      } else {
        expect(read).toMatchObject({ ok: false, output: expect.stringContaining('NT_STATUS_ACCESS_DENIED') });
      }
    }
    expect(owners.size).toBe(2);
    const [bella = 0, again] = owners;
    expect(again).toBe(anna);
    // Ranges begin at multiples of their size: the rest is the RID.
    expect(bella % rangeSize).toBe(anna % rangeSize);
    expect(await watch.end()).toBe(0);
  });

  test('has left no password and no SSH key in an object, event, log or metric, nor on a host', async () => {
    const placesOf = await keySearch(stage);
    const secretOf = (service: string) => `Secret ${tenant.namespace}/${service}-password`;
    expect(placesOf(wrongPassword)).toEqual([]);
    expect(placesOf(rotatedPassword)).toEqual([secretOf('ad-a')]);
    expect(placesOf(joinPassword)).toEqual([secretOf('ad-b')]);
    for (const { machine, root, ssh } of stage.hosts.hosts) {
      const secret = `Secret sharenet-system/${stage.backendName}-ssh`;
      expect(placesOf(ssh.privateKey)).toEqual([secret]);
      // A line of the key, as a text of several lines would show it.
      const [, line = ''] = ssh.privateKey.split('\n');
      expect(line.length).toBeGreaterThan(30);
      expect(placesOf(line)).toEqual([secret]);
      const found = await machine.run(['grep', '-rlF', '-f', '-', root, '/run', '/etc'], { input: passwords() });
      expect(found.stdout).toBe('');
    }
  });
});

const rangeSize = 1_000_000;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
}

function hasCondition(
  conditions: readonly Condition[] | undefined,
  type: string,
  status: string,
  reason: string,
): boolean {
  return conditions?.some((each) => each.type === type && each.status === status && each.reason === reason) === true;
}
