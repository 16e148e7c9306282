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

/** Reasons of a ShareServer. */
export const shareServerReasons = {
  Abandoned: {
    places: event,
    meaning:
      'The object was deleted without calling the storage driver, because it had the annotation sharenet.io/abandon.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator removes what the message names from the storage system.',
    },
  },
  AddressesExhausted: {
    places: working,
    meaning: 'The subnet has no free address for the server.',
    remedy: {
      kind: 'correct',
      text: 'Add allocationRanges to the subnet, or delete shares that are no longer required.',
    },
  },
  Available: { places: ready, meaning: 'The server serves its shares.', remedy: nothing },
  BackendNotFound: {
    places: blocked,
    meaning: 'The StorageBackend of the server does not exist, so that the server cannot be torn down.',
    remedy: {
      kind: 'correct',
      text: 'Recreate the backend, or release this object with the annotation sharenet.io/abandon: "true".',
    },
  },
  BackendUnavailable: {
    places: working,
    meaning: 'The StorageBackend of the server is not ready or not enabled.',
    remedy: { kind: 'administrator', text: 'See the Ready condition of the StorageBackend.' },
  },
  CABundleInvalid: {
    places: failed,
    meaning: 'The CA certificates of a security service of type ldap are not valid PEM certificates.',
    remedy: {
      kind: 'reapply',
      text: 'Correct tls.caBundle in a new SecurityService, or the Secret that tls.caSecretRef names, then set sharenet.io/reapply-requested-at on the network.',
    },
  },
  ChangeTimedOut: {
    places: ['SecurityServicesUpToDate', ...failed],
    meaning: 'The storage system did not finish the change of security services within changeTimeout.',
    remedy: {
      kind: 'reapply',
      text: 'Check the storage system, then set the annotation sharenet.io/reapply-requested-at on the network.',
    },
  },
  Creating: { places: working, meaning: 'The server is being set up.', remedy: wait },
  CredentialsNotFound: {
    places: failed,
    meaning:
      'The password Secret of a security service is missing, does not have the required label, or is bound to other services or destinations.',
    remedy: {
      kind: 'reapply',
      text: 'Correct the Secret that the message names, then set sharenet.io/reapply-requested-at on the network.',
    },
  },
  CredentialsRefused: {
    places: stalled,
    meaning:
      'A directory refused the user or the password of a security service of the server. The operator does not try them again.',
    remedy: {
      kind: 'reapply',
      text: 'Correct the password in the Secret, or the service: the setup then continues. To try the same credentials once more, or to apply a password to a server that is already set up, set sharenet.io/reapply-requested-at on the network.',
    },
  },
  Deleting: { places: working, meaning: 'The server is being torn down.', remedy: wait },
  Maintenance: {
    places: working,
    meaning: 'An administrator set the phase to network_change.',
    remedy: { kind: 'resetStatus', text: 'An administrator sets the phase to active after the maintenance.' },
  },
  NamespaceTerminating: {
    places: working,
    meaning: 'The operator creates nothing in a namespace that is being deleted.',
    remedy: nothing,
  },
  NetworkChangeInProgress: {
    places: working,
    meaning: 'The server is part of a change of its share network.',
    remedy: wait,
  },
  NotAttempted: {
    places: ['SecurityServicesUpToDate'],
    meaning: 'A change was stopped before the server started it. The server keeps its old services.',
    remedy: { kind: 'reapply', text: 'Set the annotation sharenet.io/reapply-requested-at on the network.' },
  },
  PasswordInvalid: {
    places: failed,
    meaning: 'The password Secret of a security service has content that cannot be a password.',
    remedy: {
      kind: 'reapply',
      text: 'Correct the Secret as the message says, then set sharenet.io/reapply-requested-at on the network.',
    },
  },
  RestoredWithoutStatus: {
    places: stalled,
    meaning:
      'The ShareServer was created from a backup without its status. The operator does not know what the storage system has of it.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator restores it with its status, or removes the annotation sharenet.io/recorded-uid to set up a new server.',
    },
  },
  RetainedShares: {
    places: blocked,
    meaning:
      'The server has data of shares that were deleted with policy Retain. It is not torn down while it has such data.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator moves or removes the data, then clears status.retainedShares.',
    },
  },
  SecurityServiceIncomplete: {
    places: [...working, 'Stalled', 'event'],
    meaning: 'A security service lacks fields that its type requires.',
    remedy: { kind: 'correct', text: 'Complete the service that the message names.' },
  },
  SecurityServiceNotFound: {
    places: failed,
    meaning: 'A security service that the network records no longer exists.',
    remedy: { kind: 'correct', text: 'Recreate it, or refer to another one.' },
  },
  SecurityServiceUpdateNotSupported: {
    places: failed,
    meaning: 'The driver of the backend cannot change security services.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator sets securityServiceUpdateSupport of the server to false.',
    },
  },
  SecurityServicesPending: {
    places: working,
    meaning: 'The share network has not recorded its security services yet.',
    remedy: { kind: 'correct', text: 'See the Ready condition of the ShareNetwork.' },
  },
  SegmentNotAllowed: {
    places: working,
    meaning:
      'The server is not set up, because its backend does not allow the namespace to use the segment of the subnet.',
    remedy: {
      kind: 'correct',
      text: 'Change the subnet of the ShareNetwork, or ask an administrator to allow the segment in allowedSegments.',
    },
  },
  SetupFailed: {
    places: failed,
    meaning: 'The storage system refused to set up the server. The operator tries again, with increasing delays.',
    remedy: {
      kind: 'reapply',
      text: 'Correct what the message says: a changed service or Secret is tried immediately. To try again without a change, set sharenet.io/reapply-requested-at on the network.',
    },
  },
  ShareNetworkNotActive: {
    places: working,
    meaning: 'The share network is not active.',
    remedy: waitOr('If it persists, see the ShareNetwork.'),
  },
  ShareNetworkNotFound: {
    places: working,
    meaning: 'The share network does not exist.',
    remedy: { kind: 'correct', text: 'Delete the server, or recreate the network.' },
  },
  ShareServerError: {
    places: stalled,
    meaning: 'The phase is error; status.lastError says why.',
    remedy: {
      kind: 'resetStatus',
      text: 'Fix the cause; then an administrator must set the phase to active. The operator then restores the access rules.',
    },
  },
  ShareServerLost: {
    places: stalled,
    meaning: 'The storage system no longer has the server. The operator does not create it again automatically.',
    remedy: {
      kind: 'resetStatus',
      text: 'An administrator restores it and sets the phase to active, or deletes its shares.',
    },
  },
  ShareServerUnhealthy: {
    places: working,
    meaning: 'The storage system reports that the server is not healthy, or did not answer.',
    remedy: {
      kind: 'reconcile',
      text: 'Check the storage system. The operator checks the server every minute; set sharenet.io/reconcile-requested-at to check it immediately.',
    },
  },
  SharesExist: {
    places: blocked,
    meaning: 'The server is being deleted, but keeps serving until its shares are deleted.',
    remedy: { kind: 'correct', text: 'Delete the shares that the message names.' },
  },
  StatusReset: {
    places: ['event', 'SecurityServicesUpToDate'],
    meaning: 'An administrator set the phase. The operator keeps it, and drops the change that the server was part of.',
    remedy: {
      kind: 'reapply',
      text: 'Check whether the server has its services; set sharenet.io/reapply-requested-at on the network to apply them again.',
    },
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
  UpToDate: {
    places: ['SecurityServicesUpToDate'],
    meaning: 'The server has the services that its network records.',
    remedy: nothing,
  },
  UpdateFailed: {
    places: ['SecurityServicesUpToDate', ...failed],
    meaning: 'The last change of security services failed on the server. The rules of its shares are in error.',
    remedy: {
      kind: 'reapply',
      otherKind: 'resetStatus',
      text: 'Correct the data, then set sharenet.io/reapply-requested-at on the network, or ask an administrator to reset the phase.',
    },
  },
} as const satisfies ReasonRecords;
