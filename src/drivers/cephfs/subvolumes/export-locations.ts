import type { DriverExportLocation } from '../../driver.ts';
import type { CephFSConfig } from '../config.ts';

/** Where clients find a subvolume: the monitors and the path, as `mount -t ceph` takes them, and what ceph-csi asks for. */
export function exportLocationsOf(
  { monitors, fsName, clusterID }: Pick<CephFSConfig, 'monitors' | 'fsName' | 'clusterID'>,
  path: string,
  fsid: string,
): readonly DriverExportLocation[] {
  const list = monitors.join(',');
  return [
    {
      path: `${list}:${path}`,
      address: list,
      preferred: true,
      metadata: { fsName, clusterID: clusterID ?? fsid, monitors: list, rootPath: path },
    },
  ];
}
