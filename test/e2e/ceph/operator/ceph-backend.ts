import type { CephFSBackend } from '../../../../src/api/v1alpha1/cephfs-backend.ts';
import { apiVersion } from '../../../../src/api/v1alpha1/resource-types.ts';
import type { StorageBackend, StorageBackendSpec } from '../../../../src/api/v1alpha1/storage-backend.ts';
import type { CephLab } from '../../../labs/ceph/ceph-lab.ts';

/** Namespace of the operator, where it finds credentials. */
export const operatorNamespace = 'sharenet-system';

/** Ceph user that the operator logs in as. */
export const operatorCephUser = 'sharenet';

/** A Secret with the key of the operator's Ceph user, marked as credentials. */
export function cephCredentials(name: string, userKey: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: operatorNamespace, name, labels: { 'sharenet.io/credentials': 'true' } },
    stringData: { userKey },
  };
}

/** A backend on the lab's file system, with the credentials Secret `ceph`; `cephfs` says what is different. */
export function cephBackend(
  name: string,
  { monitors, fileSystem }: Pick<CephLab, 'monitors' | 'fileSystem'>,
  cephfs: Partial<CephFSBackend> = {},
  spec: Partial<StorageBackendSpec> = {},
): StorageBackend {
  const config = { monitors, user: operatorCephUser, credentialsSecretName: 'ceph', fsName: fileSystem };
  return {
    apiVersion,
    kind: 'StorageBackend',
    metadata: { name },
    spec: { driver: 'cephfs', cephfs: { ...config, ...cephfs }, ...spec },
  };
}
