import type { RecordedSecurityService } from '../../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import type { DriverSecurityService } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { securityServiceGaps } from '../../network-change/completeness.ts';
import { findPassword } from '../credentials.ts';
import { appliedService, driverService, uidOf } from '../driver-requests.ts';
import { related } from '../operator.ts';
import type { ServerScope } from './scope.ts';

/** A service as it is passed to the driver, and as it is stored afterwards. */
export interface PassedService {
  readonly driver: DriverSecurityService;
  readonly applied: AppliedSecurityService;
  /** The password, to be kept out of errors. */
  readonly secret: string | undefined;
}

/**
 * Resolves a recorded service with its password.
 * @throws DriverError `Rejected` when it, or its password, is gone or incomplete
 */
export function passService({ operator, namespace }: ServerScope, recorded: RecordedSecurityService): PassedService {
  const service = related(operator, namespace).service(recorded.name);
  if (service === undefined || uidOf(service) !== recorded.uid) {
    throw gone('SecurityServiceNotFound', `security service ${recorded.name} does not exist any more`);
  }
  const gaps = securityServiceGaps(service.spec);
  if (gaps.length > 0) {
    throw gone('SecurityServiceIncomplete', `security service ${recorded.name} lacks ${gaps.join(', ')}`);
  }
  const password = findPassword(operator, service);
  if (password.state !== 'usable' && password.state !== 'none') {
    throw gone(
      'CredentialsNotFound',
      `the password Secret ${service.spec.passwordSecretRef?.name} of security service ${recorded.name} is missing, not marked with the label sharenet.io/credentials, or bound to other services`,
    );
  }
  const applied = appliedService(service, password.state === 'usable' ? password.version : undefined);
  const secret = password.state === 'usable' ? password.password : undefined;
  return { driver: driverService(applied, secret), applied, secret };
}

/** A service that the server was given before, with its password where that is still to be had. */
export function formerService(
  { operator, namespace }: ServerScope,
  applied: AppliedSecurityService,
): DriverSecurityService {
  const service = related(operator, namespace).service(applied.name);
  const password =
    service === undefined || uidOf(service) !== applied.uid ? undefined : findPassword(operator, service);
  return driverService(applied, password?.state === 'usable' ? password.password : undefined);
}

function gone(reason: string, message: string): DriverError {
  return new DriverError({ kind: 'Rejected', reason, message });
}
