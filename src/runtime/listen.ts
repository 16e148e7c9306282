import type { AddressInfo, Server } from 'node:net';

/**
 * Lets a server listen; port 0 takes a free one.
 *
 * @param what the server and the address, for the error
 * @returns the port
 * @throws when the address can't be used
 */
export async function listen(
  server: Server,
  { host, port }: { readonly host: string | undefined; readonly port: number },
  what: { readonly name: string; readonly address: string },
): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const refused = (error: Error) =>
      reject(new Error(`${what.name} can not listen on ${what.address}: ${error.message}`));
    server.once('error', refused);
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', refused);
      resolve();
    });
  });
  const bound: AddressInfo | string | null = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}
