import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { DownloadError, downloadFile, downloadText } from './download.ts';
import { goArch, goOs } from './platform.ts';
import type { Log } from './progress.ts';

/** Where the Kubernetes project publishes its programs, one file each with its sha256 beside it. */
export const officialKubernetesReleases = 'https://dl.k8s.io/release';

/**
 * Downloads one program of a Kubernetes release for this platform and checks its sha256.
 *
 * @param releases the URL above the folders named by version
 * @param directory a folder of the caller's; the program is put into it
 * @throws DownloadError when it is not published for this platform, cannot be reached, or its checksum is wrong
 */
export async function installReleasedProgram(
  releases: string,
  version: string,
  program: string,
  directory: string,
  log: Log,
): Promise<void> {
  const url = `${releases}/${version}/bin/${goOs}/${goArch}/${program}`;
  const digest = (await downloadText(`${url}.sha256`)).trim().split(/\s+/)[0] ?? '';
  if (!/^[0-9a-f]{64}$/i.test(digest)) {
    throw new DownloadError(`${url}.sha256: is no sha256`);
  }
  const file = join(directory, program);
  await downloadFile(url, file, { algorithm: 'sha256', digest }, log);
  await chmod(file, 0o755);
}
