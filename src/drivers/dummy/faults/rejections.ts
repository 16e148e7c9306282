import type { DriverError, PartialResult } from '../../errors.ts';
import { type CallRequest, servicesOf } from '../calls/call.ts';
import type { DummyFault } from '../config.ts';
import { type DummyReason, failure } from '../reasons.ts';

/** A fault refuses a whole call. */
export function callRejection(fault: DummyFault, request: CallRequest, partial?: PartialResult): DriverError {
  return failure({
    kind: 'Rejected',
    reason: fault.refusesCredentials === true ? passwordRefused : 'BackendRejected',
    message: fault.message ?? `the dummy backend was told to reject ${fault.operation}`,
    ...refusedCredentials(fault, request),
    ...(partial === undefined ? {} : { partial }),
  });
}

/** A fault finds a security service incompatible. */
export function serviceRefusal(
  fault: DummyFault,
  request: CallRequest,
): { reason: DummyReason; message: string; refusedCredentials?: readonly string[] } {
  const { name } = request.newSecurityService ?? {};
  return {
    reason: fault.refusesCredentials === true ? passwordRefused : 'SecurityServiceIncompatible',
    message: fault.message ?? `the dummy backend was told to refuse the security service ${name}`,
    ...refusedCredentials(fault, request),
  };
}

const passwordRefused = 'PasswordRefused';

function refusedCredentials(fault: DummyFault, request: CallRequest): { refusedCredentials?: readonly string[] } {
  if (fault.refusesCredentials !== true) return {};
  return { refusedCredentials: servicesOf(request).map(({ id }) => id) };
}
