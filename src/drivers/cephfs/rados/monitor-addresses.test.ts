import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { findMonitors } from './monitor-addresses.ts';

const servers: Server[] = [];
const sockets: Socket[] = [];

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

/** Listens, says the text in parts to whoever connects, and answers its port. */
async function listen(parts: readonly string[], host = '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    for (const part of parts) socket.write(part);
  });
  servers.push(server);
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const v1 = ['ceph v027', '\0\0\0'];
const v2 = ['cep', 'h v2\n', '\x10\0'];

test('the version of the messenger is taken from the banner', async () => {
  const [first, second] = [await listen(v1), await listen(v2)];
  const { monHost, silent } = await findMonitors([`127.0.0.1:${first}`, `127.0.0.1:${second}`], 5_000);
  expect(monHost?.split(',').sort()).toEqual([`v1:127.0.0.1:${first}`, `v2:127.0.0.1:${second}`]);
  expect(silent).toEqual([]);
});

test('names are looked up, and IPv6 addresses may be given', async () => {
  const port = await listen(v2);
  expect((await findMonitors([`localhost:${port}`], 5_000)).monHost).toBe(`v2:127.0.0.1:${port}`);
  const port6 = await listen(v2, '::1').catch(() => undefined);
  // A machine may have no IPv6.
  if (port6 !== undefined) expect((await findMonitors([`[::1]:${port6}`], 5_000)).monHost).toBe(`v2:[::1]:${port6}`);
});

test.each<[string, readonly string[], RegExp]>([
  ['says nothing', [], /: no answer$/],
  ['is something else', ['SSH-2.0-OpenSSH_9.2\r\n'], /: not a monitor of Ceph$/],
])('an address that %s is left out after its time', async (_what, parts, reason) => {
  const port = await listen(parts);
  const { monHost, silent } = await findMonitors([`127.0.0.1:${port}`], 300);
  expect(monHost).toBeUndefined();
  expect(silent).toEqual([expect.stringMatching(reason)]);
});

test('those that are silent do not hold up one that answers', async () => {
  const [answering, silentPort] = [await listen(v2), await listen([])];
  const start = performance.now();
  const found = await findMonitors([`127.0.0.1:${silentPort}`, `127.0.0.1:${answering}`], 60_000);
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(found).toEqual({ monHost: `v2:127.0.0.1:${answering}`, silent: [`127.0.0.1:${silentPort}: no answer`] });
});

test('without a port both default ports are tried', async () => {
  const { silent } = await findMonitors(['monitor.invalid'], 5_000);
  expect(silent).toEqual(['monitor.invalid:3300: ENOTFOUND', 'monitor.invalid:6789: ENOTFOUND']);
});
