import { afterAll } from 'vitest';
import type { SambaHost } from '../../labs/samba-host/samba-host.ts';

const top = '/sys/fs/cgroup';
const controllers = ['pids', 'memory'] as const;

/** Gives a host control groups of version 1, as one without systemd has them, until the tests of the calling file have ended. */
export async function mountControlGroups({ machine }: SambaHost): Promise<void> {
  const mounts = controllers.map((name) => `mkdir ${name} && mount -t cgroup -o ${name} cgroup ${name}`).join(' && ');
  await machine.succeed(['sh', '-c', `mount -t tmpfs tmpfs ${top} && cd ${top} && ${mounts}`]);
  afterAll(() => machine.run(['rmdir', ...controllers.map((name) => `${top}/${name}/sharenet-samba`)]));
}

/** The folder of a share server's control group. */
export function controlGroup(controller: (typeof controllers)[number], serverID: string): string {
  return `${top}/${controller}/sharenet-samba/${serverID}`;
}
