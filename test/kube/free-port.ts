import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Ports below the range from which the kernel picks the local port of outgoing connections (32768 and up on Linux,
 * 49152 on macOS): a server that is stopped and started again finds its port still free.
 */
const lowest = 20_000;
const highest = 32_767;

/** Each worker of a test run has every eighth port for itself: two that ask at once must not get the same. */
const lanes = 8;
const lane = Number(process.env.VITEST_POOL_ID ?? 0) % lanes;

/** Ports that this process has been given: who asks for two of them before either is used must get two. */
const given = new Set<number>();

/**
 * Finds a port of 127.0.0.1 on which no one listens, each time another one. Another process may take it before it is used: the caller must
 * notice and try another.
 *
 * @throws when fifty ports in turn are taken
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = lowest + lanes * Math.floor((Math.random() * (highest - lowest + 1)) / lanes) + lane;
    if (given.has(port)) continue;
    const server = createServer();
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      given.add(port);
      return port;
    } catch {
      // Taken; try the next one.
    } finally {
      if (server.listening) {
        server.close();
        await once(server, 'close');
      }
    }
  }
  throw new Error(`no free port on 127.0.0.1 between ${lowest} and ${highest}`);
}
