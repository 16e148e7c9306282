import { access, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { DriverError } from '../../../../src/drivers/errors.ts';
import { sambaConfigSchema } from '../../../../src/drivers/samba/config.ts';
import { Host, type HostCall } from '../../../../src/drivers/samba/hosts/host.ts';
import { eventually } from '../../../faults/eventually.ts';
import { freePort } from '../../../kube/free-port.ts';
import { makePrivateKey, SSHServer } from '../../../labs/sshd/ssh-server.ts';

const echo = z.object({ request: z.record(z.string(), z.unknown()), command: z.string() });
type Echo = typeof echo;

let server: SSHServer;
let directory: string;
const opened: Host[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sharenet-transport-'));
  const program = new URL('stand-in.ts', import.meta.url).pathname;
  server = await SSHServer.start({ forcedCommand: `${process.execPath} ${program} ${directory}`, maxSessions: 8 });
});

afterEach(() => {
  for (const host of opened.splice(0)) host.close();
});

afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** Changes of the host's configuration. */
interface HostChanges {
  readonly port?: number;
  readonly hostKey?: string;
}

function open(changes: HostChanges = {}, privateKey = server.privateKey): Host {
  const { address, port, user, hostKey } = server;
  const [config] = sambaConfigSchema.parse({
    hosts: [{ name: 'filer-a', address, port, user, hostKey, root: '/srv/sharenet', interface: 'br0', ...changes }],
    credentialsSecretName: 'filers',
  }).hosts;
  if (config === undefined) throw new Error('there is no host');
  const host = new Host(config, privateKey, { installationID: 'i', backend: 'b' });
  opened.push(host);
  return host;
}

function ask(host: Host, request: HostCall<Echo>['request'], rest: Partial<HostCall<Echo>> = {}) {
  return host.call({ verb: 'describe-host', request, schema: echo, signal: AbortSignal.timeout(20_000), ...rest });
}

async function failure(call: Promise<unknown>): Promise<DriverError> {
  const thrown: unknown = await call.then(
    (answer) => answer,
    (error: unknown) => error,
  );
  if (thrown instanceof DriverError) return thrown;
  throw new Error(`not a DriverError: ${JSON.stringify(thrown)}`);
}

const marked = (name: string): Promise<boolean> =>
  access(join(directory, name)).then(
    () => true,
    () => false,
  );

test('verbs go over one login that is kept, whatever is in their values', async () => {
  const before = await server.logins();
  const host = open();
  const hostile = '"; touch /tmp/owned; $(reboot) `id` %s \n\\ ü';
  const { request, command } = await ask(host, { hostile });
  expect(request).toEqual({
    protocol: 1,
    verb: 'describe-host',
    deadlineSeconds: 45,
    root: '/srv/sharenet',
    hostile,
    behaviour: 'echo',
    milliseconds: 0,
  });
  expect(command).toBe('sharenet-samba-host');
  await Promise.all([1, 2, 3].map((number) => ask(host, { number })));
  expect((await server.logins()) - before).toBe(1);
});

test('a host with another key than the pinned one is shown nothing', async () => {
  const before = await server.keysShown();
  const other = await SSHServer.start({ forcedCommand: 'true' });
  try {
    const error = await failure(ask(open({ hostKey: other.hostKey }), { password: 'hunter2-secret' }));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostKeyMismatch' });
    expect(error.message).toContain('host filer-a (127.0.0.1:');
    expect(await server.keysShown()).toBe(before);
  } finally {
    await other.stop();
  }
});

test('a host that lets the key not in says what to look at', async () => {
  const host = open({}, await makePrivateKey(directory, 'stranger'));
  const error = await failure(ask(host, {}));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostLoginFailed' });
  expect(error.message).toContain(`refused user ${server.user}`);
});

test('a host that let the key not in is not asked again for some minutes: it might ban the address', async () => {
  const shown = async (host: Host) => {
    const before = await server.keysShown();
    expect(await failure(ask(host, {}))).toMatchObject({ reason: 'HostLoginFailed', retryAfter: expect.any(Number) });
    return (await server.keysShown()) - before;
  };
  const key = await makePrivateKey(directory, 'stranger-2');
  const host = open({}, key);
  expect(await shown(host)).toBe(1);
  expect(await shown(host)).toBe(0);
  // As after another key, or when a person asks.
  expect(await shown(open({}, key))).toBe(1);
});

test('a host that is down is named', async () => {
  const error = await failure(ask(open({ port: await freePort() }), {}));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'HostUnreachable' });
  expect(error.message).toContain('host filer-a');
});

test('a call to a host that accepts and says nothing ends when its signal aborts', async () => {
  const silent = createServer();
  const port = await freePort();
  silent.listen(port, '127.0.0.1');
  try {
    const startedAt = performance.now();
    const error = await failure(ask(open({ port }), {}, { signal: AbortSignal.timeout(200) }));
    expect(error).toMatchObject({ kind: 'Unavailable', reason: 'OperationTimeout' });
    expect(performance.now() - startedAt).toBeLessThan(2000);
  } finally {
    for (const host of opened) host.close();
    silent.close();
  }
});

test('a call that is cut off ends at once, what it began goes on, and the next one is answered', async () => {
  const host = open();
  await ask(host, {});
  const abort = new AbortController();
  const cut = failure(ask(host, { behaviour: 'sleep', milliseconds: 1500, mark: 'went-on' }, { signal: abort.signal }));
  const later = ask(host, {});
  await later;
  abort.abort();
  const startedAt = performance.now();
  expect(await cut).toMatchObject({ kind: 'Unavailable', reason: 'OperationAborted' });
  expect(performance.now() - startedAt).toBeLessThan(500);
  expect(await marked('went-on')).toBe(false);
  await ask(host, {});
  await eventually('the command has gone on to its end', () => marked('went-on'), 10_000);
});

test('a call whose signal has aborted already does nothing', async () => {
  const before = await server.logins();
  const error = await failure(ask(open(), { mark: 'never' }, { signal: AbortSignal.abort() }));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'OperationAborted' });
  expect(await marked('never')).toBe(false);
  expect(await server.logins()).toBe(before);
});

test('a program that takes longer than it was told is not waited for', async () => {
  const error = await failure(ask(open(), { behaviour: 'sleep', milliseconds: 15_000 }, { deadlineSeconds: 0.1 }));
  expect(error).toMatchObject({ kind: 'Unavailable', reason: 'OperationTimeout' });
});

test('a connection that breaks off fails what runs on it, and is made again', async () => {
  const host = open();
  const before = await server.logins();
  const cut = failure(ask(host, { behaviour: 'sleep', milliseconds: 10_000 }));
  await eventually('the command runs', async () => (await server.logins()) > before, 10_000);
  await ask(host, {});
  await server.dropConnections();
  expect(await cut).toMatchObject({ kind: 'Unavailable', reason: 'HostConnectionLost' });
  await ask(host, {});
  expect((await server.logins()) - before).toBe(2);
});

test('commands that were cut off and still run do not keep others out', async () => {
  const host = open();
  for (let round = 0; round < 3; round += 1) {
    const abort = new AbortController();
    const cut = Array.from({ length: 8 }, (_, number) =>
      failure(
        ask(
          host,
          { behaviour: 'sleep', milliseconds: 6000, mark: `cut-${round}-${number}` },
          { signal: AbortSignal.any([abort.signal, AbortSignal.timeout(20_000)]) },
        ),
      ),
    );
    // They take the places in the order they came.
    const waiting = failure(ask(host, {}, { signal: AbortSignal.timeout(300) }));
    expect(await waiting).toMatchObject({ reason: 'OperationTimeout' });
    abort.abort();
    expect((await Promise.all(cut)).map(({ reason }) => reason)).toEqual(Array(8).fill('OperationAborted'));
  }
  await ask(host, {});
});

test('a flood is cut off', async () => {
  expect(await failure(ask(open(), { behaviour: 'flood' }))).toMatchObject({ reason: 'UnexpectedAnswer' });
});

test('what the program refuses is the failure of the call, without secrets and control characters', async () => {
  const error = {
    kind: 'Rejected',
    reason: 'PasswordRefused',
    message: 'the password of joiner,\n hunter2-secret, was refused',
    detail: 'hunter2-secret',
    retryAfterSeconds: 3,
    partial: { details: { domain: 'a.test' } },
  };
  const thrown = await failure(ask(open(), { behaviour: 'refuse', error }, { secrets: ['hunter2-secret'] }));
  expect(thrown).toMatchObject({
    kind: 'Rejected',
    reason: 'PasswordRefused',
    message: 'the password of joiner,  [redacted], was refused',
    detail: 'host filer-a, describe-host: [redacted]',
    retryAfter: 3,
    partial: { backendDetails: { domain: 'a.test' } },
  });
});

test.each([
  ['crash', 'HostProgramFailed', 'ended with code 1 without an answer'],
  ['babble', 'HostProgramFailed', 'ended with code 0 without an answer'],
  ['missing', 'HostProgramMissing', 'has no sharenet-samba-host'],
])('a program that does %s is told as %s', async (behaviour, reason, says) => {
  const thrown = await failure(ask(open(), { behaviour, password: 'hunter2-secret' }, { secrets: ['hunter2-secret'] }));
  expect(thrown).toMatchObject({ kind: 'Unavailable', reason, message: expect.stringContaining(says) });
  expect(`${thrown.message}${thrown.detail}`).not.toContain('hunter2-secret');
});

test('a result of another form is told without quoting it', async () => {
  const schema = z.object({ request: z.object({ size: z.number() }) });
  const call = {
    verb: 'share-describe',
    request: { size: 'hunter2-secret' },
    signal: AbortSignal.timeout(20_000),
  } as const;
  const thrown = await failure(open().call({ ...call, schema }));
  expect(thrown).toMatchObject({ kind: 'Internal', reason: 'UnexpectedAnswer' });
  expect(thrown.detail).toBe('first field that does not fit: request.size');
});
