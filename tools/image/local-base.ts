import { existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { CommandError, outputOf, runCommand } from './run-command.ts';

/** A base image with the arguments that `podman build` needs besides. */
export interface LocalBase {
  readonly image: string;
  readonly args: readonly string[];
}

const image = 'localhost/sharenet-node:local';

/**
 * A base for where no registry of images can be reached: a small Debian of this machine's release by debootstrap, and this process's
 * Node.js with the machine's npm, in the places that the official image has them. Kept in podman's storage; `podman rmi` it to have it
 * made again. The stages then run with this machine's network, npm settings and certificates.
 *
 * @throws CommandError where that can't be done
 */
export async function localBase(): Promise<LocalBase> {
  const npm = await npmFolder();
  // In a machine that is a container itself the usual isolation may be refused.
  const args = ['--isolation', 'chroot', '--network', 'host', ...volumes(npm)];
  const made = await outputOf('podman', ['image', 'exists', image]).then(
    () => true,
    () => false,
  );
  if (made) return { image, args };
  if (process.getuid?.() !== 0) throw new CommandError('a local base is made with debootstrap, which needs root');
  const folder = await mkdtemp(join(tmpdir(), 'sharenet-base-'));
  try {
    const system = join(folder, 'root');
    const release = await outputOf('sh', ['-c', '. /etc/os-release; echo "$VERSION_CODENAME"']);
    await runCommand('debootstrap', ['--variant=minbase', '--include=ca-certificates,libatomic1', release, system]);
    await mkdir(join(system, 'usr/local/lib/node_modules'), { recursive: true });
    await copyFile(process.execPath, join(system, 'usr/local/bin/node'));
    await cp(npm, join(system, 'usr/local/lib/node_modules/npm'), { recursive: true, dereference: true });
    await runCommand('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', join(system, 'usr/local/bin/npm')]);
    const archive = join(folder, 'base.tar');
    await runCommand('tar', ['--create', '--numeric-owner', '--file', archive, '--directory', system, '.']);
    const environment = 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    await runCommand('podman', ['import', '--change', environment, archive, image]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { image, args };
}

/** The folder of the npm on the PATH. It can not be asked: it answers for the Node.js that it is run with. */
async function npmFolder(): Promise<string> {
  const program = await outputOf('sh', ['-c', 'command -v npm']).catch(() => {
    throw new CommandError('npm is not on the PATH');
  });
  return join(await realpath(program), '../..');
}

/** What npm and apt-get need in the stages to reach what they reach on this machine. */
function volumes(npm: string): readonly string[] {
  const mounts = [
    [join(homedir(), '.npmrc'), '/root/.npmrc'],
    [join(npm, '../../../etc/npmrc'), '/usr/local/etc/npmrc'],
    ['/etc/ssl/certs', '/etc/ssl/certs'],
  ] as const;
  return mounts.filter(([from]) => existsSync(from)).flatMap(([from, to]) => ['--volume', `${from}:${to}:ro`]);
}
