/** `node tools/go/cli.ts build` gets what the cache does not have: every program of this folder, and the CRDs of other projects. */
import { foreignCrds } from './foreign-crds.ts';
import { goTool, goToolNames } from './go-tools.ts';

if (process.argv[2] !== 'build') {
  console.error('usage: node tools/go/cli.ts build');
  process.exit(2);
}
// One after the other: each build uses every core.
const log = (line: string): void => console.error(line);
for (const name of goToolNames) await goTool(name, log);
await foreignCrds('flux', log);
