import { blocked, event, failed, nothing, type ReasonRecords, ready, stalled, wait, working } from './reason-record.ts';

/** Reasons of a ShareNetwork. */
export const shareNetworkReasons = {
  AccessRulesNotActive: {
    places: [...working, 'status.check'],
    meaning:
      'The change of security services waits, because driver calls for access rules of the network are still running.',
    remedy: wait,
  },
  Available: { places: ready, meaning: 'The network can be used.', remedy: nothing },
  BackendUnavailable: {
    places: working,
    meaning:
      'The change of security services waits, because the backend of a share server is not ready or not enabled.',
    remedy: { kind: 'administrator', text: 'See the Ready condition of the StorageBackend.' },
  },
  ChangeRecordInvalid: {
    places: failed,
    meaning: 'The operator cannot determine the state of a change of security services, and set the phase to error.',
    remedy: {
      kind: 'resetStatus',
      text: 'An administrator inspects the share servers that the message names, then sets the phase to active.',
    },
  },
  CheckInProgress: {
    places: working,
    meaning: 'The drivers check whether the share servers can apply a change of security services.',
    remedy: wait,
  },
  CheckTimedOut: {
    places: failed,
    meaning:
      'The drivers did not answer within changeTimeout whether the share servers can apply the change. Nothing was changed.',
    remedy: {
      kind: 'reconcile',
      text: 'When the backends answer again, set the annotation sharenet.io/reconcile-requested-at to a new value.',
    },
  },
  CredentialsChanged: {
    places: ['SecurityServicesUpToDate'],
    meaning: 'The password of a service has changed since it was applied to share servers.',
    remedy: {
      kind: 'reapply',
      text: 'Set the annotation sharenet.io/reapply-requested-at to a new value to apply it.',
    },
  },
  CredentialsRefused: {
    places: [...stalled, 'status.check'],
    meaning:
      'A directory refused the user or the password of a security service of the change. Nothing was changed, and the drivers are not called again.',
    remedy: {
      kind: 'correct',
      text: 'See the SecurityService that is not Ready. The change continues when its Secret is correct.',
    },
  },
  Incompatible: {
    places: [...failed, 'status.check'],
    meaning: 'The driver of a share server reports that the server cannot apply the change. Nothing was changed.',
    remedy: { kind: 'correct', text: 'Correct the security service or the reference, as the message says.' },
  },
  InvalidRequest: {
    places: ['status.check'],
    meaning: 'The value of the annotation sharenet.io/check-security-services cannot be parsed.',
    remedy: { kind: 'correct', text: 'Write it as <type>=<name>[,<type>=<name>...].' },
  },
  InvalidRequestToken: {
    places: ['InvalidRequestToken'],
    meaning: 'A request annotation has a value that is not a valid token. It is ignored.',
    remedy: { kind: 'correct', text: 'Use 1 to 64 printable ASCII characters, for example the time.' },
  },
  Maintenance: {
    places: working,
    meaning: 'An administrator set the phase to network_change. All work on the network waits.',
    remedy: { kind: 'resetStatus', text: 'An administrator sets the phase to active after the maintenance.' },
  },
  NetworkChangeAborted: {
    places: event,
    meaning: 'The change was aborted. Share servers that had not started it keep their services.',
    remedy: nothing,
  },
  NetworkChangeFailed: {
    places: event,
    meaning: 'The change ended, and it failed on some share servers. status.lastNetworkChange names them.',
    remedy: { kind: 'reapply', text: 'Correct the data, then set the annotation sharenet.io/reapply-requested-at.' },
  },
  NetworkChangeInProgress: {
    places: [...working, 'DeletionBlocked'],
    meaning: 'Changed security services are being applied to the share servers. All other work on the network waits.',
    remedy: {
      kind: 'abort',
      text: `${wait.text} The annotation sharenet.io/abort-change stops the change for share servers that have not started it.`,
    },
  },
  NetworkChangeStarted: {
    places: event,
    meaning: 'A change of security services began.',
    remedy: nothing,
  },
  NetworkChangeStopped: {
    places: event,
    meaning: 'The change ended early. It failed on no share server, but some did not start it.',
    remedy: {
      kind: 'reapply',
      text: 'Set the annotation sharenet.io/reapply-requested-at to apply the change to the remaining servers.',
    },
  },
  NetworkChangeSucceeded: {
    places: event,
    meaning: 'All share servers have the new security services.',
    remedy: nothing,
  },
  NetworkError: {
    places: stalled,
    meaning: 'The phase is error: an administrator set it, or the operator cannot determine the state of a change.',
    remedy: { kind: 'resetStatus', text: 'Fix the cause; then an administrator must set the phase to active.' },
  },
  NotAttempted: {
    places: ['SecurityServicesUpToDate', ...stalled],
    meaning: 'A change was stopped before some share servers started it. They keep their old services.',
    remedy: { kind: 'reapply', text: 'Set the annotation sharenet.io/reapply-requested-at to apply it to them.' },
  },
  NotImplemented: {
    places: [...failed, 'status.check'],
    meaning: 'The driver of a share server cannot change security services. Nothing was changed.',
    remedy: {
      kind: 'correct',
      text: 'Change the reference back, or use a backend whose capability securityServiceUpdateSupport is true.',
    },
  },
  SecurityServiceIncomplete: {
    places: [...working, 'status.check'],
    meaning:
      'A service lacks fields that its type requires, or its password Secret is missing, does not have the required label, or is not bound to the service.',
    remedy: { kind: 'correct', text: 'Complete the service or the Secret that the message names.' },
  },
  SecurityServiceNotAllowed: {
    places: [...stalled, 'status.check'],
    meaning: 'The network is in the namespace of the operator, where security services are not allowed.',
    remedy: { kind: 'correct', text: 'Create the network in another namespace.' },
  },
  SecurityServiceNotFound: {
    places: [...working, 'status.check'],
    meaning: 'A security service that the network refers to does not exist or is being deleted.',
    remedy: { kind: 'correct', text: 'Create it, or correct the name.' },
  },
  SecurityServiceTypeMismatch: {
    places: [...stalled, 'status.check'],
    meaning: 'A security service has another type than the entry that refers to it.',
    remedy: { kind: 'correct', text: 'Correct the type or the name of the entry.' },
  },
  SecurityServiceTypeNotSupported: {
    places: [...stalled, 'status.check'],
    meaning: 'The backend of a share server does not support the type, or the combination of types.',
    remedy: { kind: 'correct', text: 'Change the references back, or use another backend for these shares.' },
  },
  SecurityServiceUpdateNotSupported: {
    places: [...stalled, 'status.check'],
    meaning: 'A share server cannot apply a changed security service while it is in use.',
    remedy: {
      kind: 'correct',
      text: 'Change the reference back. An administrator can set securityServiceUpdateSupport of servers that support it.',
    },
  },
  SegmentNotAllowed: {
    places: stalled,
    meaning:
      'No StorageBackend with share servers allows the namespace to use the segment of a subnet. The message lists the segments that it may use.',
    remedy: {
      kind: 'correct',
      text: 'Change the segment of the subnet, or ask an administrator to allow it in allowedSegments.',
    },
  },
  ShareBusy: {
    places: [...working, 'status.check'],
    meaning: 'The change of security services waits, because driver calls for shares of the network are still running.',
    remedy: wait,
  },
  ShareNetworkInUse: {
    places: [...stalled, 'status.check'],
    meaning: 'An entry was removed while share servers use the network. Services can only be replaced or added.',
    remedy: { kind: 'correct', text: 'Add the entry again.' },
  },
  ShareNetworkNotActive: {
    places: [...working, 'status.check'],
    meaning: 'The phase of the network is not active.',
    remedy: { kind: 'wait', text: 'Wait until it is active, or find out why it is in error.' },
  },
  ShareServerNotActive: {
    places: [...working, 'status.check'],
    meaning: 'The change of security services waits, because a share server is paused or not active.',
    remedy: { kind: 'correct', text: 'See the share servers that the message names.' },
  },
  ShareServersExist: {
    places: blocked,
    meaning: 'The share servers of the network are being deleted.',
    remedy: wait,
  },
  ShareServersOutdated: {
    places: ['SecurityServicesUpToDate'],
    meaning: 'Share servers do not have the services that the network records.',
    remedy: { kind: 'reapply', text: 'Set the annotation sharenet.io/reapply-requested-at.' },
  },
  SharesExist: {
    places: blocked,
    meaning: 'Shares are still on the network.',
    remedy: { kind: 'correct', text: 'Delete the shares that the message names.' },
  },
  StatusReset: {
    places: ['event', 'SecurityServicesUpToDate'],
    meaning: 'An administrator set the phase. The operator keeps it, and drops the record of a change in progress.',
    remedy: {
      kind: 'reapply',
      text: 'If share servers do not have the recorded services, set the annotation sharenet.io/reapply-requested-at.',
    },
  },
  SubnetInUse: {
    places: [...stalled, 'status.check'],
    meaning: 'A subnet that share servers use was changed. Only new ranges can be added to it.',
    remedy: { kind: 'correct', text: 'Change it back, or add another subnet.' },
  },
  SubnetInvalid: {
    places: [...stalled, 'status.check'],
    meaning: 'A subnet, its gateway or its ranges are not valid.',
    remedy: { kind: 'correct', text: 'Correct what the message names.' },
  },
  UpToDate: {
    places: ['SecurityServicesUpToDate'],
    meaning: 'All share servers have the recorded services.',
    remedy: nothing,
  },
  UpdateFailed: {
    places: ['SecurityServicesUpToDate', ...stalled],
    meaning: 'The last change failed on share servers. The access rules of their shares are in error.',
    remedy: { kind: 'reapply', text: 'Correct the data, then set the annotation sharenet.io/reapply-requested-at.' },
  },
  UpdateImpactPredicted: {
    places: event,
    meaning: 'The drivers predict how the change affects open sessions. The change begins.',
    remedy: {
      kind: 'none',
      text: 'Nothing. To see the impact before a change, set the annotation sharenet.io/check-security-services first.',
    },
  },
} as const satisfies ReasonRecords;
