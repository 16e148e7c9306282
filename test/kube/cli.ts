/** `node test/kube/cli.ts build` prepares the programs of the control plane; `up` starts one until Ctrl-C. */
import { once } from 'node:events';
import { findAssets } from './assets.ts';
import { startControlPlane } from './control-plane.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);

async function up(): Promise<void> {
  const start = performance.now();
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM'), once(process, 'SIGHUP')]);
  const started = startControlPlane({ log });
  const plane = await Promise.race([started, interrupted.then(() => undefined)]);
  if (plane === undefined) {
    // Still starting: the supervisor removes what there is when this process ends.
    process.exit(130);
  }
  log(`control plane ready in ${((performance.now() - start) / 1000).toFixed(1)} s at ${plane.server}`);
  log(`logs and data in ${plane.directory}, removed at the end; kubectl: ${plane.kubectlPath}`);
  process.stdout.write(`export KUBECONFIG=${plane.kubeconfigPath}\n`);
  log('Ctrl-C stops it');
  // The control plane does not keep this process alive.
  const alive = setInterval(() => {}, 60_000);
  await interrupted;
  clearInterval(alive);
  log('stopping');
  await plane.stop();
}

const command = process.argv[2];
try {
  if (command === 'build') {
    for (const [program, file] of Object.entries(await findAssets(log))) {
      process.stdout.write(`${program}: ${file}\n`);
    }
  } else if (command === 'up') {
    await up();
  } else {
    log(`test/kube/cli.ts: unknown command ${JSON.stringify(command ?? '')}; use build or up`);
    process.exitCode = 2;
  }
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
