import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { eventually } from '../../faults/eventually.ts';
import { type Answer, answerOf, newServer, startHost } from './host-calls.ts';

// Calls that are decided early and take effect late, or must not.

const address = '10.77.0.91';
const caller = { installationID: 'installation-1', backend: 'filers' };

const { lab, host, calls } = await startHost();
let serverID: string;

beforeAll(async () => {
  ({ id: serverID } = await calls.createServer(address));
  await host.addUser(serverID, 'alice', 2001, 'alice-1');
});

type Members = Readonly<Record<string, unknown>>;

/** A process of the operator: what it decides is numbered. */
async function newOperator() {
  const { epoch } = await calls.succeed('begin', { caller });
  let number = 0;
  return (members: Members): Members => {
    number += 1;
    return { ...members, order: { caller, epoch, number } };
  };
}

/** Keeps everything else from working on a share server. @returns what ends that */
async function holdLock(id: string): Promise<() => Promise<void>> {
  const script = 'exec 9>>"$0"; flock 9; setsid sleep 600 >/dev/null 2>&1 & echo $!';
  const pid = await host.machine.succeed(['sh', '-c', script, `/srv/sharenet/locks/${id}.lock`]);
  return async () => void (await host.machine.succeed(['kill', pid.trim()]));
}

/** nsenter, with which sshd starts the program in the lab, stops with it, and resumes only on SIGCONT. */
async function resumeEntrances(): Promise<void> {
  const pattern = `^/usr/bin/nsenter --mount=${host.machine.namespace.replace(/net$/, 'mnt')} .*sharenet-samba-host$`;
  const { stdout } = await promisify(execFile)('/usr/bin/pgrep', ['-f', '--', pattern]);
  for (const pid of stdout.trim().split('\n')) process.kill(Number(pid), 'SIGCONT');
}

/** Starts a call that waits for the server's lock, and stops its program there. */
async function stoppedCall(verb: string, members: Members, id: string = serverID) {
  const release = await holdLock(id);
  const client = calls.start(calls.request(verb, members));
  const output = new Promise<string>((resolve) => {
    let text = '';
    client.stdout.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    client.once('close', () => resolve(text));
  });
  const waiting =
    'for pid in $(pgrep -f "sharenet-samba-host$"); do ls -l /proc/$pid/fd | grep -q "$0" && echo $pid; done; true';
  const pid = await eventually(`${verb} waits for the lock`, async () => {
    const found = await host.machine.succeed(['sh', '-c', waiting, `/locks/${id}.lock`]);
    return found.trim() || false;
  });
  await host.machine.succeed(['kill', '-STOP', pid]);
  await release();
  return {
    client,
    /** Lets the program go on. @returns its answer; undefined when its caller is gone */
    goOn: async (): Promise<Answer | undefined> => {
      await host.machine.succeed(['kill', '-CONT', pid]);
      await resumeEntrances();
      await eventually(`${verb} ends`, async () => (await host.machine.run(['test', '-e', `/proc/${pid}`])).code !== 0);
      const text = await output;
      return text === '' ? undefined : answerOf(text);
    },
  };
}

async function newShare() {
  const share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 30 };
  await calls.succeed('share-add', { serverID, share });
  return { share, about: { serverID, shareID: share.id } };
}

const aliceMayWrite = [{ id: 'alice', type: 'user', to: 'alice', level: 'rw' }];
const superseded = { ok: false, error: { kind: 'Unavailable', reason: 'CallSuperseded' } };

async function alice(share: string): Promise<string> {
  const { stdout, stderr } = await lab.client.run({ address, share, user: 'alice', password: 'alice-1' }, 'ls');
  return stdout + stderr;
}

test('a late access-set does not restore a rule that was revoked since', async () => {
  const { share, about } = await newShare();
  const decided = await newOperator();
  await calls.succeed('access-set', decided({ ...about, rules: aliceMayWrite }));
  expect(await alice(share.name)).toContain('blocks');
  const late = await stoppedCall('access-set', decided({ ...about, rules: aliceMayWrite }));
  await calls.succeed('access-set', decided({ ...about, rules: [] }));
  expect(await late.goOn()).toMatchObject(superseded);
  expect(await alice(share.name)).toContain('NT_STATUS_BAD_NETWORK_NAME');
});

test('a call whose caller ended while it waited changes nothing', async () => {
  const { share, about } = await newShare();
  const late = await stoppedCall('access-set', { ...about, rules: aliceMayWrite });
  late.client.kill('SIGKILL');
  expect(await late.goOn()).toBeUndefined();
  expect(await calls.succeed('share-describe', about)).toMatchObject({ rules: 0 });
  expect(await alice(share.name)).toContain('NT_STATUS_BAD_NETWORK_NAME');
});

test('calls of an operator are refused once the next one has begun, before that has changed anything', async () => {
  const { about } = await newShare();
  const former = await newOperator();
  const late = await stoppedCall('access-set', former({ ...about, rules: aliceMayWrite }));
  const next = await newOperator();
  expect(await late.goOn()).toMatchObject({ ok: false, error: { kind: 'Unavailable', reason: 'CallerSuperseded' } });
  const after = await calls.call('share-resize', former({ ...about, newSize: 2 ** 31 }));
  expect(after).toMatchObject({ ok: false, error: { reason: 'CallerSuperseded' } });
  await calls.succeed('access-set', next({ ...about, rules: aliceMayWrite }));
  // As a process of a former version, which numbers nothing.
  expect(await calls.call('access-set', { ...about, rules: [] })).toMatchObject(superseded);
  expect(await calls.succeed('share-describe', about)).toMatchObject({ rules: 1, size: 1 << 30 });
});

test('a late resize does not undo a newer one, and calls about other things do not make it late', async () => {
  const { share, about } = await newShare();
  const decided = await newOperator();
  const first = await stoppedCall('share-resize', decided({ ...about, newSize: 2 ** 31 }));
  await calls.succeed('access-set', decided({ ...about, rules: aliceMayWrite }));
  await calls.succeed('share-add', decided({ serverID, share }));
  expect(await first.goOn()).toMatchObject({ ok: true });
  const late = await stoppedCall('share-resize', decided({ ...about, newSize: 2 ** 32 }));
  await calls.succeed('share-resize', decided({ ...about, newSize: 2 ** 31 }));
  expect(await late.goOn()).toMatchObject(superseded);
  expect(await calls.succeed('share-describe', about)).toMatchObject({ size: 2 ** 31 });
});

test('a share and a server that were removed are not made again by a late call', async () => {
  const { share, about } = await newShare();
  const decided = await newOperator();
  const lateAdd = await stoppedCall('share-add', decided({ serverID, share }));
  await calls.succeed('share-remove', decided(about));
  expect(await lateAdd.goOn()).toMatchObject(superseded);
  expect(await calls.succeed('share-describe', about)).toEqual({ exists: false });

  const server = newServer('10.77.0.92');
  const create = { interface: host.interface, server, securityServices: [], settings: {} };
  await calls.succeed('create', decided(create));
  const lateCreate = await stoppedCall('create', decided(create), server.id);
  await calls.succeed('remove', decided({ serverID: server.id, securityServices: [] }));
  expect(await lateCreate.goOn()).toMatchObject(superseded);
  expect((await calls.succeed('list')).servers).toMatchObject([{ id: serverID }]);
});

test('a late change of the security service is refused before anything of it is looked at', async () => {
  const decided = await newOperator();
  const service = {
    id: 'late',
    name: 'late',
    type: 'ldap',
    servers: ['10.77.0.14'],
    user: 'cn=reader',
    password: 'late-1',
  };
  const change = { server: { id: serverID }, newService: service, settings: {} };
  const late = await stoppedCall('update-security-service', decided(change));
  const newer = await calls.call('update-security-service', decided({ ...change, newService: {} }));
  expect(newer).toMatchObject({ ok: false, error: { reason: 'SecurityServiceTypeNotSupported' } });
  expect(await late.goOn()).toMatchObject(superseded);
});

test('a late look at a server does not bring former denied ranges back', async () => {
  const decided = await newOperator();
  const look = (...deniedRanges: readonly string[]) => decided({ serverID, settings: { deniedRanges } });
  const namespace = `sn-${serverID.replaceAll('-', '').slice(0, 12)}`;
  const denied = () => host.machine.succeed(['ip', '-n', namespace, 'route', 'show', 'table', '100']);
  const late = await stoppedCall('describe', look('198.51.100.0/24'));
  // Also where the newer look changes nothing.
  await calls.succeed('describe', look());
  expect(await late.goOn()).toMatchObject({ ok: true, result: { healthy: true } });
  expect(await denied()).not.toContain('198.51.100.0/24');
  const later = await stoppedCall('describe', look());
  await calls.succeed('describe', look('203.0.113.0/24'));
  expect(await later.goOn()).toMatchObject({ ok: true, result: { healthy: true } });
  expect(await denied()).toContain('prohibit 203.0.113.0/24');
  await calls.succeed('describe', { serverID, settings: { deniedRanges: [] } });
  expect(await denied()).toContain('prohibit 203.0.113.0/24');
  await calls.succeed('describe', look());
  expect(await denied()).not.toContain('203.0.113.0/24');
});
