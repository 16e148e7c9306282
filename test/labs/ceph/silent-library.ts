import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A copy of libcephfs whose clients do not say what they mounted, as old or altered clients do. */
export interface SilentLibrary extends AsyncDisposable {
  /** Folder of the library, for `LD_LIBRARY_PATH`. */
  readonly directory: string;
}

/** Makes the copy: it sends the directory under another name than `root`, which metadata servers look for. */
export async function makeSilentLibrary(): Promise<SilentLibrary> {
  const { stdout } = await promisify(execFile)('/sbin/ldconfig', ['-p']);
  const [, path] = /libcephfs\.so\.2 .*=> (\S+)/.exec(stdout) ?? [];
  if (path === undefined) throw new Error('libcephfs.so.2 is not installed');
  const library = await readFile(path, 'latin1');
  if (!library.includes('root\0')) throw new Error(`${path} does not have the name "root"`);
  const directory = await mkdtemp(join(tmpdir(), 'libcephfs-'));
  await writeFile(join(directory, 'libcephfs.so.2'), library.replaceAll('root\0', 'r00t\0'), 'latin1');
  return { directory, [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) };
}
