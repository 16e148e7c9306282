import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from './progress.ts';

const pollMilliseconds = 200;

async function ownerIsGone(file: string): Promise<boolean> {
  const owner = Number(await readFile(file, 'utf8').catch(() => ''));
  if (owner === 0) {
    // Empty: its maker has not written yet. Missing: released just now. Both are seen again at the next look.
    return false;
  }
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

/**
 * Runs a step that only one process at a time may do in a folder; the others wait. A lock whose process has died is
 * taken over, so a killed build blocks no one.
 */
export async function withCacheLock<T>(directory: string, log: Log, step: () => Promise<T>): Promise<T> {
  const file = join(directory, '.lock');
  let told = false;
  for (;;) {
    try {
      await writeFile(file, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) {
        throw error;
      }
    }
    if (await ownerIsGone(file)) {
      await rm(file, { force: true });
      continue;
    }
    if (!told) {
      log(`waiting for another process that prepares ${directory}`);
      told = true;
    }
    await delay(pollMilliseconds);
  }
  try {
    return await step();
  } finally {
    await rm(file, { force: true });
  }
}
