import { createHash } from 'node:crypto';
import type { DriverExportLocation } from '../driver.ts';
import { hostInPath, uncPath } from '../kit/export-paths.ts';
import type { ShareDocument } from './storage/documents.ts';

/** Where a backend that makes no share servers exports its shares: an address of the range for documentation. */
const backendAddress = '192.0.2.10';

/**
 * Where clients find a share: one location per address of its share server, the first one preferred.
 * @param addresses addresses of the share server; undefined where the backend makes none
 */
export function exportLocationsOf(
  backendName: string,
  share: Pick<ShareDocument, 'id' | 'protocol'>,
  addresses: readonly string[] = [backendAddress],
): DriverExportLocation[] {
  return addresses.map((address, index) => ({
    ...locationAt(backendName, share, address),
    address,
    preferred: index === 0,
  }));
}

function locationAt(
  backendName: string,
  share: Pick<ShareDocument, 'id' | 'protocol'>,
  address: string,
): Pick<DriverExportLocation, 'path' | 'metadata'> {
  const host = hostInPath(address);
  switch (share.protocol) {
    case 'NFS':
      return { path: `${host}:/shares/${share.id}` };
    case 'CIFS':
      return { path: uncPath(address, `share-${share.id}`) };
    case 'CEPHFS': {
      const monitors = `${host}:6789`;
      const rootPath = `/volumes/_nogroup/${share.id}`;
      return {
        path: `${monitors}:${rootPath}`,
        metadata: { fsName: 'dummyfs', clusterID: clusterIDOf(backendName), monitors, rootPath },
      };
    }
  }
}

/** A UUID that stays the same for a backend. */
function clusterIDOf(backendName: string): string {
  const hex = createHash('sha256').update(`dummy/${backendName}`).digest('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
