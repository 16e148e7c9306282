import type { DriverServer, DriverShare } from '../../driver.ts';
import type { WorkTarget } from '../../kit/long-work.ts';

/** Identifier of a share server: its host and its id there. */
export function serverIdentifier(hostName: string, { id }: Pick<DriverServer, 'id'>): string {
  return `${hostName}/${id}`;
}

/** Identifier of a share: that of its server and its id there. */
export function shareIdentifier(hostName: string, server: Pick<DriverServer, 'id'>, { id }: DriverShare): string {
  return `${serverIdentifier(hostName, server)}/${id}`;
}

/** The host that an identifier names. */
export function hostNameOf(identifier: string): string {
  return identifier.split('/', 1)[0] ?? '';
}

/** Token of an operation that continues on a host. */
export function tokenOf(hostName: string): string {
  return `host:${hostName}`;
}

/** Work on a share server that takes longer than a call. */
export function workOn({ id }: Pick<DriverServer, 'id'>, host: { readonly name: string }): WorkTarget {
  return { key: id, token: tokenOf(host.name), who: `host ${host.name}` };
}

/** The host that a token names; undefined for none. */
export function hostNameOfToken(token: string | undefined): string | undefined {
  return token?.startsWith('host:') === true ? token.slice('host:'.length) : undefined;
}
