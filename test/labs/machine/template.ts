import { createHash } from 'node:crypto';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { withCacheLock } from '../../kube/cache-lock.ts';
import type { Machine } from './machine.ts';

/** Environment variable with a folder for what several labs of one run begin with; without it each is made again. */
export const templatesVariable = 'SHARENET_LAB_TEMPLATES';

/**
 * Puts folders on a machine in the state in which `make` leaves them. In one run the same is made once: later machines get a copy.
 *
 * @param of what the state is made from
 * @param folders relative to the machine's root
 */
export async function fromTemplate(
  machine: Machine,
  { of, folders }: { readonly of: unknown; readonly folders: readonly string[] },
  make: () => Promise<void>,
): Promise<void> {
  const directory = process.env[templatesVariable];
  if (directory === undefined) {
    await make();
    return;
  }
  const digest = createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 16);
  const own = join(directory, digest);
  await mkdir(own, { recursive: true });
  await withCacheLock(
    own,
    () => {},
    async () => {
      const archive = join(own, 'files.tar');
      const tar = ['tar', '--xattrs', '--xattrs-include=*', '--directory', '/'];
      if ((await readdir(own)).includes('files.tar')) {
        await machine.succeed([...tar, '--extract', '--file', archive]);
        return;
      }
      await make();
      await machine.succeed([...tar, '--create', '--file', `${archive}.new`, ...folders]);
      await rename(`${archive}.new`, archive);
    },
  );
}
