import type { Share } from '../../../../src/api/v1alpha1/share.ts';
import { type Secret, secretText } from '../../../../src/runtime/core-types.ts';
import type { CephFSMount } from '../../../labs/ceph/cephfs-client.ts';

/** How a user mounts a share: by its export location and the Secret of a rule, and nothing else. @throws when one lacks it */
export function mountOf({ metadata, status }: Share, secret: Secret): CephFSMount {
  const [location] = status?.exportLocations ?? [];
  const [, monitors, root] = /^(.+?):(\/.*)$/.exec(location?.path ?? '') ?? [];
  const fileSystem = location?.metadata?.fsName;
  if (!monitors || !root || !fileSystem) {
    throw new Error(`Share ${metadata.name} has no export location to mount CephFS from: ${JSON.stringify(location)}`);
  }
  const [user, key] = [secretText(secret, 'userID'), secretText(secret, 'userKey')];
  if (!user || !key) throw new Error(`Secret ${secret.metadata.name} has no cephx key`);
  return { monitors: monitors.split(','), fileSystem, root, user, key };
}
