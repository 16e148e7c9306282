import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { SambaClient } from '../../labs/samba-host/samba-client.ts';
import { allocation, startHost } from './host-calls.ts';

const address = '10.77.0.90';
/** The second one is in a subnet of 65,536 addresses. */
const addresses6 = [
  { ipAddress: 'fd00:77::7:90', prefixLength: 64 },
  { ipAddress: 'fd00:78::5:90', prefixLength: 112 },
] as const;
const passwords = { alice: 'alice-1', bob: 'bob-1', carol: 'carol-1' } as const;
type User = keyof typeof passwords;

const { lab, host, calls } = await startHost();
let serverID: string;

beforeAll(async () => {
  const allocations = [allocation(address), ...addresses6.map((each) => allocation(each.ipAddress, each))];
  ({ id: serverID } = await calls.createServer(address, { allocations }));
  for (const [index, [user, password]] of Object.entries(passwords).entries()) {
    await host.addUser(serverID, user, 2001 + index, password);
  }
  const group = 'staff:x:3000:bob,carol\n';
  await host.machine.succeed(['tee', '-a', `/srv/sharenet/servers/${serverID}/etc/group`], { input: group });
});

interface Rule {
  readonly id: string;
  readonly type: string;
  readonly to: string;
  readonly level: string;
}

const userRule = (to: string, level = 'rw'): Rule => ({ id: `user-${to}`, type: 'user', to, level });
const ipRule = (to: string, level = 'rw'): Rule => ({ id: `ip-${to}`, type: 'ip', to, level });

async function newShare(...rules: readonly Rule[]) {
  const share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 30 };
  await calls.succeed('share-add', { serverID, share });
  const set = (...wanted: readonly Rule[]) =>
    calls.succeed('access-set', { serverID, shareID: share.id, rules: wanted }).then(({ results }) => results);
  if (rules.length > 0) await set(...rules);
  const login = (user: User) => ({ address, share: share.name, user, password: passwords[user] });
  const run = async (user: User, commands: string) => {
    const { stdout, stderr } = await lab.client.run(login(user), commands);
    return stdout + stderr;
  };
  return { share, set, login, run };
}

const noShare = 'NT_STATUS_BAD_NETWORK_NAME';
const denied = 'NT_STATUS_ACCESS_DENIED';
const write = 'put /etc/hostname written';

test('without rules nobody has access, with them each as the rule says', async () => {
  const { set, run } = await newShare();
  expect(await run('alice', 'ls')).toContain(noShare);
  expect(await set(userRule('alice'), userRule('bob', 'ro'))).toEqual({ 'user-alice': {}, 'user-bob': {} });
  expect(await run('alice', write)).toContain('putting file');
  expect(await run('bob', 'ls')).toContain('written');
  expect(await run('bob', write)).toContain(denied);
  expect(await run('carol', 'ls')).toContain(denied);
  await set();
  expect(await run('alice', 'ls')).toContain(noShare);
});

test('a group has the level of its rule, and a rule of its member adds to that', async () => {
  const { set, run } = await newShare(userRule('staff', 'ro'), userRule('carol'));
  expect(await run('bob', write)).toContain(denied);
  expect(await run('bob', 'ls')).toContain('blocks');
  expect(await run('carol', write)).toContain('putting file');
  expect(await run('alice', 'ls')).toContain(denied);
  await set(userRule('@staff'));
  expect(await run('bob', write)).toContain('putting file');
});

test('users who may write share their files, until an owner narrows that', async () => {
  const { run } = await newShare(userRule('alice'), userRule('bob'));
  await run('alice', 'mkdir folder; cd folder; put /etc/hostname file');
  expect(await run('bob', 'cd folder; put /etc/hosts file; put /etc/hosts other; del file')).not.toContain('NT_STATUS');
  expect(await run('alice', 'cd folder; ls')).toContain('other');
});

test('one bad rule fails alone', async () => {
  const { set, run, share } = await newShare();
  const hostile = [
    'alice\n[evil]\npath = /',
    'x"\tinclude = /etc/passwd',
    '%U',
    'alice, bob',
    'a=b',
    '-alice',
    '@@staff',
    '\\',
    'dom\\',
    ' alice',
    'a'.repeat(300),
    '',
    'nobody-knows',
    '@alice',
  ];
  const rules = hostile.map((to, index): Rule => ({ id: `bad-${index}`, type: 'user', to, level: 'rw' }));
  const others: Rule[] = [
    { id: 'level', type: 'user', to: 'carol', level: 'full' },
    { id: 'type', type: 'cert', to: 'carol', level: 'rw' },
    { id: 'range', type: 'ip', to: '10.0.0.0/33', level: 'rw' },
    { id: 'host', type: 'ip', to: 'ALL', level: 'rw' },
  ];
  const results = await set(...rules, ...others, userRule('bob'));
  for (const { id } of [...rules, ...others]) {
    expect(results, id).toMatchObject({ [id]: { state: 'error', reason: expect.stringMatching(/^Access/) } });
  }
  expect(results).toMatchObject({ 'user-bob': {} });
  expect(await run('bob', write)).toContain('putting file');
  expect(await run('carol', 'ls')).toContain(denied);
  const folder = `/srv/sharenet/servers/${serverID}/etc/samba`;
  const conf = await host.machine.succeed(['cat', `${folder}/smb.conf`, `${folder}/shares/${share.id}.conf`]);
  expect(conf).not.toContain('evil');
  expect(conf).toContain(`[${share.name}]`);
});

test('who loses access is disconnected at once, and others stay', async () => {
  const { set, login } = await newShare(userRule('alice'), userRule('bob'));
  const [alice, bob] = await Promise.all([lab.client.connect(login('alice')), lab.client.connect(login('bob'))]);
  await set(userRule('bob'));
  expect(await alice.command('ls')).toMatch(/NT_STATUS_(NETWORK_NAME_DELETED|CONNECTION_DISCONNECTED|USER_SESSION)/);
  expect(await bob.command(write)).toContain('putting file');
  await Promise.all([alice.close(), bob.close()]);
});

test('a lowered level holds for open sessions', async () => {
  const { set, login, run } = await newShare(userRule('alice'), userRule('staff'));
  const [alice, bob] = await Promise.all([lab.client.connect(login('alice')), lab.client.connect(login('bob'))]);
  expect(await alice.command(write)).toContain('putting file');
  await set(userRule('alice', 'ro'), userRule('staff', 'ro'));
  for (const session of [alice, bob]) {
    expect(await session.command('put /etc/hostname later')).toContain('NT_STATUS_');
    await session.close();
  }
  expect(await run('alice', 'ls')).toContain('written');
  expect(await run('alice', write)).toContain(denied);
});

test('a session ends although its call was cut between the rules and the sessions', async () => {
  const { share, set, login } = await newShare(userRule('alice'), userRule('bob'));
  const session = await lab.client.connect(login('alice'));
  // As it stands after a call that was killed when the rules were stored.
  const state = `/srv/sharenet/servers/${serverID}/state.json`;
  const script = [
    'import json, sys',
    `path, share = ${JSON.stringify(state)}, ${JSON.stringify(share.id)}`,
    'state = json.load(open(path))',
    'rules = state["shares"][share]["rules"]',
    'lost = [rule for rule in rules if rule["to"] == "alice"]',
    'state["shares"][share]["rules"] = [rule for rule in rules if rule not in lost]',
    'state["closing"][share] = lost',
    'json.dump(state, open(path, "w"))',
  ].join('\n');
  await host.machine.succeed(['/usr/bin/python3', '-c', script]);
  await set(userRule('bob'));
  expect(await session.command('ls')).toContain('NT_STATUS_');
  await session.close();
});

test('ip rules tell from where, alone and with user rules', async () => {
  const elsewhere = new SambaClient(await lab.addMachine('10.77.0.31/24'));
  const { set, login, run } = await newShare(ipRule('10.77.0.30'));
  const there = async () => (await elsewhere.run(login('alice'), 'ls')).stdout;
  expect(await run('alice', write)).toContain('putting file');
  expect(await there()).toContain(denied);
  await set(ipRule('10.77.0.0/24', 'ro'));
  expect(await there()).toContain('written');
  expect(await run('alice', write)).toContain(denied);
  const mixed = await set(ipRule('10.77.0.0/24', 'ro'), ipRule('10.77.0.30'));
  expect(mixed).toMatchObject({
    'ip-10.77.0.0/24': {},
    'ip-10.77.0.30': { state: 'error', reason: 'AccessLevelNotSupported' },
  });
  await set(ipRule('10.77.0.0/24'), userRule('alice'));
  expect(await run('bob', 'ls')).toContain(denied);
  const session = await elsewhere.connect(login('alice'));
  const kept = await lab.client.connect(login('alice'));
  await set(ipRule('10.77.0.30'), userRule('alice'));
  expect(await session.command('ls')).toContain('NT_STATUS_');
  expect(await there()).toContain(denied);
  expect(await kept.command('ls')).toContain('written');
  await Promise.all([session.close(), kept.close()]);
});

test('an IPv6 range lets in its own addresses only, also when a former version wrote it', async () => {
  const other = await lab.addMachine('10.77.0.32/24');
  for (const machine of [lab.client.machine, other]) {
    const last = machine === other ? '6:1' : '5:1';
    await machine.succeed(['ip', 'address', 'add', `fd00:77::${last}/64`, 'dev', 'eth0', 'nodad']);
  }
  await lab.client.machine.succeed(['ip', 'address', 'add', 'fd00:78::5:1/112', 'dev', 'eth0', 'nodad']);
  const { set, login, run } = await newShare(ipRule('FD00:77:0:0::5:0/112'));
  const by = (ipAddress: string) => ({ ...login('alice'), address: ipAddress });
  const stranger = new SambaClient(other);
  const as = async (client: SambaClient, ipAddress: string, commands: string) => {
    const { stdout, stderr } = await client.run(by(ipAddress), commands);
    return stdout + stderr;
  };
  expect(await as(lab.client, 'fd00:77::7:90', write)).toContain('putting file');
  expect(await as(stranger, 'fd00:77::7:90', write)).toContain(denied);
  expect(await run('alice', 'ls')).toContain(denied);
  await set(ipRule('fd00:78::5:1'));
  expect(await as(lab.client, 'fd00:78::5:90', 'ls')).toContain('written');

  // The former version's configuration, in which Samba takes 112 for a mask.
  await set(ipRule('fd00:77::5:0/112'));
  const folder = `/srv/sharenet/servers/${serverID}/etc/samba`;
  const expression = 's|hosts allow = fd00:77::5:0/.*|hosts allow = fd00:77::5:0/112|';
  await host.machine.succeed(['find', folder, '-type', 'f', '-exec', 'sed', '-i', expression, '{}', '+']);
  await host.inServer(serverID, ['smbcontrol', 'smbd', 'reload-config']);
  const session = await stranger.connect(by('fd00:77::7:90'));
  await host.machine.succeed([join(import.meta.dirname, '../../../hosts/samba/install.sh')]);
  expect(await session.command(write)).toContain('NT_STATUS_');
  await session.close();
  expect(await as(stranger, 'fd00:77::7:90', write)).toContain(denied);
  expect(await as(lab.client, 'fd00:77::7:90', write)).toContain('putting file');
});

test('a thousand rules of each type hold, and keep no other share of the server from changing', async () => {
  const { share, set, run, login } = await newShare(userRule('bob'));
  const other = await newShare(userRule('alice'), userRule('bob'));
  const names = Array.from({ length: 999 }, (_, index) => `engineer-of-the-company-${index}`);
  const lines = names.map((name, index) => `${name}:x:${10_000 + index}:${10_000 + index}::/nonexistent:/bin/false\n`);
  const passwd = `/srv/sharenet/servers/${serverID}/etc/passwd`;
  await host.machine.succeed(['tee', '-a', passwd], { input: lines.join('') });
  const users = [...names, 'alice'].map((name) => userRule(name));
  const addresses = [...names.map((_, index) => ipRule(`2001:db8:${index.toString(16)}::/99`)), ipRule('10.77.0.30')];

  const results = await set(...users, ...addresses);
  expect(Object.values(results ?? {}).filter((result) => Object.keys(result).length > 0)).toEqual([]);
  expect(await run('alice', write)).toContain('putting file');
  expect(await run('bob', 'ls')).toContain(denied);
  await other.set(userRule('bob'));
  expect(await other.run('alice', 'ls')).toContain(denied);

  const session = await lab.client.connect(login('alice'));
  await set(...users.slice(0, -1), ...addresses);
  expect(await session.command('ls')).toContain('NT_STATUS_');
  await session.close();
  expect(await run('alice', 'ls')).toContain(denied);
  await set(...users, ...addresses.slice(0, -1));
  expect(await run('alice', 'ls')).toContain(denied);
  const about = { serverID, shareID: share.id };
  await calls.succeed('share-remove', about);
  expect(await calls.succeed('share-describe', about)).toEqual({ exists: false });
});

test('a share that can not be written down keeps what it has, and no other share from changing', async () => {
  const { share, run } = await newShare(userRule('alice'));
  const other = await newShare(userRule('alice'));
  const third = await newShare();
  const path = `/srv/sharenet/servers/${serverID}/state.json`;
  const script = [
    'import json',
    `path, share = ${JSON.stringify(path)}, ${JSON.stringify(share.id)}`,
    'state = json.load(open(path))',
    'state["shares"][share]["rules"][0]["to"] = "a\\"b"',
    'json.dump(state, open(path, "w"))',
  ].join('\n');
  await host.machine.succeed(['/usr/bin/python3', '-c', script]);
  await other.set(userRule('bob'));
  expect(await other.run('alice', 'ls')).toContain(denied);
  await calls.succeed('share-remove', { serverID, shareID: third.share.id });
  await host.machine.succeed([join(import.meta.dirname, '../../../hosts/samba/install.sh')]);
  expect(await run('alice', write)).toContain('putting file');
  await calls.succeed('access-set', { serverID, shareID: share.id, rules: [] });
  expect(await run('alice', 'ls')).toContain(noShare);
});

test('links that lead out of a share lead nowhere', async () => {
  const { share, run } = await newShare(userRule('alice'));
  const folder = `/srv/sharenet/servers/${serverID}/shares/${share.id}`;
  await host.machine.succeed(['ln', '-s', '/etc/passwd', `${folder}/file`]);
  await host.machine.succeed(['ln', '-s', '../..', `${folder}/up`]);
  for (const command of ['get file /tmp/never', 'cd up; ls', 'cd ..; ls ../../*', 'put /etc/hosts up/etc/x']) {
    const output = await run('alice', command);
    expect(output, command).not.toContain('getting file');
    expect(output, command).not.toMatch(/smb\.conf|state\.json|passwd|putting file/);
  }
});

test.each(['global', 'IPC$', '../x', 'a/b', 'a]\n[b', 'x'.repeat(81)])('a share can not be named %j', async (name) => {
  const share = { id: randomUUID(), name, size: 1 };
  const answer = await calls.call('share-add', { serverID, share });
  expect(answer).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'RequestInvalid' } });
});

test('a share is made once, grows, and never shrinks below what it holds', async () => {
  const { share, run } = await newShare(userRule('alice'));
  const about = { serverID, shareID: share.id };
  expect(await calls.succeed('share-add', { serverID, share })).toEqual({ path: share.name, quota: 'none' });
  const twin = { ...share, id: randomUUID() };
  const inUse = await calls.call('share-add', { serverID, share: twin });
  expect(inUse).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'ShareNameInUse' } });
  await lab.client.machine.succeed(['dd', 'if=/dev/urandom', 'of=/run/large', 'bs=1M', 'count=3']);
  await run('alice', 'put /run/large large');
  expect(await calls.succeed('share-resize', { ...about, newSize: 2 ** 31 })).toMatchObject({ size: 2 ** 31 });
  const lossy = await calls.call('share-resize', { ...about, newSize: 1 << 20 });
  expect(lossy).toMatchObject({ ok: false, error: { kind: 'Rejected', reason: 'ShareShrinkingPossibleDataLoss' } });
  expect(await calls.succeed('share-describe', about)).toMatchObject({ exists: true, size: 2 ** 31, quota: 'none' });
  expect(await run('alice', 'ls')).toContain('large');
});

test('a removed share disconnects its users and takes its data along', async () => {
  const { share, login } = await newShare(userRule('alice'));
  const session = await lab.client.connect(login('alice'));
  await session.command('mkdir deep');
  const about = { serverID, shareID: share.id };
  await calls.succeed('share-remove', about);
  await calls.succeed('share-remove', about);
  expect(await session.command('ls')).toContain('NT_STATUS_');
  await session.close();
  expect(await calls.succeed('share-describe', about)).toEqual({ exists: false });
  const left = await host.machine.succeed(['ls', `/srv/sharenet/servers/${serverID}/shares`]);
  expect(left).not.toContain(share.id);
});

test('a share whose directory is gone does not exist', async () => {
  const { share } = await newShare(userRule('alice'));
  await host.machine.succeed(['rm', '-rf', `/srv/sharenet/servers/${serverID}/shares/${share.id}`]);
  expect(await calls.succeed('share-describe', { serverID, shareID: share.id })).toEqual({ exists: false });
});
