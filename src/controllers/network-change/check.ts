import type { Finding } from '../../api/v1alpha1/finding.ts';
import { driverReason, type Reason, toReason } from '../../api/v1alpha1/reasons/reason.ts';
import type { CredentialsRefusal } from '../../api/v1alpha1/security-service.ts';
import type { SecurityServiceCheckServer } from '../../api/v1alpha1/share-network.ts';
import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { findPassword } from '../../cluster-state/credentials.ts';
import { namespaceView } from '../../cluster-state/namespace-view.ts';
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
import { appliedService, driverNetwork, driverService, timeoutsOf } from '../driver-calls/driver-requests.ts';
import { serverForDriver } from '../driver-calls/server-for-driver.ts';
import { sharesForDriver } from '../driver-calls/shares-for-driver.ts';
import { requiredTenant } from '../operator.ts';
import type { Readiness } from '../status/status-draft.ts';
import { comparisonWith, type NetworkScope } from './network-scope.ts';

/** Names of the share servers whose driver is being asked, with what keeps it from being asked. */
export type Asking = Map<string, Finding | undefined>;

/** What to say of a check that takes long. */
export function readinessDuringCheck(asking: Asking): Readiness {
  for (const [name, wait] of asking) {
    if (wait === undefined) continue;
    return {
      state: 'working',
      reason: wait.reason,
      message: `the change of security services waits to ask the driver of share server ${name}: ${wait.message}`,
    };
  }
  return {
    state: 'working',
    reason: 'CheckInProgress',
    message: `the drivers are being asked whether share servers ${nameList([...asking.keys()])} can take the change`,
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
 * Asks the driver of every server, in parallel within the backends' limits, whether it can take the change.
 * @param asking takes in which servers are being asked
 * @param agreed answers of earlier rounds on the same content, by server UID: these are not asked again; takes in new ones
 */
export async function checkWithDrivers(
  scope: NetworkScope,
  plan: ChangePlan,
  servers: readonly ShareServer[],
  agreed: Map<string, CheckVerdict>,
  asking: Asking = new Map(),
): Promise<CheckVerdict> {
  const stop = new AbortController();
  const answers = await Promise.all(
    servers.map(async (server) => {
      const known = agreed.get(uidOf(server));
      if (known !== undefined) return known;
      const verdict = await checkServer(
        scope,
        plan,
        server,
        AbortSignal.any([scope.context.signal, stop.signal]),
        asking,
      );
      asking.delete(server.metadata.name);
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

async function checkServer(
  { operator, network, namespace }: NetworkScope,
  plan: ChangePlan,
  server: ShareServer,
  signal: AbortSignal,
  asking: Asking,
): Promise<CheckVerdict> {
  const { name } = server.metadata;
  const backend = namespaceView(operator, namespace).backend(server.spec.backendName);
  const timeouts = timeoutsOf(backend);
  const steps = serverChanges(server, plan.changes, plan.association, comparisonWith(operator, namespace)).flatMap(
    ({ type, to }) => {
      const service = namespaceView(operator, namespace).service(to.name);
      if (service === undefined) return [];
      const password = findPassword(operator, service);
      const applied = appliedService(service, password.state === 'usable' ? password.version : undefined);
      const usable = password.state === 'usable' ? password : undefined;
      return [{ type, applied, usable, credentials: credentialsOf(operator, namespace, applied) }];
    },
  );
  const holder = `check/${uidOf(server)}`;
  const waiting = (wait: Finding | undefined) => void asking.set(name, wait);
  const use = { namespace, holder, required: steps, signal, waitMs: timeouts.operation, waiting };
  try {
    const { results } = await useCredentials(operator, use, async () => {
      const lease = await operator.calls.acquire(
        {
          backendName: server.spec.backendName,
          tenant: requiredTenant(operator, server),
          server: { uid: uidOf(server), mode: 'shared', secrets: secretTexts(operator, server) },
        },
        signal,
        timeouts.operation,
        waiting,
      );
      try {
        const answers: SecurityServiceCheckResult[] = [];
        for (const { type, applied, usable } of steps) {
          const current = server.status?.securityServices?.find((one) => one.type === type);
          const result = await lease.call(
            {
              operation: 'checkUpdateShareServerSecurityService',
              id: `${holder}/${applied.uid}`,
              timeoutMs: timeouts.operation,
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
              )) ?? { compatible: false, reason: 'NotImplemented', message: 'the driver can not change services' },
          );
          answers.push(result);
          if (!result.compatible) break;
        }
        const refused = answers.at(-1);
        return {
          results: answers,
          refusedCredentials: refused?.refusedCredentials ?? [],
          ...(refused?.compatible === false
            ? {
                refusal: {
                  reason: safeReason(refused.reason ?? '', 'Incompatible'),
                  message: safeText(refused.message ?? ''),
                },
              }
            : {}),
        };
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

function verdictOf(name: string, results: readonly SecurityServiceCheckResult[]): CheckVerdict {
  const refusal = results.find(({ compatible }) => !compatible);
  if (refusal !== undefined) {
    return incompatible(
      name,
      driverReason(refusal.reason ?? '', 'Incompatible'),
      refusal.message ?? 'the share server can not take it',
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
