import { type Failures, failures } from '../kit/failures.ts';
import { type DriverReasonRecord, type DriverReasonRecords, kitReasons } from '../kit/reasons.ts';

const gone: DriverReasonRecord = {
  meaning: 'The object was removed on the storage system.',
  remedy: { kind: 'administrator', text: 'Find out who removed it.' },
};

/**
 * The reasons that the driver gives: a reason that is not here does not compile. Make the table of your documentation from it.
 * Yours: what your storage system can refuse.
 */
export const templateReasons = {
  ...kitReasons,
  NetworkAllocationMissing: {
    meaning: 'The share server has no address.',
    remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
  },
  ServerNotEmpty: {
    meaning: 'The share server holds shares.',
    remedy: { kind: 'correct', text: 'Delete the shares first.' },
  },
  ShareServerMissing: {
    meaning: 'The call for the share names no share server.',
    remedy: { kind: 'administrator', text: 'Report what the operator log says.' },
  },
  ShareShrinkingPossibleDataLoss: {
    meaning: 'The share holds more than the new size. Nothing was changed.',
    remedy: { kind: 'correct', text: 'Delete data, or set a larger size.' },
  },
  DomainMissing: {
    meaning: 'The security service names no domain.',
    remedy: { kind: 'correct', text: 'Set `domain` of the SecurityService.' },
  },
  ShareServerNotFound: gone,
  ShareNotFound: gone,
} as const satisfies DriverReasonRecords;

/** A reason of the driver. */
export type TemplateReason = keyof typeof templateReasons;

export const { rejected, notFound }: Failures<TemplateReason> = failures;
