import { blocked, nothing, type ReasonRecords, ready, stalled, waitOr, working } from './reason-record.ts';

/** Reasons of a StorageBackend. */
export const storageBackendReasons = {
  Available: { places: ready, meaning: 'The storage system answers.', remedy: nothing },
  BackendInUse: {
    places: blocked,
    meaning: 'Shares or share servers are still on the backend.',
    remedy: { kind: 'correct', text: 'Delete those that the message names, or keep the backend.' },
  },
  CallsSuspended: {
    places: ['CallsSuspended'],
    meaning:
      'The storage system did not answer the last probe. The operator probes it again every 10 s, or later if the driver says so, and makes no other call until it answers.',
    remedy: {
      kind: 'reconcile',
      text: 'Read the message of Ready and check the storage system. Set sharenet.io/reconcile-requested-at to probe immediately.',
    },
  },
  CredentialsNotFound: {
    places: stalled,
    meaning:
      'The Secret with the credentials of the driver does not exist in the namespace of the operator, or does not have the required label.',
    remedy: { kind: 'correct', text: 'Create the Secret there, with the label sharenet.io/credentials: "true".' },
  },
  CredentialsNotText: {
    places: stalled,
    meaning: 'A key of the Secret with the credentials of the driver has content that is not UTF-8 text.',
    remedy: {
      kind: 'correct',
      text: 'Store the key that the message names as UTF-8 text; keep binary files out of the Secret.',
    },
  },
  IdentityFieldsImmutable: {
    places: stalled,
    meaning:
      'A field that identifies the storage system was changed while the backend is in use. The old value stays in effect.',
    remedy: {
      kind: 'correct',
      text: 'Change the field back. For another storage system, create another StorageBackend.',
    },
  },
  InvalidConfiguration: {
    places: stalled,
    meaning: 'The driver does not exist, or does not accept its part of the spec.',
    remedy: { kind: 'correct', text: 'Correct the field that the message names.' },
  },
  ProbeInProgress: {
    places: working,
    meaning: 'The operator probes the storage system for the first time with this spec, and has no answer yet.',
    remedy: waitOr('After operationTimeout the message says why there is no answer.'),
  },
  VulnerableVersion: {
    places: ['KnownVulnerabilities'],
    meaning: 'The storage system runs a version with the published vulnerabilities that the message names.',
    remedy: {
      kind: 'administrator',
      text: 'Update the storage system to a version that the message names. If the advisory of your distribution says that it fixed the vulnerability without a new version, there is nothing to do, and the condition stays.',
    },
  },
} as const satisfies ReasonRecords;
