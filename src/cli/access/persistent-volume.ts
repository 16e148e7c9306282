import { shareAccesses, shares } from '../../api/v1alpha1/resource-types.ts';
import type { Share } from '../../api/v1alpha1/share.ts';
import type { ShareAccess } from '../../api/v1alpha1/share-access.ts';
import { CommandFailure } from '../command-failure.ts';
import { referenceText } from '../object-reference.ts';

/** A PersistentVolume of ceph-csi for what an access rule allows, and the claim that it is kept for. */
export interface StaticVolume {
  readonly persistentVolume: object;
  readonly persistentVolumeClaim: object;
}

/**
 * Makes the manifests of a static volume: the rule's Secret is used as it is.
 * See https://github.com/ceph/ceph-csi/blob/devel/docs/static-pvc.md
 *
 * @param claim name of the claim
 * @throws CommandFailure where the share can't be mounted in this way, or not yet
 */
export function staticVolumeOf(share: Share, rule: ShareAccess, claim: string): StaticVolume {
  const { namespace, name, uid } = rule.metadata;
  const { phase, accessLevel, accessKeySecretRef } = rule.status ?? {};
  if (phase !== 'active') {
    const state = phase === undefined ? 'new' : `in phase ${phase}`;
    throw new CommandFailure(`${referenceText(shareAccesses, name)} is ${state}: wait until it is active`);
  }
  if (accessKeySecretRef === undefined) {
    throw new CommandFailure(`${referenceText(shareAccesses, name)} has no key: a volume needs a rule of type cephx`);
  }
  const volumeAttributes = attributesOf(share);
  const storage = share.status?.size ?? String(share.spec.size);
  const readOnly = accessLevel === 'ro';
  const accessModes = [readOnly ? 'ReadOnlyMany' : 'ReadWriteMany'];
  // Of the UID: names of rules are reused, and another namespace may have one of the same name.
  const volumeName = `sharenet-${uid}`;
  return {
    persistentVolume: {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: volumeName },
      spec: {
        accessModes,
        capacity: { storage },
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: '',
        claimRef: { namespace, name: claim },
        csi: {
          driver: 'cephfs.csi.ceph.com',
          volumeHandle: volumeName,
          ...(readOnly && { readOnly: true }),
          nodeStageSecretRef: { name: accessKeySecretRef.name, namespace },
          volumeAttributes,
        },
      },
    },
    persistentVolumeClaim: {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: claim, namespace },
      spec: { accessModes, resources: { requests: { storage } }, storageClassName: '', volumeName },
    },
  };
}

function attributesOf(share: Share): Readonly<Record<string, string>> {
  const { exportLocations = [] } = share.status ?? {};
  const location = exportLocations.find(({ preferred }) => preferred) ?? exportLocations[0];
  const { clusterID, fsName, rootPath } = location?.metadata ?? {};
  if (clusterID !== undefined && fsName !== undefined && rootPath !== undefined) {
    return { staticVolume: 'true', clusterID, fsName, rootPath };
  }
  throw new CommandFailure(
    `${referenceText(shares, share.metadata.name)} can't be a volume of ceph-csi: no export location of it has clusterID, fsName and rootPath`,
  );
}
