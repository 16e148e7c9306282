import { expect, test } from 'vitest';
import { exportLocationsOf } from './export-locations.ts';

test('an export location is what mount takes, with the facts that ceph-csi asks for', () => {
  const config = { monitors: ['192.0.2.1:6789', '[2001:db8::1]:6789'], fsName: 'cephfs' };
  const path = '/volumes/sharenet/share-1/uuid';
  const monitors = '192.0.2.1:6789,[2001:db8::1]:6789';
  const [location] = exportLocationsOf(config, path, 'fsid');
  expect(location).toEqual({
    path: `${monitors}:${path}`,
    address: monitors,
    preferred: true,
    metadata: { fsName: 'cephfs', clusterID: 'fsid', monitors, rootPath: path },
  });
  expect(exportLocationsOf({ ...config, clusterID: 'rook' }, path, 'fsid')[0]?.metadata?.clusterID).toBe('rook');
});
