import {
  blocked,
  event,
  failed,
  nothing,
  type ReasonRecords,
  ready,
  stalled,
  wait,
  waitOr,
  working,
} from './reason-record.ts';

/** Reasons of a Share. */
export const shareReasons = {
  Abandoned: {
    places: event,
    meaning:
      'The object was deleted without calling the storage driver, because it had the annotation sharenet.io/abandon.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator removes what the message names from the storage system.',
    },
  },
  AccessRulesExist: {
    places: [...blocked, ...working],
    meaning: 'The access of clients is being revoked before the share is deleted.',
    remedy: wait,
  },
  Available: { places: ready, meaning: 'The share can be mounted.', remedy: nothing },
  BackendNotFound: {
    places: [...working, 'DeletionBlocked'],
    meaning:
      'The StorageBackend that the share names does not exist or does not allow the namespace, or no StorageBackend exists.',
    remedy: {
      kind: 'correct',
      text: 'Create the share on another backend, or ask an administrator. To delete the share without the backend, set the annotation sharenet.io/abandon: "true".',
    },
  },
  BackendUnavailable: {
    places: working,
    meaning: 'The StorageBackend is missing, not ready or not enabled.',
    remedy: { kind: 'administrator', text: 'See the Ready condition of the StorageBackend.' },
  },
  CapabilityNotSupported: {
    places: working,
    meaning:
      'No StorageBackend has the capabilities in requiredCapabilities. The message says what each backend lacks.',
    remedy: {
      kind: 'correct',
      text: 'Recreate the share with other requiredCapabilities, or ask an administrator.',
    },
  },
  Creating: { places: working, meaning: 'The share is placed on a backend and is being created.', remedy: wait },
  Deleting: { places: working, meaning: 'The share is being deleted.', remedy: wait },
  InvalidSize: {
    places: [...failed, 'Reconciling'],
    meaning: 'The size is below 1Mi. The usual cause is a missing unit: a size without a unit is in bytes.',
    remedy: { kind: 'correct', text: 'Set spec.size with a unit, for example 10Gi for 10 GiB.' },
  },
  NamespaceNotAllowed: {
    places: working,
    meaning: 'No StorageBackend that the share could be placed on allows its namespace.',
    remedy: {
      kind: 'correct',
      text: 'Create the share on another backend, or ask an administrator to allow the namespace.',
    },
  },
  NamespaceTerminating: {
    places: working,
    meaning: 'The operator creates nothing in a namespace that is being deleted.',
    remedy: nothing,
  },
  NoValidBackend: {
    places: working,
    meaning:
      'No StorageBackend qualifies for the share, either temporarily or for different reasons. The message says why for each backend.',
    remedy: { kind: 'correct', text: 'Change the requirements of the share, wait, or ask an administrator.' },
  },
  Placed: {
    places: working,
    meaning: 'The share was placed again, because its share server could not be set up.',
    remedy: wait,
  },
  ProtocolNotSupported: {
    places: working,
    meaning:
      'No StorageBackend that the share could be placed on supports its protocol. The message lists the protocols that they support.',
    remedy: { kind: 'correct', text: 'Recreate the share with one of these protocols.' },
  },
  RecoveryFailed: {
    places: event,
    meaning: 'The operator could not restore the access rules of the share on the storage system.',
    remedy: {
      kind: 'reconcile',
      text: 'Correct what the message says, then set sharenet.io/reconcile-requested-at.',
    },
  },
  Resizing: { places: working, meaning: 'The share is being extended or shrunk.', remedy: wait },
  RestoredWithoutStatus: {
    places: stalled,
    meaning:
      'The Share was created from a backup without its status. The operator does not know what the storage system has of it.',
    remedy: {
      kind: 'correct',
      text: 'Restore it with its status, or remove the annotation sharenet.io/recorded-uid to create a new, empty share.',
    },
  },
  SecurityServiceRequired: {
    places: working,
    meaning: 'The protocol of the share requires a security service that its network does not have.',
    remedy: { kind: 'correct', text: 'Add one of the types that the message names to the ShareNetwork.' },
  },
  SecurityServicesPending: {
    places: working,
    meaning: 'The share network has not recorded its security services yet.',
    remedy: { kind: 'correct', text: 'See the Ready condition of the ShareNetwork.' },
  },
  SegmentNotAllowed: {
    places: working,
    meaning:
      'The StorageBackends do not allow the namespace to use the segment of the subnet that the share would be on.',
    remedy: {
      kind: 'correct',
      text: 'Change the subnet of the ShareNetwork, or ask an administrator to allow the segment in allowedSegments.',
    },
  },
  ShareLost: {
    places: stalled,
    meaning: 'The storage system no longer has the share. The operator does not create it again automatically.',
    remedy: {
      kind: 'reconcile',
      text: 'Delete the Share, or restore its data and set sharenet.io/reconcile-requested-at.',
    },
  },
  ShareNetworkNotActive: {
    places: [...working, 'DeletionBlocked'],
    meaning: 'The share network is not active, for example during a change of its security services.',
    remedy: waitOr('If it persists, see the ShareNetwork.'),
  },
  ShareNetworkNotFound: {
    places: working,
    meaning: 'The share network does not exist or is being deleted.',
    remedy: { kind: 'correct', text: 'Create the network, or create the share with another one.' },
  },
  ShareNetworkNotSupported: {
    places: working,
    meaning: 'The StorageBackends have no share servers, and therefore support no share networks.',
    remedy: { kind: 'correct', text: 'Recreate the share without shareNetworkName, or on another backend.' },
  },
  ShareNetworkRequired: {
    places: working,
    meaning: 'The StorageBackends use share servers, which require a share network.',
    remedy: { kind: 'correct', text: 'Recreate the share with a shareNetworkName.' },
  },
  ShareRetained: {
    places: event,
    meaning: 'The Share was deleted. Its data stays on the storage system.',
    remedy: { kind: 'correct', text: 'Note the identifier.' },
  },
  ShareServerError: {
    places: [...stalled, 'Reconciling'],
    meaning: 'The share server of the share is in error, or could not be set up.',
    remedy: { kind: 'correct', text: 'See the ShareServer that the message names.' },
  },
  ShareServerNotActive: {
    places: [...working, 'DeletionBlocked'],
    meaning: 'The share server is being set up or changed.',
    remedy: waitOr('If it persists, see the ShareServer.'),
  },
  SubnetInUse: {
    places: working,
    meaning:
      'No share server is set up on the network, because a subnet in use was changed. Only new ranges can be added to it.',
    remedy: { kind: 'correct', text: 'Change it back, or add another subnet.' },
  },
  SubnetInvalid: {
    places: working,
    meaning: 'No share server is set up on the network, because a subnet, its gateway or its ranges are not valid.',
    remedy: { kind: 'correct', text: 'Correct what the message names in the ShareNetwork.' },
  },
} as const satisfies ReasonRecords;
