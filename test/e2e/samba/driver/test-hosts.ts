import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { z } from 'zod';
import type { DriverSecurityService } from '../../../../src/drivers/driver.ts';
import type { TestHosts } from '../../../../src/drivers/samba/conformance-fixture.ts';
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
