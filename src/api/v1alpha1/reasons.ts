/** Types of conditions with what they mean. */
export const conditionTypes = {
  Ready: 'Always there. True: the object is as wished. False: its reason and message say why not.',
  Reconciling:
    'Only while True: the operator is at work, or waits for something that comes by itself or by another object.',
  Stalled: 'Only while True: nothing more happens until somebody changes something.',
  SecurityServicesUpToDate:
    'On a ShareNetwork and a ShareServer: whether share servers have the security services that the network records.',
  DeletionBlocked: 'Only while True: the object is to be deleted, and something is in the way.',
  InvalidRequestToken: 'Only while True: an annotation that asks for something has a value that is no token.',
  KnownVulnerabilities:
    'Only while True, on a StorageBackend: its storage system runs a version with published vulnerabilities. Ready is not affected.',
  CallsSuspended:
    'Only while True, on a StorageBackend: its storage system did not answer the last probe. No driver call is made; what needs one waits and goes on by itself.',
  Warning: 'Only while True: the last driver call succeeded, but not in everything; also an event each.',
} as const;

/** Type of a condition. */
export type ConditionType = keyof typeof conditionTypes;

/** Where a reason is found: on a condition, on an event, or in the answer to a check request. */
type ReasonPlace = ConditionType | 'event' | 'status.check';

/** Kinds of the API, and what all of them have in common. */
export type ReasonKind =
  | 'Every kind'
  | 'StorageBackend'
  | 'SecurityService'
  | 'ShareNetwork'
  | 'ShareServer'
  | 'Share'
  | 'ShareAccess';

/** A reason, the places where it is found, what it means, and what the user does about it. */
export type ReasonEntry = readonly [reason: string, places: readonly ReasonPlace[], meaning: string, whatToDo: string];

const ready = ['Ready'] as const;
const working = ['Ready', 'Reconciling'] as const;
const stalled = ['Ready', 'Stalled'] as const;
const failed = ['Ready', 'Stalled', 'event'] as const;
const blocked = ['DeletionBlocked'] as const;
const event = ['event'] as const;

const nothing = 'Nothing.';
const byItself = 'Nothing: it goes on by itself.';

/**
 * Every reason that the operator writes, by kind. Besides these, a storage driver gives reasons of its own: its documentation
 * has them.
 */
export const reasons: Readonly<Record<ReasonKind, readonly ReasonEntry[]>> = {
  'Every kind': [
    [
      'BackendBusy',
      working,
      'As many driver calls run on the backend as its maxConcurrentOperations allows: the next one waits.',
      `${byItself} If it often stays long, an administrator raises maxConcurrentOperations.`,
    ],
    [
      'DriverError',
      [...failed, 'Reconciling'],
      'The storage driver failed without a reason that can be shown.',
      'Read the message; the operator log has the details.',
    ],
    [
      'DriverFault',
      [...failed, 'Reconciling'],
      'The storage driver failed unexpectedly or answered what cannot be used: a fault of the driver.',
      'An administrator finds the details in the operator log and tells the vendor of the driver.',
    ],
    [
      'DriverWarning',
      ['Warning', 'event'],
      'A driver call succeeded, but left something that somebody should know of.',
      'Read the message. The condition goes with the next call that has no warning.',
    ],
    [
      'LeaseLost',
      working,
      'The process that was to call the storage driver no longer leads: it makes no call.',
      'Nothing: the next leader makes the call.',
    ],
    [
      'NamespaceNotKnown',
      working,
      'The operator has not seen the namespace of the object yet.',
      `${byItself} If it stays, see whether the operator watches the namespace.`,
    ],
    [
      'OperationRunning',
      working,
      'Another driver call for the same server, share or network is still running.',
      `${byItself} If it stays, an administrator looks for calls that are stuck (metric sharenet_driver_calls_stuck).`,
    ],
    [
      'OperationTimeout',
      working,
      'The storage system gave no answer within operationTimeout of the backend. The call is tried again.',
      'If it stays, an administrator looks after the storage system, or raises operationTimeout.',
    ],
    [
      'Paused',
      [...working, 'status.check'],
      'The annotation sharenet.io/paused is "true": the operator leaves the object alone.',
      'Remove the annotation to go on.',
    ],
    [
      'WriteRefused',
      [...failed, 'Reconciling', 'DeletionBlocked'],
      'The API server refuses a write that the operator makes for the object; the message quotes it. The operator tries again every minute.',
      'Act on what the message quotes. Quota: the administrator of the namespace. Admission policy: its owner. Rights: an administrator of the cluster.',
    ],
  ],

  StorageBackend: [
    ['Available', ready, 'The storage system answers.', nothing],
    [
      'BackendInUse',
      blocked,
      'Shares or share servers are still on the backend.',
      'Delete those that the message names, or keep the backend.',
    ],
    [
      'CallsSuspended',
      ['CallsSuspended'],
      'The storage system did not answer the last probe. It is asked again every 10 s, or later where the driver says so; no other call is made until it answers.',
      'See the message of Ready, and check the storage system. Set sharenet.io/reconcile-requested-at to probe at once.',
    ],
    [
      'CredentialsNotFound',
      stalled,
      'The Secret with the credentials of the driver is not in the namespace of the operator, or is not marked.',
      'Create the Secret there, with the label sharenet.io/credentials: "true".',
    ],
    [
      'CredentialsNotText',
      stalled,
      'A key of the Secret with the credentials of the driver has content that is not UTF-8 text.',
      'Store what the message names as UTF-8 text; keep binary files out of the Secret.',
    ],
    [
      'IdentityFieldsImmutable',
      stalled,
      'A field that tells which storage system it is was changed while the backend is in use; the old value stays in force.',
      'Change the field back. For another storage system make another StorageBackend.',
    ],
    [
      'InvalidConfiguration',
      stalled,
      'The driver does not exist or does not accept its part of the spec.',
      'Correct the field that the message names.',
    ],
    [
      'ProbeInProgress',
      working,
      'The storage system is being asked for the first time with this spec and has not answered yet.',
      `${byItself} After operationTimeout the message says why there is no answer.`,
    ],
    [
      'VulnerableVersion',
      ['KnownVulnerabilities'],
      'The storage system runs a version with the published vulnerabilities that the message names.',
      'Update the storage system to a version that the message names. If your distribution fixed the vulnerability without a new version, its advisory says so: the condition then stays, and there is nothing to do.',
    ],
  ],

  SecurityService: [
    [
      'CABundleInvalid',
      stalled,
      'The text of tls.caBundle, or the Secret that tls.caSecretRef names, has content that is no certificate in PEM.',
      'Store the certificates of the authorities that issue the certificate of the LDAP server, in PEM and nothing else.',
    ],
    ['Complete', ready, 'The service has everything that its type needs.', nothing],
    [
      'CredentialsDestinationNotAllowed',
      working,
      'The password Secret names the destinations of its password in its annotation sharenet.io/credentials-destinations, and they do not include all that the service names.',
      'Correct servers, domain or dnsIPs of the service. If they are right, ask the owner of the Secret to add them to the annotation.',
    ],
    [
      'CredentialsDestinationsRequired',
      working,
      'The operator runs with --require-credential-destinations, and the password Secret does not name the destinations of its password.',
      'Add the annotation sharenet.io/credentials-destinations to the Secret, with the domain, servers, addresses or networks of the directory.',
    ],
    [
      'CredentialsNotBound',
      working,
      'The password Secret is bound to other services by its annotation sharenet.io/credentials-for.',
      'Add the name of the service to the annotation, or refer to another Secret.',
    ],
    [
      'CredentialsNotFound',
      working,
      'The Secret of the password, or of the authorities of an LDAP server, does not exist, is not marked, or lacks the key.',
      'Create it with the label sharenet.io/credentials: "true" and the key that passwordSecretRef or tls.caSecretRef names.',
    ],
    [
      'CredentialsRefused',
      stalled,
      'A directory refused the user or the password. No share server tries them again, because directories lock accounts after some refused attempts.',
      'Correct the password in the Secret, or the service. To try the same once more, for example after the account was unlocked, set the annotation sharenet.io/reconcile-requested-at.',
    ],
    [
      'InvalidDistinguishedName',
      stalled,
      'A value with "=" in ou, or in user or domain of an LDAP service, is no distinguished name.',
      'Correct the value as the message says: it has the field, the character, and how to write it.',
    ],
    [
      'NamespaceNotAllowed',
      stalled,
      'Security services in the namespace of the operator are refused: its Secrets belong to backends.',
      'Create the service in the namespace of its share networks.',
    ],
    [
      'PasswordInvalid',
      stalled,
      'The password Secret has content that can be no password: it is empty, not UTF-8, too long, or ends with a line break.',
      'Store the password as one line of UTF-8 text, without a line break at its end: kubectl create secret --from-literal does.',
    ],
    [
      'SecurityServiceInUse',
      [...blocked, ...stalled],
      'A share network records the service, or a share server has it: it is neither deleted, nor may more than its description change.',
      'Give the network another service, or delete what the message names; the deletion goes on by itself. Change an edit back.',
    ],
    [
      'SecurityServiceIncomplete',
      stalled,
      'Fields that the type of the service needs are missing.',
      'Set the fields that the message names.',
    ],
  ],

  ShareNetwork: [
    [
      'AccessRulesNotActive',
      [...working, 'status.check'],
      'The change of security services waits: driver calls for access rules of the network are running.',
      byItself,
    ],
    ['Available', ready, 'The network can be used.', nothing],
    [
      'BackendUnavailable',
      working,
      'The change of security services waits: the backend of a share server is not ready or not enabled.',
      'See the Ready condition of the StorageBackend.',
    ],
    [
      'ChangeRecordInvalid',
      failed,
      'The operator cannot tell where a change of security services stands, and set the phase to error.',
      'An administrator looks at the share servers that the message names, and sets the phase to active.',
    ],
    [
      'CheckInProgress',
      working,
      'The drivers are being asked whether the share servers can take a change of security services.',
      byItself,
    ],
    [
      'CheckTimedOut',
      failed,
      'The drivers did not say within changeTimeout whether the share servers can take the change. Nothing was changed.',
      'When the backends answer again, set the annotation sharenet.io/reconcile-requested-at to a new value.',
    ],
    [
      'CredentialsChanged',
      ['SecurityServicesUpToDate'],
      'The password of a service changed since share servers were given it.',
      'Set the annotation sharenet.io/reapply-requested-at to a new value to apply it.',
    ],
    [
      'CredentialsRefused',
      [...stalled, 'status.check'],
      'A directory refused the user or the password of a security service of the change. Nothing was changed, and the drivers are not asked again.',
      'See the SecurityService that is not Ready; the change goes on by itself when its Secret is correct.',
    ],
    [
      'ImpactForetold',
      event,
      'The drivers foresee what the change means for open sessions. The change begins.',
      'To be asked first, set the annotation sharenet.io/check-security-services before a change.',
    ],
    [
      'Incompatible',
      [...failed, 'status.check'],
      'The driver of a share server says that it cannot take the change. Nothing was changed.',
      'Correct the security service or the reference, as the message says.',
    ],
    [
      'InvalidRequest',
      ['status.check'],
      'The value of the annotation sharenet.io/check-security-services cannot be read.',
      'Write it as <type>=<name>[,<type>=<name>...].',
    ],
    [
      'InvalidRequestToken',
      ['InvalidRequestToken'],
      'A request annotation has a value that is no token; it is ignored.',
      'Use 1 to 64 printable ASCII characters, for example the time.',
    ],
    [
      'Maintenance',
      working,
      'An administrator set the phase to network_change: everything on the network waits.',
      'The administrator sets the phase to active when the maintenance has ended.',
    ],
    [
      'NetworkChangeAborted',
      event,
      'Somebody stopped the change: share servers not yet begun keep their services.',
      nothing,
    ],
    [
      'NetworkChangeFailed',
      event,
      'The change ended, and share servers failed; status.lastNetworkChange names them.',
      'Correct the data, then set the annotation sharenet.io/reapply-requested-at.',
    ],
    [
      'NetworkChangeInProgress',
      [...working, 'DeletionBlocked'],
      'Share servers are being given changed security services; everything else on the network waits.',
      `${byItself} The annotation sharenet.io/abort-change stops it for share servers not yet begun.`,
    ],
    ['NetworkChangeStarted', event, 'A change of security services began.', nothing],
    [
      'NetworkChangeStopped',
      event,
      'The change ended early: no share server failed, but some were not attempted.',
      'Set the annotation sharenet.io/reapply-requested-at to go on with those.',
    ],
    ['NetworkChangeSucceeded', event, 'Every share server has the new security services.', nothing],
    [
      'NetworkError',
      stalled,
      'The phase is error: an administrator set it, or the operator cannot tell where a change stands.',
      'The administrator sets the phase to active when the cause is mended.',
    ],
    [
      'NotAttempted',
      ['SecurityServicesUpToDate', ...stalled],
      'A change was stopped before its turn came to share servers; they keep their old services.',
      'Set the annotation sharenet.io/reapply-requested-at to go on.',
    ],
    [
      'NotImplemented',
      [...failed, 'status.check'],
      'The driver of a share server cannot change security services. Nothing was changed.',
      'Change the reference back; use a backend whose capability securityServiceUpdateSupport is true.',
    ],
    [
      'SecurityServiceIncomplete',
      [...working, 'status.check'],
      'A service lacks fields that its type needs, or its password Secret is missing, not marked or not bound to it.',
      'Complete the service or the Secret that the message names.',
    ],
    [
      'SecurityServiceNotAllowed',
      [...stalled, 'status.check'],
      'The network is in the namespace of the operator, where no security services are used.',
      'Create the network in another namespace.',
    ],
    [
      'SecurityServiceNotFound',
      [...working, 'status.check'],
      'A security service that the network refers to does not exist or is being deleted.',
      'Create it, or correct the name.',
    ],
    [
      'SecurityServiceTypeMismatch',
      [...stalled, 'status.check'],
      'A security service is of another type than the entry that refers to it.',
      'Correct the type or the name of the entry.',
    ],
    [
      'SecurityServiceTypeNotSupported',
      [...stalled, 'status.check'],
      'The backend of a share server does not support the type, or the types together.',
      'Change the references back, or use another backend for these shares.',
    ],
    [
      'SecurityServiceUpdateNotSupported',
      [...stalled, 'status.check'],
      'A share server cannot take a changed security service while in use.',
      'Change the reference back. An administrator may set securityServiceUpdateSupport of servers that can.',
    ],
    [
      'SegmentNotAllowed',
      stalled,
      'No StorageBackend that makes share servers lets the namespace use the segment of a subnet; the message has what it may use.',
      'Change the segment of the subnet, or ask an administrator to allow it in allowedSegments.',
    ],
    [
      'ShareBusy',
      [...working, 'status.check'],
      'The change of security services waits: driver calls for shares of the network are running.',
      byItself,
    ],
    [
      'ShareNetworkInUse',
      [...stalled, 'status.check'],
      'An entry was removed while share servers use the network: services can only be replaced or added.',
      'Put the entry back.',
    ],
    [
      'ShareNetworkNotActive',
      [...working, 'status.check'],
      'The phase of the network is not active.',
      'Wait until it is, or see why it is in error.',
    ],
    [
      'ShareServerNotActive',
      [...working, 'status.check'],
      'The change of security services waits: a share server is not active, or is paused.',
      'See the share servers that the message names.',
    ],
    ['ShareServersExist', blocked, 'The share servers of the network are being torn down.', byItself],
    [
      'ShareServersOutdated',
      ['SecurityServicesUpToDate'],
      'Share servers do not have the services that the network records.',
      'Set the annotation sharenet.io/reapply-requested-at.',
    ],
    ['SharesExist', blocked, 'Shares are still on the network.', 'Delete the shares that the message names.'],
    [
      'StatusReset',
      ['event', 'SecurityServicesUpToDate'],
      'Somebody else set the phase. It is honoured, and the record of a change in progress is dropped.',
      'If share servers are behind, set the annotation sharenet.io/reapply-requested-at.',
    ],
    [
      'SubnetInUse',
      [...stalled, 'status.check'],
      'A subnet that share servers use was changed; it can only gain ranges.',
      'Change it back, or add another subnet.',
    ],
    [
      'SubnetInvalid',
      [...stalled, 'status.check'],
      'A subnet, its gateway or its ranges are not valid.',
      'Correct what the message names.',
    ],
    ['UpToDate', ['SecurityServicesUpToDate'], 'Every share server has the recorded services.', nothing],
    [
      'UpdateFailed',
      ['SecurityServicesUpToDate', ...stalled],
      'Share servers failed to take the last change; their access rules are in error.',
      'Correct the data, then set the annotation sharenet.io/reapply-requested-at.',
    ],
  ],

  ShareServer: [
    [
      'Abandoned',
      event,
      'The object was let go without asking the storage system, as its annotation asked for.',
      'An administrator removes what the message names from the storage system.',
    ],
    [
      'AddressesExhausted',
      working,
      'The subnet has no free address for the server.',
      'Give the subnet more allocationRanges, or delete shares that are not needed.',
    ],
    ['Available', ready, 'The server serves its shares.', nothing],
    [
      'BackendNotFound',
      blocked,
      'The StorageBackend of the server does not exist, so that nothing can be torn down.',
      'Make it again, or let go with the annotation sharenet.io/abandon: "true".',
    ],
    [
      'BackendUnavailable',
      working,
      'The StorageBackend of the server is not ready or not enabled.',
      'See its Ready condition.',
    ],
    [
      'CABundleInvalid',
      failed,
      'The authorities of a security service of type ldap are no certificates in PEM.',
      'Correct tls.caBundle in a new SecurityService, or the Secret that tls.caSecretRef names, then set sharenet.io/reapply-requested-at on the network.',
    ],
    [
      'ChangeTimedOut',
      ['SecurityServicesUpToDate', ...failed],
      'The storage system did not finish the change of security services within changeTimeout.',
      'See after the storage system, then set the annotation sharenet.io/reapply-requested-at on the network.',
    ],
    ['Creating', working, 'The server is being set up.', byItself],
    [
      'CredentialsNotFound',
      failed,
      'The password Secret of a security service is missing, not marked, or bound to other services or destinations.',
      'Mend the Secret that the message names, then set sharenet.io/reapply-requested-at on the network.',
    ],
    [
      'CredentialsRefused',
      stalled,
      'A directory refused the user or the password of a security service of the server. They are not tried again by themselves.',
      'Correct the password in the Secret, or the service: the set-up goes on by itself. To try the same once more, or to apply a password to a server that was set up, set sharenet.io/reapply-requested-at on the network.',
    ],
    ['Deleting', working, 'The server is being torn down.', byItself],
    [
      'Maintenance',
      working,
      'An administrator set the phase to network_change.',
      'The administrator sets the phase to active when the maintenance has ended.',
    ],
    ['NamespaceTerminating', working, 'Nothing is made in a namespace that is being deleted.', nothing],
    ['NetworkChangeInProgress', working, 'The server takes part in a change of its share network.', byItself],
    [
      'NotAttempted',
      ['SecurityServicesUpToDate'],
      'A change was stopped before the turn of the server: it serves on with its old services.',
      'Set the annotation sharenet.io/reapply-requested-at on the network.',
    ],
    [
      'PasswordInvalid',
      failed,
      'The password Secret of a security service has content that can be no password.',
      'Correct the Secret as the message says, then set sharenet.io/reapply-requested-at on the network.',
    ],
    [
      'RestoredWithoutStatus',
      stalled,
      'The ShareServer was created from a backup without its status: what the storage system has of it is not known.',
      'An administrator restores it with its status, or removes the annotation sharenet.io/recorded-uid to set up a new server.',
    ],
    [
      'RetainedShares',
      blocked,
      'Data of shares that were deleted with policy Retain is on the server; it is never torn down with them.',
      'An administrator moves or removes the data, then clears status.retainedShares.',
    ],
    [
      'SecurityServiceIncomplete',
      [...working, 'Stalled', 'event'],
      'A security service lacks fields that its type needs.',
      'Complete the service that the message names.',
    ],
    [
      'SecurityServiceNotFound',
      failed,
      'A security service that the network records does not exist any more.',
      'Create it again, or refer to another one.',
    ],
    [
      'SecurityServiceUpdateNotSupported',
      failed,
      'The driver of the backend cannot change security services.',
      'An administrator sets securityServiceUpdateSupport of the server to false.',
    ],
    [
      'SecurityServicesPending',
      working,
      'The share network has not recorded its security services yet.',
      'See the Ready condition of the ShareNetwork.',
    ],
    [
      'SegmentNotAllowed',
      working,
      'The server is not set up: its backend does not let the namespace use the segment of its subnet.',
      'Change the subnet of the ShareNetwork, or ask an administrator to allow the segment in allowedSegments.',
    ],
    [
      'SetupFailed',
      failed,
      'The storage system refused to set the server up. It is tried again with growing pauses.',
      'Correct what the message says: a changed service or Secret is tried at once. Otherwise set sharenet.io/reapply-requested-at on the network to try at once.',
    ],
    [
      'ShareNetworkNotActive',
      working,
      'The share network is not active.',
      `${byItself} See the ShareNetwork if it stays.`,
    ],
    [
      'ShareNetworkNotFound',
      working,
      'The share network does not exist.',
      'Delete the server, or make the network again.',
    ],
    [
      'ShareServerError',
      stalled,
      'The phase is error; status.lastError says why.',
      'An administrator sets the phase to active when the cause is mended; the access rules come back by themselves.',
    ],
    [
      'ShareServerLost',
      stalled,
      'The storage system does not have the server any more. It is never made anew silently.',
      'An administrator restores it and sets the phase to active, or deletes its shares.',
    ],
    [
      'ShareServerUnhealthy',
      working,
      'The storage system says that the server is not well, or did not answer.',
      'See after the storage system. It is asked every minute; sharenet.io/reconcile-requested-at asks at once.',
    ],
    [
      'SharesExist',
      blocked,
      'The server is to be deleted, but serves on until its shares are gone.',
      'Delete the shares that the message names.',
    ],
    [
      'StatusReset',
      ['event', 'SecurityServicesUpToDate'],
      'Somebody else set the phase. It is honoured; a change that the server was in is dropped.',
      'Look whether the server really has its services; sharenet.io/reapply-requested-at on the network applies them again.',
    ],
    [
      'SubnetInUse',
      working,
      'No share server is set up on the network: a subnet that others use was changed; it can only gain ranges.',
      'Change it back, or add another subnet.',
    ],
    [
      'SubnetInvalid',
      working,
      'No share server is set up on the network: a subnet, its gateway or its ranges are not valid.',
      'Correct what the message names in the ShareNetwork.',
    ],
    ['UpToDate', ['SecurityServicesUpToDate'], 'The server has the services that its network records.', nothing],
    [
      'UpdateFailed',
      ['SecurityServicesUpToDate', ...failed],
      'The server did not take the last change of security services; the rules of its shares are in error.',
      'Correct the data, then set sharenet.io/reapply-requested-at on the network; or an administrator resets the phase.',
    ],
  ],

  Share: [
    [
      'Abandoned',
      event,
      'The object was let go without asking the storage system, as its annotation asked for.',
      'An administrator removes what the message names from the storage system.',
    ],
    ['AccessRulesExist', [...blocked, ...working], 'The access of clients is being taken away first.', byItself],
    ['Available', ready, 'The share can be mounted.', nothing],
    [
      'BackendNotFound',
      [...working, 'DeletionBlocked'],
      'The StorageBackend that the share names does not exist or does not allow its namespace, or there is none at all.',
      'Create the share on another backend, or ask an administrator; a deletion can release the share with the annotation sharenet.io/abandon: "true".',
    ],
    [
      'BackendUnavailable',
      working,
      'The StorageBackend is missing, not ready or not enabled.',
      'See its Ready condition.',
    ],
    [
      'CapabilityNotSupported',
      working,
      'No StorageBackend has what requiredCapabilities asks for; the message has what each lacks.',
      'Make the share anew with other requiredCapabilities, or ask an administrator.',
    ],
    ['Creating', working, 'The share is placed and is being made.', byItself],
    ['Deleting', working, 'The share is being deleted.', byItself],
    [
      'InvalidSize',
      [...failed, 'Reconciling'],
      'The size is below 1Mi, mostly because it has no unit: a size without a unit is in bytes.',
      'Set spec.size with a unit, for example 10Gi for 10 GiB.',
    ],
    [
      'NamespaceNotAllowed',
      working,
      'No StorageBackend that the share could be on allows its namespace.',
      'Make the share on another backend, or ask an administrator to allow the namespace.',
    ],
    ['NamespaceTerminating', working, 'Nothing is made in a namespace that is being deleted.', nothing],
    [
      'NoValidBackend',
      working,
      'No StorageBackend qualifies for the share, each for another reason or for now; the message has the reason of each.',
      'Change what the share requires, wait, or ask an administrator.',
    ],
    ['Placed', working, 'The share was placed again, after its share server could not be set up.', byItself],
    [
      'ProtocolNotSupported',
      working,
      'No StorageBackend that the share could be on supports its protocol; the message has those that they do.',
      'Make the share anew with one of these protocols.',
    ],
    [
      'RecoveryFailed',
      event,
      'The access rules of the share could not be made equal on the storage system.',
      'Correct what the message says, then set sharenet.io/reconcile-requested-at.',
    ],
    ['Resizing', working, 'The share is being extended or shrunk.', byItself],
    [
      'RestoredWithoutStatus',
      stalled,
      'The Share was created from a backup without its status: what the storage system has of it is not known.',
      'Restore it with its status, or remove the annotation sharenet.io/recorded-uid to create a new, empty share.',
    ],
    [
      'SecurityServiceRequired',
      working,
      'The protocol of the share needs a security service that its network does not have.',
      'Add one of the types that the message names to the ShareNetwork.',
    ],
    [
      'SecurityServicesPending',
      working,
      'The share network has not recorded its security services yet.',
      'See the Ready condition of the ShareNetwork.',
    ],
    [
      'SegmentNotAllowed',
      working,
      'The StorageBackends do not let the namespace use the segment of the subnet that the share would be on.',
      'Change the subnet of the ShareNetwork, or ask an administrator to allow the segment in allowedSegments.',
    ],
    [
      'ShareLost',
      stalled,
      'The storage system does not have the share any more. It is never made anew silently.',
      'Delete the Share, or restore its data and set sharenet.io/reconcile-requested-at.',
    ],
    [
      'ShareNetworkNotActive',
      [...working, 'DeletionBlocked'],
      'The share network is not active, for example during a change of its security services.',
      `${byItself} See the ShareNetwork if it stays.`,
    ],
    [
      'ShareNetworkNotFound',
      working,
      'The share network does not exist or is being deleted.',
      'Create it, or make the share with another one.',
    ],
    [
      'ShareNetworkNotSupported',
      working,
      'The StorageBackends make no share servers, so that they serve no share network.',
      'Make the share anew without shareNetworkName, or on another backend.',
    ],
    [
      'ShareNetworkRequired',
      working,
      'The StorageBackends make share servers, for which the share has to name a share network.',
      'Make the share anew with a shareNetworkName.',
    ],
    ['ShareRetained', event, 'The Share was deleted, its data stays on the storage system.', 'Note the identifier.'],
    [
      'ShareServerError',
      [...stalled, 'Reconciling'],
      'The share server of the share is in error, or could not be set up.',
      'See the ShareServer that the message names.',
    ],
    [
      'ShareServerNotActive',
      [...working, 'DeletionBlocked'],
      'The share server is being set up or changed.',
      `${byItself} See the ShareServer if it stays.`,
    ],
    [
      'SubnetInUse',
      working,
      'No share server is set up on the network: a subnet that others use was changed; it can only gain ranges.',
      'Change it back, or add another subnet.',
    ],
    [
      'SubnetInvalid',
      working,
      'No share server is set up on the network: a subnet, its gateway or its ranges are not valid.',
      'Correct what the message names in the ShareNetwork.',
    ],
  ],

  ShareAccess: [
    [
      'Abandoned',
      event,
      'The rule was let go without asking the storage system, as its annotation asked for.',
      'An administrator takes the access away on the storage system.',
    ],
    [
      'AccessIDReserved',
      failed,
      'The backend reserves the cephx id, and not for the namespace of the rule.',
      'Make a rule with another id, or ask the administrator of the storage to give the id to your namespace.',
    ],
    [
      'AccessKeyMissing',
      failed,
      'The storage system gave no access key for the rule.',
      'Set sharenet.io/reconcile-requested-at on the Share; if it stays, ask an administrator.',
    ],
    [
      'AccessKeySecretAltered',
      working,
      'The Secret of the access key is missing or was altered, and the backend cannot be asked for the key yet.',
      'Nothing: the Secret is restored as soon as the backend can be asked. The message says what the operator waits for.',
    ],
    [
      'AccessKeySecretConflict',
      failed,
      'A Secret of the name that the access key needs exists and belongs to somebody else. It is never overwritten.',
      'Delete or rename that Secret; the operator looks again every 5 minutes.',
    ],
    [
      'AccessKeyTooLong',
      failed,
      'The storage system gave an access key of more than 255 characters.',
      'Ask an administrator: a fault of the driver.',
    ],
    [
      'AccessLevelNotSupported',
      failed,
      'The backend does not know the access level.',
      'Use one of the levels that the message names.',
    ],
    [
      'AccessMayRemain',
      event,
      'The Share was removed by force or abandoned while the rule was granted: no driver could be asked to take the access away.',
      'An administrator removes the access on the storage system.',
    ],
    [
      'AccessRejected',
      failed,
      'The storage system refused the rule.',
      'Correct the rule as the message says, or set sharenet.io/reconcile-requested-at to try again.',
    ],
    [
      'AccessTypeNotSupported',
      failed,
      'The backend takes no rules of this type for the protocol of the share.',
      'Use one of the types that the message names.',
    ],
    ['Applied', ready, 'The client has access at status.accessLevel.', nothing],
    ['Applying', working, 'The storage system is being asked.', byItself],
    [
      'BackendNotFound',
      working,
      'The StorageBackend of the share does not exist, so that the access cannot be taken away.',
      'Make it again, or let go with the annotation sharenet.io/abandon: "true".',
    ],
    [
      'BackendUnavailable',
      working,
      'The StorageBackend is missing, not ready or not enabled.',
      'See its Ready condition.',
    ],
    [
      'DuplicateAccessRule',
      failed,
      'Another rule gives the same client access to the share already.',
      'Delete one of the two; this one applies by itself when the other is gone.',
    ],
    [
      'InvalidAccessRule',
      failed,
      'The target or the level of the rule is not valid.',
      'Make a rule with a valid target.',
    ],
    ['NamespaceTerminating', working, 'Nothing is granted in a namespace that is being deleted.', nothing],
    [
      'ShareNetworkNotActive',
      working,
      'The share network is not active.',
      `${byItself} See the ShareNetwork if it stays.`,
    ],
    ['ShareNotAvailable', working, 'The share is not available yet, or is in error.', 'See the Share if it stays.'],
    [
      'ShareNotFound',
      working,
      'The share does not exist. The rule applies when a share of that name does.',
      'Create the share.',
    ],
    ['SharePaused', working, 'The share is paused.', 'Remove the annotation sharenet.io/paused from the Share.'],
    [
      'ShareServerError',
      failed,
      'The share server of the share is in error. Whether the client has access is not known.',
      'The rule comes back with its server: see the ShareServer.',
    ],
    [
      'ShareServerNotActive',
      working,
      'The share server is being changed.',
      `${byItself} See the ShareServer if it stays.`,
    ],
    [
      'TooManyAccessRules',
      failed,
      'The share has more than 1,000 rules; the applied ones and then the older ones come first.',
      'Delete rules that are not needed; give networks access instead of single addresses.',
    ],
  ],
};
