import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { DriverSecurityService } from '../../../../src/drivers/driver.ts';
import type { Detour, TestHosts } from '../../../../src/drivers/samba/conformance-fixture.ts';
import { freePort } from '../../../kube/free-port.ts';
import type { SambaHost, SambaHostLab } from '../../../labs/samba-host/samba-host.ts';

const stateSchema = z.object({
  shares: z.record(
    z.string(),
    z.object({ rules: z.array(z.object({ type: z.string(), to: z.string(), level: z.string() })) }),
  ),
});

/** A host of a lab as `spec.samba.hosts` has it. */
export function hostConfigOf({ machine, ssh, root, interface: device }: SambaHost): Record<string, unknown> {
  const { address, port, user, hostKey } = ssh;
  return { name: machine.name, address, port, user, hostKey, root, interface: device };
}

/** The private keys of a lab's hosts, as the backend's credentials Secret has them. */
export function credentialsOf({ hosts }: SambaHostLab): Record<string, string> {
  return Object.fromEntries(hosts.map(({ machine, ssh }) => [`${machine.name}.sshPrivateKey`, ssh.privateKey]));
}

/** A packet of SSH with a request is longer than one that opens a channel or begins to number calls. */
const shortestRequest = 400;
/** How long the program on a host takes to refuse or do a call, in milliseconds. */
const answerMs = 2000;

async function openDetour(hostPort: number): Promise<Detour> {
  let armed = false;
  const held: (readonly [host: Socket, data: string | Buffer])[] = [];
  const detour = createServer((client) => {
    const host = connect(hostPort, '127.0.0.1').on('error', () => {});
    host.on('data', (data) => client.writable && client.write(data));
    client
      .on('error', () => {})
      .on('data', (data) => {
        if (held.length > 0 || (armed && data.length >= shortestRequest)) held.push([host, data]);
        else host.write(data);
      });
  });
  const port = await freePort();
  detour.listen(port, '127.0.0.1');
  await once(detour, 'listening');
  return {
    port,
    hold: () => {
      armed = true;
    },
    arrive: async () => {
      if (held.length === 0) throw new Error('no request is on its way');
      for (const [host, data] of held) host.write(data);
      await wait(answerMs);
      for (const [host] of held) host.destroy();
      detour.close();
    },
  };
}

/** The first host of a lab for the conformance suite. */
export async function testHostsOf(
  lab: SambaHostLab,
  securityServices: { readonly initial: DriverSecurityService; readonly next: DriverSecurityService },
  stop: () => Promise<void>,
): Promise<TestHosts> {
  const { host } = lab;
  const folderOf = (serverID: string): string => `${host.root}/servers/${serverID}`;
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => sockets.add(socket.on('error', () => {})));
  const silentPort = await freePort();
  silent.listen(silentPort, '127.0.0.1');
  await once(silent, 'listening');
  let last = 100;
  return {
    config: { hosts: [hostConfigOf(host)], credentialsSecretName: 'hosts' },
    privateKey: host.ssh.privateKey,
    silentPort,
    openDetour: () => openDetour(host.ssh.port),
    nextAddress: () => {
      last = last === 250 ? 101 : last + 1;
      return { ipAddress: `10.77.0.${last}`, prefixLength: 24 };
    },
    securityServices,
    rulesOf: async (serverID, shareID) => {
      const state = await host.machine.succeed(['cat', `${folderOf(serverID)}/state.json`]);
      return stateSchema.parse(JSON.parse(state)).shares[shareID]?.rules ?? [];
    },
    fill: async (serverID, shareID, bytes) => {
      const file = `${folderOf(serverID)}/shares/${shareID}/data`;
      await host.machine.succeed(['fallocate', '--length', String(bytes), file]);
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      silent.close();
      await stop();
    },
  };
}
