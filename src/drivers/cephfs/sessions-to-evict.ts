import { posix } from 'node:path';

/** A client's session with a metadata server. */
export interface ClientSession {
  readonly id: number;
  /** The directory that the client mounted, as it says itself; undefined when it does not. */
  readonly root: string | undefined;
}

/**
 * The sessions of a cephx id that use a share: those that mounted its path or a directory below it. A client that does not tell
 * what it mounted is taken along. Mounts of other shares live on, and so does what merely has a mount above the share: that is
 * no client of this id but a daemon of the same name, such as the manager.
 * @param path of the subvolume
 */
export function sessionsToEvict(sessions: readonly ClientSession[], path: string): readonly number[] {
  return sessions.filter(({ root }) => root === undefined || isAtOrBelow(root, path)).map(({ id }) => id);
}

function isAtOrBelow(root: string, path: string): boolean {
  // Kernel clients tell the path as it was typed: with slashes doubled, at the end, or missing in front.
  const directory = posix.resolve('/', root);
  return directory === path || directory.startsWith(`${path}/`);
}
