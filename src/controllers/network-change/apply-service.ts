import type { AppliedSecurityService, ShareServer, ShareServerChange } from '../../api/v1alpha1/share-server.ts';
import type { SecurityServiceUpdateResult } from '../../drivers/driver.ts';
import { DriverError } from '../../drivers/errors.ts';
import { storeBackendSecrets } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import { boundedDetails } from '../driver-calls/driver-data.ts';
import { driverNetwork, driverService, serviceDetails } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { sharesForDriver } from '../driver-calls/shares-for-driver.ts';
import { storeShareResults } from '../shareaccess/share-results.ts';
import { leavePhase } from '../shareserver/scope.ts';
import { setServiceState } from '../shareserver/service-state.ts';
import { formerService, type PassedService } from '../shareserver/services.ts';
import { writeDriverResult } from '../status/driver-result.ts';
import { serverAvailable } from '../status/readiness.ts';
import { draftOf } from '../status/status-draft.ts';
import { noteWarnings } from '../status/warnings.ts';
import type { ChangePart } from './change-part.ts';

/** Calls the driver for one service of a change. */
export async function updateService(
  part: ChangePart,
  lease: CallLease,
  step: ShareServerChange,
  passed: PassedService,
): Promise<SecurityServiceUpdateResult> {
  const { scope, server } = part;
  const { operator, network } = scope;
  const applied = server.status?.securityServices?.find(({ type }) => type === step.type);
  const attempted = server.status?.attempted?.find(({ type }) => type === step.type);
  const former = applied === undefined ? undefined : formerService(scope, applied);
  return await lease.call(
    {
      operation: 'updateShareServerSecurityService',
      id: `${part.key}/${step.type}`,
      token: server.status?.operation?.token,
      timeoutMs: part.callTimeoutMs,
      secrets: [passed.secret, former?.secret].filter((secret) => secret !== undefined),
    },
    async (driver, context) => {
      if (driver.updateShareServerSecurityService === undefined) {
        throw new DriverError({
          kind: 'Rejected',
          reason: 'SecurityServiceUpdateNotSupported',
          message: `the driver of backend ${server.spec.backendName} cannot change security services`,
        });
      }
      return await driver.updateShareServerSecurityService(
        {
          server: serverForDriver(operator, server, network),
          network: driverNetwork(server, network),
          ...sharesForDriver(operator, server),
          newSecurityService: passed.driver,
          ...(former === undefined ? {} : { currentSecurityService: former.driver }),
          ...(attempted === undefined ? {} : { attemptedSecurityService: driverService(attempted, undefined) }),
        },
        context,
      );
    },
  );
}

/**
 * Stores that the driver has applied one service; with the last one the server is active again. Keys and export locations are stored
 * first: this write is the last of what the driver returned.
 */
export async function storeSuccess(
  { scope, server, change: { id: changeID } }: ChangePart,
  step: ShareServerChange,
  applied: AppliedSecurityService,
  result: SecurityServiceUpdateResult,
): Promise<ShareServer | undefined> {
  const { operator } = scope;
  const { informers } = operator;
  await storeBackendSecrets(operator, server, result.backendSecrets);
  await storeShareResults(operator, server, result);
  return await writeDriverResult(operator, informers.shareServers, server, (fresh) => {
    const change = fresh.status?.networkChange;
    if (change?.id !== changeID) return undefined;
    const changes = change.changes.map((one) => (one.type === step.type ? { ...one, done: true } : one));
    const complete = changes.every(({ done }) => done === true);
    const services = [...(fresh.status?.securityServices ?? []).filter(({ type }) => type !== step.type), applied];
    const draft = draftOf(operator, fresh);
    draft.set({
      securityServices: services,
      backendDetails: boundedDetails(
        { ...fresh.status?.backendDetails, ...result.backendDetails },
        serviceDetails([applied]),
      ),
      networkChange: { ...change, changes },
    });
    noteWarnings(operator, fresh, draft, result.warnings);
    if (fresh.status?.operation !== undefined) {
      const { token: _ended, ...operation } = fresh.status.operation;
      draft.set({ operation });
    }
    if (complete) {
      draft.set({
        networkChange: undefined,
        operation: undefined,
        attempted: undefined,
        lastError: undefined,
        lastNetworkChange: { id: changeID, result: 'Succeeded' },
      });
      setServiceState(draft, 'UpToDate', 'the server has the recorded services');
      leavePhase(draft, 'network_change', 'active', serverAvailable);
    }
    return draft.write(operator.client, informers.shareServers);
  });
}
