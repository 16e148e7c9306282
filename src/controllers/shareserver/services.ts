import type { Finding } from '../../api/v1alpha1/finding.ts';
import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import type { RecordedSecurityService, ShareNetwork } from '../../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService } from '../../api/v1alpha1/share-server.ts';
import { findPassword, uncoveredOf } from '../../cluster-state/credentials.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
import type { DriverSecurityService } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import {
  credentialsProblem,
  credentialsReason,
  distinguishedNameProblem,
  securityServiceGaps,
} from '../../network-change/completeness.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { credentialsOf } from '../credentials/credentials.ts';
import { appliedService, driverService } from '../driver-calls/driver-requests.ts';
import type { ServerScope } from './scope.ts';

/** A service as it is passed to the driver, and as it is stored afterwards. */
export interface PassedService {
  readonly driver: DriverSecurityService;
  readonly applied: AppliedSecurityService;
  /** The password, to be kept out of errors. */
  readonly secret: string | undefined;
  /** Names the credentials; undefined where there are none. */
  readonly credentials: string | undefined;
}

/**
 * Resolves a recorded service with its password.
 * @throws DriverError `Rejected` when it, or its password, is gone or incomplete
 */
export function passService(scope: ServerScope, recorded: RecordedSecurityService): PassedService {
  const resolved = resolve(scope, recorded);
  if ('reason' in resolved) throw new DriverError({ kind: 'Rejected', ...resolved });
  const { service, password } = resolved;
  const applied = appliedService(service, password.state === 'usable' ? password.version : undefined);
  const usable = password.state === 'usable' ? password : undefined;
  const credentials = credentialsOf(scope.operator, scope.namespace, applied);
  return { driver: driverService(applied, usable), applied, secret: usable?.password, credentials };
}

/** Passes all services that the network records. @throws DriverError `Rejected` */
export function passServices(scope: ServerScope): readonly PassedService[] {
  return (scope.network?.status?.securityServices ?? []).map((recorded) => passService(scope, recorded));
}

/** Why a recorded service can't be passed to a driver; undefined when it can. */
export function whyNotPassable(scope: ServerScope, recorded: RecordedSecurityService): Finding | undefined {
  const resolved = resolve(scope, recorded);
  return 'reason' in resolved ? resolved : undefined;
}

/** Names of the services that a network records. */
export function recordedNames(network: ShareNetwork | undefined): readonly string[] {
  return (network?.status?.securityServices ?? []).map(({ name }) => name);
}

type Password = ReturnType<typeof findPassword>;

function resolve(
  { operator, view }: ServerScope,
  recorded: RecordedSecurityService,
): Finding | { readonly service: SecurityService; readonly password: Password } {
  const service = view.service(recorded.name);
  if (service === undefined || uidOf(service) !== recorded.uid) {
    return {
      reason: 'SecurityServiceNotFound',
      message: `security service ${recorded.name} no longer exists`,
    };
  }
  const gaps = securityServiceGaps(service.spec);
  if (gaps.length > 0) {
    return {
      reason: 'SecurityServiceIncomplete',
      message: `security service ${recorded.name} lacks ${gaps.join(', ')}`,
    };
  }
  const wrongName = distinguishedNameProblem(service.spec);
  if (wrongName !== undefined) {
    return { reason: 'SecurityServiceIncomplete', message: `security service ${recorded.name}: ${wrongName}` };
  }
  const password = findPassword(operator, service);
  const problem = credentialsProblem(password.state, service.spec, uncoveredOf(password));
  if (problem === undefined) return { service, password };
  // On a server one reason covers everything that keeps a Secret from being found.
  const found = credentialsReason(password.state);
  const reason = found === 'PasswordInvalid' || found === 'CABundleInvalid' ? found : 'CredentialsNotFound';
  const what = problem.startsWith('tls.') ? '' : 'password of ';
  return { reason, message: `${what}security service ${recorded.name}: ${problem}` };
}

/** A service that the server has, with its password if that still exists and was not refused. */
export function formerService(
  { operator, namespace }: Pick<ServerScope, 'operator' | 'namespace'>,
  given: AppliedSecurityService,
): PassedService {
  const service = namespaceView(operator, namespace).service(given.name);
  // The password is judged for the destination that the server has, which differs from the service's if that was edited since.
  const password =
    service === undefined || uidOf(service) !== given.uid ? undefined : findPassword(operator, service, given);
  if (password?.state === 'usable') {
    const applied = { ...given, credentialsVersion: password.version };
    const credentials = credentialsOf(operator, namespace, applied);
    if (operator.refusals.find(operator, namespace, credentials) === undefined) {
      return { driver: driverService(applied, password), applied, secret: password.password, credentials };
    }
  }
  return { driver: driverService(given, undefined), applied: given, secret: undefined, credentials: undefined };
}
