import { type Failures, failures } from '../kit/failures.ts';
import { type DriverReasonRecord, type DriverReasonRecords, kitReasons } from '../kit/reasons.ts';

const unavailableCluster: DriverReasonRecord = {
  meaning:
    'A monitor or the manager does not answer, or the module `volumes` of the manager does not run. The operator tries again.',
  remedy: { kind: 'administrator', text: 'If this persists, see `ceph -s`.' },
};

const gone: DriverReasonRecord = {
  meaning: 'The share, or something that the command named, was removed in Ceph.',
  remedy: { kind: 'administrator', text: 'Find out who removed it. The operator shows a lost share as `ShareLost`.' },
};

/** The reasons that the driver gives, in the order of the documentation. */
export const cephfsReasons = {
  LibraryMissing: {
    meaning: 'The library librados or libcephfs is missing where the operator runs.',
    remedy: { kind: 'administrator', text: 'Install librados and libcephfs there.' },
  },
  LibraryTooOld: {
    meaning:
      'The key of the operator has 60 characters, so it is of type `aes256k`, which the installed librados does not know.',
    remedy: {
      kind: 'administrator',
      text:
        'Install librados2 and libcephfs2 of Ceph 19.2.6, 20.2.4 or newer where the operator runs (Debian 12 has 16.2, see ' +
        '[the image](../../../docs/image.md)), or give the user a key of type `aes` while the cluster allows it.',
    },
  },
  CredentialsInvalid: {
    meaning: 'The Secret has no valid key of the Ceph user.',
    remedy: {
      kind: 'administrator',
      text: 'Correct the Secret: `userKey` is what `ceph auth get-key client.sharenet` prints, or the keyring of the user.',
    },
  },
  CephUnreachable: {
    meaning: 'No monitor answers.',
    remedy: { kind: 'administrator', text: 'Correct `monitors`, or check the network.' },
  },
  CephLoginFailed: {
    meaning:
      'The cluster refused the user or its key. A cluster whose `auth_allowed_ciphers` is `aes256k` alone refuses every key of 40 characters.',
    remedy: { kind: 'administrator', text: 'Correct `user` and the Secret.' },
  },
  CephPermissionDenied: {
    meaning: "The operator's user lacks a capability.",
    remedy: { kind: 'administrator', text: 'Give the user what the message names.' },
  },
  CephUnavailable: unavailableCluster,
  CephTimeout: unavailableCluster,
  CephConnectionLost: unavailableCluster,
  ...kitReasons,
  MetadataServerNotActive: {
    meaning:
      'A rank of the file system has no active metadata server. Denials wait because the driver cannot evict clients.',
    remedy: { kind: 'administrator', text: 'See `ceph fs status`.' },
  },
  FileSystemNotFound: {
    meaning: 'The cluster has no file system of this name.',
    remedy: { kind: 'administrator', text: 'Correct `fsName`.' },
  },
  InsufficientCapacity: {
    meaning: 'Ceph refused because space is missing or because of a quota of the group.',
    remedy: { kind: 'administrator', text: 'Free or add space, or raise the quota.' },
  },
  SnapshotsExist: {
    meaning: 'The subvolume has snapshots, so the driver does not delete it.',
    remedy: { kind: 'administrator', text: 'Remove the snapshots.' },
  },
  ShareShrinkingPossibleDataLoss: {
    meaning: 'The share holds more than the new size. Nothing was changed.',
    remedy: { kind: 'correct', text: 'Delete data, or set a larger size.' },
  },
  ShareProtocolNotSupported: {
    meaning: 'The share asks for another protocol than CEPHFS.',
    remedy: { kind: 'correct', text: 'Create the share with the protocol CEPHFS, or on another backend.' },
  },
  ShareServersNotSupported: {
    meaning: 'The call is about a share server, and CephFS has none.',
    remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
  },
  ShareNotInCeph: gone,
  NotFoundInCeph: gone,
  CephRejected: {
    meaning: 'Ceph refused the command.',
    remedy: { kind: 'administrator', text: 'The operator log has what Ceph said.' },
  },
} as const satisfies DriverReasonRecords;

/** A reason of the driver. */
export type CephFSReason = keyof typeof cephfsReasons;

export const { rejected, notFound, unavailable, failure }: Failures<CephFSReason> = failures;
