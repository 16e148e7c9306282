import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TestDomain } from '../../../labs/ad/domain.ts';
import type { SambaHost } from '../../../labs/samba-host/samba-host.ts';
import { keySearch } from '../../ceph/operator/key-search.ts';
import { CommandLineWatch } from '../command-line-watch.ts';
import { Stage, seriesOf, type TenantStage } from './stage.ts';

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
    await a.limitPasswordAge('joiner', 5);
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

  /** When the join account expires, as status and metrics tell it; of the latter in seconds, undefined without a series. */
  async function expiry(token: string): Promise<{ readonly shown: string; readonly series: number | undefined }> {
    const [first] = await tenant.servers();
    const { metadata, status } = await tenant.examined(first?.metadata.name ?? '', token);
    const metric = 'sharenet_share_server_credentials_expiry_timestamp_seconds';
    const [line] = await seriesOf(stage.operator, metric, metadata);
    const series = line === undefined ? undefined : Number(line.split(' ').at(-1));
    return { shown: status?.backendDetails?.credentialsExpireTime ?? '', series };
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

  test('goes on while the password of the join account is rotated, which moves the day that it expires, and while a wrong one is refused', {
    timeout: 200_000,
  }, async () => {
    const before = await expiry('before');
    const inDays = (Date.parse(before.shown) - Date.now()) / 86_400_000;
    expect(inDays).toBeGreaterThan(4.9);
    expect(inDays).toBeLessThan(5);
    expect(before.series).toBe(Date.parse(before.shown) / 1000);
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
    const moved = await expiry('rotated');
    expect(Date.parse(moved.shown)).toBeGreaterThan(Date.parse(before.shown));
    expect(moved.series).toBe(Date.parse(moved.shown) / 1000);

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

    const last = await lastChange();
    await a.expireAccount('joiner', undefined);
    await setSecret(rotatedPassword);
    await tenant.annotate('sharenet.io/reapply-requested-at', 'mended');
    await tenant.changed('Succeeded', last);
    expect(await expiry('mended')).toEqual({ shown: 'never', series: undefined });
    expect(await session.command('ls')).toContain('blocks');
    expect(await watch.end()).toBe(0);
    await session.close();
  });

  test.each([
    ['deleted', async (dn: string) => await a.modify(`dn: ${dn}\nchangetype: delete\n`)],
    ['reset', async (_dn: string, account: string) => await a.setPassword(account, 'Reset-Passw0rd!')],
  ])(
    'whose server lost its computer account, %s in the domain, is told to the alert, and used again after a reapply token',
    {
      timeout: 200_000,
    },
    async (how, lose) => {
      const [server] = await tenant.servers();
      const { machineAccount = '', hostname = '' } = server?.status?.backendDetails ?? {};
      const examined = async (token: string) => {
        const { metadata, status } = await tenant.examined(server?.metadata.name ?? '', token);
        return { status, series: await seriesOf(stage.operator, 'sharenet_share_server_unhealthy', metadata) };
      };
      await lose(machineAccount, `${hostname}$`);
      const lost = await examined(`lost-${how}`);
      expect(lost.series).toEqual([expect.stringMatching(/,reason="DomainTrustLost"\} 1$/)]);
      expect(lost.status?.phase).toBe('active');
      const message = lost.status?.conditions?.find(({ type }) => type === 'Ready')?.message;
      expect(message).toMatch(/^domain a\.test: .*computer account$/);
      expect(hasCondition(lost.status?.conditions, 'Ready', 'False', 'ShareServerUnhealthy')).toBe(true);
      expect(await tenant.smbclient(name, a, 'alice', 'ls')).toMatchObject({ ok: false });

      const last = await lastChange();
      await tenant.annotate('sharenet.io/reapply-requested-at', how);
      await tenant.changed('Succeeded', last);
      const healed = await examined(`healed-${how}`);
      expect(healed.series).toEqual([]);
      expect(hasCondition(healed.status?.conditions, 'Ready', 'True', 'Available')).toBe(true);
      expect(await tenant.smbclient(name, a, 'alice', `mkdir after-${how}`)).toMatchObject({ ok: true });
      expect((await a.computers()).filter(({ disabled }) => !disabled)).toHaveLength(1);
    },
  );

  test('keeps files and their owners there and back: the user with the same RID in the other domain owns none', {
    timeout: 300_000,
  }, async () => {
    await tenant.allow(name, 'anna');
    await tenant.smbclient(name, a, 'anna', `${put} of-anna`);
    await host.machine.succeed(['chmod', '600', `${folder}/of-anna`]);
    const anna = await ownerOf('of-anna');
    const owners = new Set<number>();
    const watch = await CommandLineWatch.start(host.machine, passwords());
    for (let round = 0; round < 2; round += 1) {
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
