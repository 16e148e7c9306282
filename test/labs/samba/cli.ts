/** `node test/labs/samba/cli.ts install` installs what the tests on Samba need, where it is missing. */
import { installPackages } from '../debian-packages.ts';
import { namespaceProblem, sambaPackages } from './packages.ts';

const log = (line: string) => process.stderr.write(`${line}\n`);

/** Exit code of `install` on a system that can't run the tests. */
const unsupported = 3;

const name = process.argv[2] ?? '';
try {
  if (name !== 'install') {
    log(`test/labs/samba/cli.ts: unknown command ${JSON.stringify(name)}; use install`);
    process.exitCode = 2;
  } else {
    const packages = await installPackages(sambaPackages, log);
    const state = packages.state === 'installed' ? await namespaceProblem() : packages;
    if (state.state === 'unsupported') {
      log(state.reason);
      process.exitCode = unsupported;
    }
  }
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
