import type { ShareServer } from '../api/v1alpha1/share-server.ts';
import { compare } from '../values/compare.ts';
import type { Candidate } from './filters.ts';

/** The backend with the most free space, by name when equal; one that does not report its capacity comes after all that do. */
export function bestBackend(candidates: readonly Candidate[]): Candidate | undefined {
  const [best] = candidates.toSorted(
    (left, right) =>
      (right.free ?? -1) - (left.free ?? -1) || compare(left.backend.metadata.name, right.backend.metadata.name),
  );
  return best;
}

/**
 * The server for another share: active ones before those that are being set up, then the one with the fewest shares.
 * @param limit most shares of a server
 */
export function bestServer(
  servers: readonly ShareServer[],
  shareCount: (serverName: string) => number,
  limit: number,
): ShareServer | undefined {
  const [best] = servers
    // Counted once: a sort asks for each many times.
    .map((server) => ({ server, count: shareCount(server.metadata.name) }))
    .filter(({ count }) => count < limit)
    .sort(
      (left, right) =>
        Number(isActive(right.server)) - Number(isActive(left.server)) ||
        left.count - right.count ||
        compare(left.server.metadata.name, right.server.metadata.name),
    );
  return best?.server;
}

function isActive({ status }: ShareServer): boolean {
  return status?.phase === 'active';
}
