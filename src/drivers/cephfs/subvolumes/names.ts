import { createHash } from 'node:crypto';

/**
 * Name of a share's subvolume, from the UID of the Share: names of objects are reused, UIDs are not. Whatever is no UID is
 * hashed, so that the name is one that Ceph takes and stays in its directory.
 */
export function subvolumeNameOf(shareID: string): string {
  const safe = /^[A-Za-z0-9][-A-Za-z0-9]{0,62}$/.test(shareID);
  return `share-${safe ? shareID : createHash('sha256').update(shareID).digest('hex')}`;
}

/** The name of a cephx id in commands about users. */
export function entityOf(authID: string): string {
  return `client.${authID}`;
}
