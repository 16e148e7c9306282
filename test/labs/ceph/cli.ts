/** `node test/labs/ceph/cli.ts install` installs Ceph where it is missing; `up` starts a cluster until Ctrl-C. */
import { once } from 'node:events';
import { installPackages } from '../debian-packages.ts';
import { startCeph } from './ceph-lab.ts';
import { cephPackages } from './packages.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);

/** Exit code of `install` on a system that it can't install Ceph on. */
const unsupported = 3;

async function up(): Promise<void> {
  const start = performance.now();
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')]);
  const lab = await Promise.race([startCeph(), interrupted.then(() => undefined)]);
  if (lab === undefined) {
    // Still starting: the supervisor removes what there is when this process ends.
    process.exit(130);
  }
  log(`Ceph cluster ready in ${((performance.now() - start) / 1000).toFixed(1)} s, file system ${lab.fileSystem}`);
  log(`logs and data in ${lab.directory}, removed at the end; monitors: ${lab.monitors.join(', ')}`);
  process.stdout.write(`export CEPH_CONF=${lab.directory}/ceph.conf\n`);
  log('Ctrl-C stops it');
  // The cluster does not keep this process alive.
  const alive = setInterval(() => {}, 60_000);
  await interrupted;
  clearInterval(alive);
  log('stopping');
  await lab.stop();
}

async function install(): Promise<void> {
  const packages = await installPackages(cephPackages, log);
  if (packages.state === 'unsupported') {
    log(packages.reason);
    process.exitCode = unsupported;
  }
}

const commands: Readonly<Record<string, () => Promise<void>>> = { install, up };
const name = process.argv[2] ?? '';
const command = commands[name];
try {
  if (command === undefined) {
    log(`test/labs/ceph/cli.ts: unknown command ${JSON.stringify(name)}; use install or up`);
    process.exitCode = 2;
  } else {
    await command();
  }
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
