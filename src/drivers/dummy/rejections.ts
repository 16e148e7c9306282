import type { DummyFault } from '../../api/v1alpha1/storage-backend.ts';
import { DriverError, type PartialResult } from '../errors.ts';

/** The backend can't do what was asked. */
export function rejection(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'Rejected', reason, message });
}

/** A fault refuses a whole call. */
export function callRejection(fault: DummyFault): DriverError {
  return rejection('BackendRejected', fault.message ?? `the dummy backend was told to reject ${fault.operation}`);
}

/** A fault refuses a set-up half way: what was made already has to be torn down. */
export function setupRejection(fault: DummyFault, partial: PartialResult): DriverError {
  const { reason, message } = callRejection(fault);
  return new DriverError({ kind: 'Rejected', reason, message, partial });
}

/** A fault finds a security service incompatible. */
export function serviceRefusal(fault: DummyFault, service: string): { reason: string; message: string } {
  return {
    reason: 'SecurityServiceIncompatible',
    message: fault.message ?? `the dummy backend was told to refuse the security service ${service}`,
  };
}
