import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { assetSources } from '../../test/kube/assets.ts';
import { withCacheLock } from '../../test/kube/cache-lock.ts';
import type { Log } from '../../test/kube/progress.ts';

/** Something in the cache beside the control plane's programs. */
export interface MadeOnce {
  /** Its folder in the cache: another one for whatever is made differently. */
  readonly directory: string;
  /** Its own name in there. */
  readonly name: string;
  /** Whether a path is what was made. */
  readonly isThere: (path: string) => boolean | Promise<boolean>;
  /** Makes it at a path; what is left beside is removed. */
  readonly make: (path: string) => Promise<void>;
}

/**
 * A file or folder of the cache, made where it is missing: by one process at a time, and never seen half made.
 *
 * @returns its absolute path
 * @throws what `make` throws
 */
export async function madeOnce({ directory, name, isThere, make }: MadeOnce, log: Log): Promise<string> {
  const home = join(assetSources().cacheDirectory, 'go-tools', directory);
  const made = join(home, name);
  if (await isThere(made)) return made;
  await mkdir(home, { recursive: true });
  await withCacheLock(home, log, async () => {
    if (await isThere(made)) return;
    const staging = await mkdtemp(join(home, '.staging-'));
    try {
      const fresh = join(staging, name);
      await make(fresh);
      await rename(fresh, made);
    } finally {
      await rm(staging, { recursive: true, force: true });
    }
  });
  return made;
}

/** Differs when a file in the folder of a module does, or what else is reported. */
export async function moduleDigest(module: string, more = ''): Promise<string> {
  const hash = createHash('sha256').update(more);
  for (const file of (await readdir(module)).sort())
    hash.update(`${file}\0`).update(await readFile(join(module, file)));
  return hash.digest('hex').slice(0, 16);
}
