import { failed, type ReasonRecords, waitOr, working } from './reason-record.ts';

/** Reasons that objects of every kind may have. */
export const everyKindReasons = {
  BackendBusy: {
    places: working,
    meaning:
      'The backend already runs as many driver calls as its maxConcurrentOperations allows. The next call waits.',
    remedy: waitOr('If it persists, an administrator should raise maxConcurrentOperations.'),
  },
  DriverError: {
    places: [...failed, 'Reconciling'],
    meaning: 'The storage driver failed and gave no reason that can be shown.',
    remedy: { kind: 'administrator', text: 'Read the message; the operator log has the details.' },
  },
  DriverFault: {
    places: [...failed, 'Reconciling'],
    meaning: 'The storage driver failed unexpectedly, or returned an invalid answer. This is a bug in the driver.',
    remedy: {
      kind: 'administrator',
      text: 'An administrator finds the details in the operator log and reports them to the vendor of the driver.',
    },
  },
  DriverWarning: {
    places: ['Warning', 'event'],
    meaning: 'A driver call succeeded, but with a warning.',
    remedy: {
      kind: 'correct',
      text: 'Read the message. The condition disappears after the next call without a warning.',
    },
  },
  LeaseLost: {
    places: working,
    meaning: 'The operator process that prepared a driver call is no longer the leader. It does not make the call.',
    remedy: { kind: 'wait', text: 'Nothing: the next leader makes the call.' },
  },
  NamespaceNotKnown: {
    places: working,
    meaning: 'The operator has not seen the namespace of the object yet.',
    remedy: waitOr('If it persists, check whether the operator watches the namespace.'),
  },
  OperationRunning: {
    places: working,
    meaning: 'Another driver call for the same server, share or network is still running.',
    remedy: waitOr(
      'If it persists, an administrator should look for stuck calls (metric sharenet_driver_calls_stuck).',
    ),
  },
  OperationTimeout: {
    places: working,
    meaning:
      'The storage system did not answer within the operationTimeout of the backend. The operator tries the call again.',
    remedy: {
      kind: 'administrator',
      text: 'If it persists, an administrator checks the storage system or raises operationTimeout.',
    },
  },
  Paused: {
    places: [...working, 'status.check'],
    meaning: 'The annotation sharenet.io/paused is "true": the operator does not reconcile the object.',
    remedy: { kind: 'resume', text: 'Remove the annotation to resume.' },
  },
  WriteRefused: {
    places: [...failed, 'Reconciling', 'DeletionBlocked'],
    meaning:
      'The API server refuses a write that the operator makes for the object. The message quotes the refusal and says who can lift it. The operator tries again every minute.',
    remedy: {
      kind: 'correct',
      text: 'Do what the message says. Quotas belong to the administrator of the namespace, admission policies to their owner, and permissions to an administrator of the cluster.',
    },
  },
} as const satisfies ReasonRecords;
