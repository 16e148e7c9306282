import type { SecurityServiceType } from '../../api/v1alpha1/backend-capabilities.ts';
import type { Finding } from '../../api/v1alpha1/finding.ts';
import { driverReason, type Reason, toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { CredentialsRefusal } from '../../api/v1alpha1/security-service.ts';
import type { SecurityServiceCheckServer } from '../../api/v1alpha1/share-network.ts';
import type { AppliedSecurityService, ShareServer } from '../../api/v1alpha1/share-server.ts';
import { findPassword, type PasswordLookup } from '../../cluster-state/credentials.ts';
import type { SecurityServiceCheckResult } from '../../drivers/driver.ts';
import { asDriverError, type DriverError } from '../../drivers/errors.ts';
import type { ChangePlan } from '../../network-change/change-plan.ts';
import { serverChanges } from '../../network-change/up-to-date.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { safeReason, safeText } from '../../values/safe-text.ts';
import { credentialsOf } from '../credentials/credentials.ts';
import { useCredentials } from '../credentials/use-credentials.ts';
import { secretTexts } from '../driver-calls/backend-secrets.ts';
import type { CallLease } from '../driver-calls/call-lease.ts';
import type { CallScope } from '../driver-calls/call-scope.ts';
import { appliedService, driverNetwork, driverService, timeoutsOf } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { sharesForDriver } from '../driver-calls/shares-for-driver.ts';
import { requiredTenant } from '../operator.ts';
import type { PlannedChange } from './guard.ts';
import type { NetworkScope } from './network-scope.ts';
import { comparisonOf } from './service-comparison.ts';

/** Names of the share servers whose driver is being asked, each with what prevents the call. */
export type PendingChecks = Map<string, Finding | undefined>;

/** What the network says of a check that takes long. */
export function checkInProgress(pending: PendingChecks): Finding {
  for (const [name, obstacle] of pending) {
    if (obstacle === undefined) continue;
    const message = `the change of security services waits to ask the driver of share server ${name}: ${obstacle.message}`;
    return { reason: obstacle.reason, message };
  }
  return {
    reason: 'CheckInProgress',
    message: `the drivers check whether share servers ${nameList([...pending.keys()])} can apply the change`,
  };
}

/** Verdict of the drivers. */
export type CheckVerdict =
  | { readonly kind: 'compatible'; readonly servers: readonly SecurityServiceCheckServer[] }
  | {
      readonly kind: 'incompatible';
      readonly reason: Reason;
      readonly message: string;
      readonly servers: readonly SecurityServiceCheckServer[];
    }
  /** No verdict yet: a backend did not answer. */
  | { readonly kind: 'unavailable'; readonly error: DriverError };

/**
 * Asks the driver of every server, in parallel within the backends' limits, whether it can apply the change.
 * @param pending takes in which servers are being asked
 * @param agreed answers of earlier rounds on the same content, by server UID: these are not asked again; takes in new ones
 */
export async function checkWithDrivers(
  scope: NetworkScope,
  { plan, participants }: Pick<PlannedChange, 'plan' | 'participants'>,
  agreed: Map<string, CheckVerdict>,
  pending: PendingChecks = new Map(),
): Promise<CheckVerdict> {
  const stop = new AbortController();
  const answers = await Promise.all(
    participants.map(async (server) => {
      const known = agreed.get(uidOf(server));
      if (known !== undefined) return known;
      const signal = AbortSignal.any([scope.context.signal, stop.signal]);
      const verdict = await checkServer(scope, plan, server, signal, pending);
      pending.delete(server.metadata.name);
      if (verdict.kind === 'compatible') agreed.set(uidOf(server), verdict);
      // The first refusal ends it; calls that run already are waited for.
      if (verdict.kind === 'incompatible') stop.abort(new Error('another share server refused the change'));
      return verdict;
    }),
  );
  const details = answers.flatMap((answer) => (answer.kind === 'unavailable' ? [] : answer.servers));
  const refusal = answers.find((answer) => answer.kind === 'incompatible');
  if (refusal !== undefined) return { ...refusal, servers: details };
  return answers.find((answer) => answer.kind === 'unavailable') ?? { kind: 'compatible', servers: details };
}

/** Why the drivers need not be asked: a directory has refused the credentials of a service of the change. */
export function refusedCredentialsOf(
  { operator, namespace }: NetworkScope,
  { plan }: { readonly plan: ChangePlan },
): CredentialsRefusal | undefined {
  return operator.refusals.findAny(
    operator,
    namespace,
    plan.association.map(({ name }) => name),
  );
}

/** A security service that a server is to be given. */
interface CheckedService {
  readonly type: SecurityServiceType;
  readonly applied: AppliedSecurityService;
  readonly usable: Extract<PasswordLookup, { readonly state: 'usable' }> | undefined;
  readonly credentials: string | undefined;
}

function checkedServices(scope: NetworkScope, plan: ChangePlan, server: ShareServer): readonly CheckedService[] {
  const { operator, namespace, view } = scope;
  return serverChanges(server, plan.changes, plan.association, comparisonOf(scope)).flatMap(({ type, to }) => {
    const service = view.service(to.name);
    if (service === undefined) return [];
    const password = findPassword(operator, service);
    const usable = password.state === 'usable' ? password : undefined;
    const applied = appliedService(service, usable?.version);
    return [{ type, applied, usable, credentials: credentialsOf(operator, namespace, applied) }];
  });
}

async function checkServer(
  scope: NetworkScope,
  plan: ChangePlan,
  server: ShareServer,
  signal: AbortSignal,
  pending: PendingChecks,
): Promise<CheckVerdict> {
  const { operator, namespace, view } = scope;
  const { name } = server.metadata;
  const { operation: waitMs } = timeoutsOf(view.backend(server.spec.backendName));
  const required = checkedServices(scope, plan, server);
  const waiting = (obstacle: Finding | undefined) => void pending.set(name, obstacle);
  try {
    const use = { namespace, holder: holderOf(server), required, signal, waitMs, waiting };
    const { results } = await useCredentials(operator, use, async () => {
      const callScope: CallScope = {
        backendName: server.spec.backendName,
        tenant: requiredTenant(operator, server),
        server: { uid: uidOf(server), mode: 'shared', secrets: secretTexts(operator, server) },
      };
      const lease = await operator.calls.acquire(callScope, signal, waitMs, waiting);
      try {
        return credentialsResult(await askDriver(scope, server, required, lease, waitMs));
      } finally {
        lease.release();
      }
    });
    return verdictOf(name, results);
  } catch (thrown) {
    const error = asDriverError(thrown);
    if (error.kind === 'NotFound') operator.suspects.add(server);
    if (error.kind === 'Unavailable' || signal.aborted) return { kind: 'unavailable', error };
    return incompatible(name, toReason(error.reason), error.message);
  }
}

function holderOf(server: ShareServer): string {
  return `check/${uidOf(server)}`;
}

/** Asks about one service after the other, until the driver refuses one. */
async function askDriver(
  { operator, network }: NetworkScope,
  server: ShareServer,
  services: readonly CheckedService[],
  lease: CallLease,
  timeoutMs: number,
): Promise<readonly SecurityServiceCheckResult[]> {
  const results: SecurityServiceCheckResult[] = [];
  for (const { type, applied, usable } of services) {
    const current = server.status?.securityServices?.find((one) => one.type === type);
    const result = await lease.call(
      {
        operation: 'checkUpdateShareServerSecurityService',
        id: `${holderOf(server)}/${applied.uid}`,
        timeoutMs,
        secrets: usable === undefined ? [] : [usable.password],
      },
      async (driver, context) =>
        (await driver.checkUpdateShareServerSecurityService?.(
          {
            server: serverForDriver(operator, server, network),
            network: driverNetwork(server, network),
            ...sharesForDriver(operator, server),
            newSecurityService: driverService(applied, usable),
            ...(current === undefined ? {} : { currentSecurityService: driverService(current, undefined) }),
          },
          context,
        )) ?? { compatible: false, reason: 'NotImplemented', message: 'the driver cannot change security services' },
    );
    results.push(result);
    if (!result.compatible) break;
  }
  return results;
}

/** What the answers say about the credentials that the driver tried. */
function credentialsResult(results: readonly SecurityServiceCheckResult[]) {
  const last = results.at(-1);
  const refusal = {
    reason: safeReason(last?.reason ?? '', 'Incompatible'),
    message: safeText(last?.message ?? ''),
  };
  return {
    results,
    refusedCredentials: last?.refusedCredentials ?? [],
    ...(last?.compatible === false ? { refusal } : {}),
  };
}

function verdictOf(name: string, results: readonly SecurityServiceCheckResult[]): CheckVerdict {
  const refusal = results.find(({ compatible }) => !compatible);
  if (refusal !== undefined) {
    return incompatible(
      name,
      driverReason(refusal.reason ?? '', 'Incompatible'),
      refusal.message ?? 'the share server cannot apply the change',
    );
  }
  const impacts = results.flatMap(({ impact }) => (impact === undefined ? [] : [impact]));
  const server: SecurityServiceCheckServer = {
    name,
    compatible: true,
    ...(impacts.length === 0
      ? {}
      : {
          message: safeText(impacts.map(({ text }) => text).join('; ')),
          disruptsSessions: impacts.some(({ disruptsSessions }) => disruptsSessions),
          estimatedSeconds: Math.ceil(impacts.reduce((sum, { estimatedSeconds }) => sum + estimatedSeconds, 0)),
        }),
  };
  return { kind: 'compatible', servers: [server] };
}

function incompatible(name: string, reason: Reason, driverMessage: string): CheckVerdict {
  const message = safeText(driverMessage);
  return {
    kind: 'incompatible',
    reason,
    message: `share server ${name}: ${message}`,
    servers: [{ name, compatible: false, message }],
  };
}
