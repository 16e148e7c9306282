import { type Failures, failures } from '../kit/failures.ts';
import { type DriverReasonRecord, type DriverReasonRecords, kitReasons } from '../kit/reasons.ts';

const ofFault: DriverReasonRecord = {
  meaning: 'A fault in `spec.dummy.faults` refused the call.',
  remedy: { kind: 'administrator', text: 'Remove the fault, or wait until it has occurred `times` times.' },
};

const notOnBackend: DriverReasonRecord = {
  meaning:
    'The object is not on the backend: without a state directory it lives as long as the process of the operator.',
  remedy: {
    kind: 'administrator',
    text: 'Set `stateDirectory` before you create objects that must outlive a restart.',
  },
};

const fault: DriverReasonRecord = {
  meaning: 'The call is not one that the operator makes.',
  remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
};

/** The reasons that the driver gives, in the order of the documentation. */
export const dummyReasons = {
  ...kitReasons,
  BackendRejected: ofFault,
  BackendNotAnswering: ofFault,
  SecurityServiceIncompatible: ofFault,
  PasswordRefused: ofFault,
  InsufficientCapacity: {
    meaning: 'All shares together would be larger than 1 PiB.',
    remedy: { kind: 'correct', text: 'Create a smaller share, or delete others.' },
  },
  ShareShrinkingPossibleDataLoss: {
    meaning: 'The share holds more than the new size. Nothing was changed.',
    remedy: { kind: 'correct', text: 'Set a larger size.' },
  },
  SecurityServiceUpdateNotSupported: {
    meaning: '`spec.dummy.securityServiceUpdateSupport` is false.',
    remedy: { kind: 'administrator', text: 'Set it to true.' },
  },
  MachineAccountLeft: {
    meaning: 'A share server was removed without a password for its domain. A warning.',
    remedy: { kind: 'administrator', text: 'On a real system, remove the machine account in the directory.' },
  },
  ShareServerNotOnBackend: notOnBackend,
  ShareNotOnBackend: notOnBackend,
  ShareServerInUse: fault,
  ShareServersNotHandled: fault,
  ShareServerMissing: fault,
  NetworkAllocationMissing: fault,
} as const satisfies DriverReasonRecords;

/** A reason of the driver. */
export type DummyReason = keyof typeof dummyReasons;

export const { rejected, notFound, unavailable, failure }: Failures<DummyReason> = failures;
