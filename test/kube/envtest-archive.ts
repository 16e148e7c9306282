import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { DownloadError, downloadFile, downloadText } from './download.ts';
import { goArch, goOs } from './platform.ts';
import type { Log } from './progress.ts';
import { minorVersion } from './versions.ts';

/** The index of envtest archives that controller-tools publishes. */
export const officialEnvtestIndex =
  'https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml';

const indexSchema = z.object({
  releases: z.record(z.string(), z.record(z.string(), z.object({ hash: z.hex(), selfLink: z.url() }))),
});

/**
 * Downloads the envtest archive for this platform, checks its sha512 and unpacks it. The index does not hold every
 * patch version, so the newest patch of the wanted minor version is taken, the wanted one first of all.
 *
 * @param wanted the Kubernetes version, for example `v1.36.3`
 * @param directory an empty folder of the caller's; the programs are put into it, under their own names
 * @returns the version that was taken
 * @throws DownloadError when there is none, it cannot be reached, or its checksum is wrong
 */
export async function installEnvtestArchive(
  indexUrl: string,
  wanted: string,
  directory: string,
  log: Log,
): Promise<string> {
  const index = indexSchema.safeParse(parse(await downloadText(indexUrl)));
  if (!index.success) {
    throw new DownloadError(`${indexUrl}: is no index of envtest archives`);
  }
  const candidates = Object.entries(index.data.releases).flatMap(([version, archives]) => {
    const archive = archives[`envtest-${version}-${goOs}-${goArch}.tar.gz`];
    const patch = version.match(/^v\d+\.\d+\.(\d+)$/)?.[1];
    const usable = archive !== undefined && patch !== undefined && minorVersion(version) === minorVersion(wanted);
    return usable ? [{ version, archive, rank: version === wanted ? Number.POSITIVE_INFINITY : Number(patch) }] : [];
  });
  const best = candidates.sort((a, b) => b.rank - a.rank)[0];
  if (best === undefined) {
    throw new DownloadError(
      `${indexUrl}: has no archive of Kubernetes 1.${minorVersion(wanted)} for ${goOs}/${goArch}`,
    );
  }
  const archiveFile = join(directory, 'envtest.tar.gz');
  await downloadFile(best.archive.selfLink, archiveFile, { algorithm: 'sha512', digest: best.archive.hash }, log);
  const unpacked = join(directory, 'unpacked');
  await mkdir(unpacked);
  await promisify(execFile)('tar', ['-xzf', archiveFile, '-C', unpacked]);
  for (const entry of await readdir(unpacked, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      await chmod(join(entry.parentPath, entry.name), 0o755);
      await rename(join(entry.parentPath, entry.name), join(directory, entry.name));
    }
  }
  return best.version;
}
