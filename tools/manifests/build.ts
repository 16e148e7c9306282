/**
 * Writes the one file that installs Sharenet.
 *
 *   node tools/manifests/build.ts [--image NAME[:TAG|@DIGEST]] [--output FILE]     by default dist/install.yaml
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../../src/version.ts';
import { distDirectory, installManifest } from './install-manifest.ts';

const { values } = parseArgs({
  options: { image: { type: 'string' }, output: { type: 'string', default: join(distDirectory, 'install.yaml') } },
});
const { image, output } = values;
const stamp = { version, ...(image === undefined || image === '' ? {} : { image }) };
try {
  const text = await installManifest(stamp);
  await mkdir(dirname(output), { recursive: true });
  await writeFile(output, text);
  console.log(
    `${relative(process.cwd(), output)}: ${text.match(/^kind: /gm)?.length ?? 0} objects, version ${stamp.version}`,
  );
} catch (error) {
  console.error(`manifests: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
