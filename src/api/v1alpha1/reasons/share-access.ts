import { event, failed, nothing, type ReasonRecords, ready, wait, waitOr, working } from './reason-record.ts';

/** Reasons of a ShareAccess. */
export const shareAccessReasons = {
  Abandoned: {
    places: event,
    meaning:
      'The rule was deleted without calling the storage driver, because it had the annotation sharenet.io/abandon.',
    remedy: { kind: 'administrator', text: 'An administrator revokes the access on the storage system.' },
  },
  AccessIDReserved: {
    places: failed,
    meaning: 'The backend reserves the cephx id, and not for the namespace of the rule.',
    remedy: {
      kind: 'correct',
      text: 'Create a rule with another id, or ask the storage administrator to assign the id to your namespace.',
    },
  },
  AccessKeyMissing: {
    places: failed,
    meaning: 'The storage system returned no access key for the rule.',
    remedy: {
      kind: 'reconcileShare',
      text: 'Set sharenet.io/reconcile-requested-at on the Share; if it persists, ask an administrator.',
    },
  },
  AccessKeySecretAltered: {
    places: working,
    meaning:
      'The Secret of the access key is missing or was changed, and the backend cannot return the key at present.',
    remedy: {
      kind: 'wait',
      text: 'Nothing: the operator restores the Secret when the backend can return the key. The message says what it waits for.',
    },
  },
  AccessKeySecretConflict: {
    places: failed,
    meaning:
      'A Secret with the name that the access key requires exists and does not belong to this rule. The operator never overwrites it.',
    remedy: { kind: 'correct', text: 'Delete or rename that Secret; the operator checks again every 5 minutes.' },
  },
  AccessKeyTooLong: {
    places: failed,
    meaning: 'The storage system returned an access key of more than 255 characters. This is a bug in the driver.',
    remedy: { kind: 'administrator', text: 'An administrator reports it to the vendor of the driver.' },
  },
  AccessLevelNotSupported: {
    places: failed,
    meaning: 'The backend does not support the access level.',
    remedy: { kind: 'correct', text: 'Use one of the levels that the message names.' },
  },
  AccessMayRemain: {
    places: event,
    meaning:
      'The Share was removed by force or abandoned while the rule was granted. No driver could be called to revoke the access.',
    remedy: { kind: 'administrator', text: 'An administrator removes the access on the storage system.' },
  },
  AccessRejected: {
    places: failed,
    meaning: 'The storage system rejected the rule.',
    remedy: {
      kind: 'reconcile',
      text: 'Correct the rule as the message says, or set sharenet.io/reconcile-requested-at to try again.',
    },
  },
  AccessTypeNotSupported: {
    places: failed,
    meaning: 'The backend does not support rules of this type for the protocol of the share.',
    remedy: { kind: 'correct', text: 'Use one of the types that the message names.' },
  },
  Applied: { places: ready, meaning: 'The client has access at status.accessLevel.', remedy: nothing },
  Applying: { places: working, meaning: 'The rule is being applied on the storage system.', remedy: wait },
  BackendNotFound: {
    places: working,
    meaning: 'The StorageBackend of the share does not exist, so that the access cannot be revoked.',
    remedy: {
      kind: 'correct',
      text: 'Recreate the backend, or release this object with the annotation sharenet.io/abandon: "true".',
    },
  },
  BackendUnavailable: {
    places: working,
    meaning: 'The StorageBackend is missing, not ready or not enabled.',
    remedy: { kind: 'administrator', text: 'See the Ready condition of the StorageBackend.' },
  },
  DuplicateAccessRule: {
    places: failed,
    meaning: 'Another rule already gives the same client access to the share.',
    remedy: { kind: 'correct', text: 'Delete one of the two. This rule is applied when the other is deleted.' },
  },
  InvalidAccessRule: {
    places: failed,
    meaning: 'The target or the level of the rule is not valid.',
    remedy: { kind: 'correct', text: 'Create a rule with a valid target.' },
  },
  NamespaceTerminating: {
    places: working,
    meaning: 'The operator grants no access in a namespace that is being deleted.',
    remedy: nothing,
  },
  ShareNetworkNotActive: {
    places: working,
    meaning: 'The share network is not active.',
    remedy: waitOr('If it persists, see the ShareNetwork.'),
  },
  ShareNotAvailable: {
    places: working,
    meaning: 'The share is not available yet, or is in error.',
    remedy: waitOr('If it persists, see the Share.'),
  },
  ShareNotFound: {
    places: working,
    meaning: 'The share does not exist. The rule is applied when a share with this name exists.',
    remedy: { kind: 'correct', text: 'Create the share.' },
  },
  SharePaused: {
    places: working,
    meaning: 'The share is paused.',
    remedy: { kind: 'resumeShare', text: 'Remove the annotation sharenet.io/paused from the Share.' },
  },
  ShareServerError: {
    places: failed,
    meaning: 'The share server of the share is in error. The operator does not know whether the client has access.',
    remedy: { kind: 'correct', text: 'See the ShareServer. The rule is applied again when the server recovers.' },
  },
  ShareServerNotActive: {
    places: working,
    meaning: 'The share server is being changed.',
    remedy: waitOr('If it persists, see the ShareServer.'),
  },
  TooManyAccessRules: {
    places: failed,
    meaning: 'The share has more than 1,000 rules. Applied rules take precedence, then older ones.',
    remedy: {
      kind: 'correct',
      text: 'Delete rules that are no longer required; use rules for networks instead of single addresses.',
    },
  },
} as const satisfies ReasonRecords;
