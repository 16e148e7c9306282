import { join } from 'node:path';
import { expect, test } from 'vitest';
import { newServer, startHost } from './host-calls.ts';

// A share server of the last version before masks of rules were written in full, as that version left it on the disk.
const serverID = '0f0d1b0e-0c5a-4a36-9d3e-5b8d0c9a1f00';
const byAddress = '6e52cda1-2bba-4345-8b1b-52a99c21b1e2';
const byName = '7e52cda1-2bba-4345-8b1b-52a99c21b1e3';
const address = '10.77.0.90';
const within = 'fd00:77::1:5';
const outside = 'fd00:99::5';

const { lab, host, calls } = await startHost();
const base = `${host.root}/servers/${serverID}`;

function shell(command: string): Promise<string> {
  return host.machine.succeed(['sh', '-c', command]);
}

/** What Samba says of a client's way to the share that has rules for addresses. */
function judged(client: string, file: string): readonly string[] {
  return ['testparm', '--suppress-prompt', file, client, client];
}
const allowed = (client: string) => `Allow connection from ${client} (${client}) to share-${byAddress}`;

test('a share server of a former version is taken over with its rules, addresses and data', async () => {
  const folders = ['cache', 'lib', 'log', 'mount', 'private', 'run', `shares/${byAddress}`, `shares/${byName}`];
  await shell(`mkdir -p ${host.root} && cp -r ${join(import.meta.dirname, 'former-state')}/. ${host.root} && cd ${base} &&
    mkdir -p ${folders.join(' ')} && chmod 0777 shares/* && echo kept >shares/${byName}/file`);
  // The mask that the former version wrote is one of another kind to Samba.
  const former = await host.machine.run(judged(outside, `${base}/etc/samba/smb.conf`));
  expect(former.stderr).toContain(allowed(outside));

  await host.machine.succeed(['/usr/local/sbin/sharenet-samba-host', 'start', host.root]);
  expect(await calls.succeed('describe', { serverID })).toMatchObject({ healthy: true });
  const lets = async (client: string) => {
    const { stderr } = await host.inServer(serverID, judged(client, '/etc/samba/smb.conf'));
    return stderr.includes(allowed(client));
  };
  expect([await lets(outside), await lets(within)]).toEqual([false, true]);
  for (const [shareID, rules] of [
    [byAddress, 2],
    [byName, 1],
  ] as const) {
    expect(await calls.succeed('share-describe', { serverID, shareID })).toMatchObject({ exists: true, rules });
  }
  expect(await shell(`ip -n sn-${serverID.replaceAll('-', '').slice(0, 12)} route show table 100`)).toContain(
    '10.96.0.0/12',
  );

  const added = await host.inServer(serverID, ['smbpasswd', '-s', '-a', 'alice'], 'alice-1\nalice-1\n');
  expect(added.code, added.stderr).toBe(0);
  const login = { address, share: `share-${byName}`, user: 'alice', password: 'alice-1' };
  expect((await lab.client.run(login, 'ls')).stdout).toMatch(/^ {2}file /m);

  const other = { interface: host.interface, server: newServer(address), securityServices: [], settings: {} };
  expect(await calls.call('create', other)).toMatchObject({ ok: false, error: { reason: 'AddressInUse' } });
});
