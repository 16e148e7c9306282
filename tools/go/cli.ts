/** `node tools/go/cli.ts build` builds every program of this folder that the cache does not have. */
import { goTool, goToolNames } from './go-tools.ts';

if (process.argv[2] !== 'build') {
  console.error('usage: node tools/go/cli.ts build');
  process.exit(2);
}
// One after the other: each build uses every core.
for (const name of goToolNames) await goTool(name, (line) => console.error(line));
