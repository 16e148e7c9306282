import { posix } from 'node:path';

/** A client's session with a metadata server. */
export interface ClientSession {
  readonly id: number;
  /** The directory that the client mounted, as it says itself; undefined when it does not. */
  readonly root: string | undefined;
}

/** Sessions of one cephx id that a denial may concern. */
export interface ConcernedSessions {
  /** Their clients mounted the share or a directory below it. */
  readonly onShare: readonly number[];
  /** Their clients do not say what they mounted: it may be the share. */
  readonly unknown: readonly number[];
}

/**
 * Sorts the sessions of a cephx id by what their clients mounted. Mounts of other shares are left out, and so are mounts above the
 * share: those are no client of this id but of a daemon of the same name, such as the manager.
 * @param path of the subvolume
 */
export function sortSessions(sessions: readonly ClientSession[], path: string): ConcernedSessions {
  const idsOf = (matches: (root: string | undefined) => boolean): readonly number[] =>
    sessions.filter(({ root }) => matches(root)).map(({ id }) => id);
  return {
    onShare: idsOf((root) => root !== undefined && isAtOrBelow(root, path)),
    unknown: idsOf((root) => root === undefined),
  };
}

function isAtOrBelow(root: string, path: string): boolean {
  // Kernel clients tell the path as it was typed: with slashes doubled, at the end, or missing in front.
  const directory = posix.resolve('/', root);
  return directory === path || directory.startsWith(`${path}/`);
}
