import * as labels from '../../api/v1alpha1/labels.ts';
import type { SecurityService } from '../../api/v1alpha1/security-service.ts';
import { uncoveredOf } from '../../cluster-state/credentials.ts';
import { namespaceView, networksRecording } from '../../cluster-state/namespace-view.ts';
import { isPaused, unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { usersOfService } from '../../cluster-state/service-users.ts';
import { sameContent } from '../../network-change/change-plan.ts';
import {
  credentialsProblem,
  credentialsReason,
  distinguishedNameProblem,
  securityServiceGaps,
} from '../../network-change/completeness.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { nameList } from '../../values/name-list.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { removeFinalizer } from '../lifecycle/finalizers.ts';
import { listLive } from '../lifecycle/live.ts';
import type { Operator } from '../operator.ts';
import { Reconciler } from '../reconcile/frame.ts';
import { pause } from '../reconcile/pause.ts';
import { done, passOver, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import type { ServiceOperator } from './scope.ts';
import { type ServiceScope, serviceScope } from './scope.ts';
import { usageOf } from './service-usage.ts';
import { watchForSecurityServices } from './watches.ts';

/** Shows whether SecurityServices are complete and in use, and blocks the deletion of those in use. */
export function securityServiceReconciler(operator: ServiceOperator): Reconciler<SecurityService, ServiceScope> {
  return new Reconciler(operator, {
    name: 'securityservice',
    informer: operator.informers.securityServices,
    watches: (controller) => watchForSecurityServices(operator, controller),
    scope: serviceScope,
    phases: [
      handleRequest,
      showRefusal,
      pause,
      showUsage,
      showCredentials,
      requireTenantNamespace,
      requireUnchangedInUse,
      requireCompleteness,
      requireCredentials,
    ],
    deletion: [blockWhileUsed, removeOwnFinalizer],
    ready: { reason: 'Complete', message: 'complete for its type' },
    stored: forgetStoredRefusal,
  });
}

/** A request to reconcile has refused credentials tried again. */
async function handleRequest({ operator, draft, service }: ServiceScope): Promise<Step> {
  const token = unhandledReconcileToken(service);
  if (token === undefined || isPaused(service)) return done;
  const { namespace = '', name } = service.metadata;
  // The refusal was removed from the status: the next pass sees it without.
  if (await operator.refusals.lift(operator, namespace, [name])) return passOver(1);
  draft.set({ lastHandledReconcileAt: token });
  return done;
}

function showRefusal({ draft, refusal }: ServiceScope): Step {
  draft.set({ refusal });
  return done;
}

/** A service in use must not be edited: it becomes unused only if the API server has no user of it either. */
async function showUsage({ operator, draft, service }: ServiceScope): Promise<Step> {
  if (service.status?.inUse === true && !usageOf(operator, service).inUse) await refreshUsers(operator, service);
  draft.set(usageOf(operator, service));
  return done;
}

/** Keeps the stored version if it describes the same password under another key: a lost key must not look like a change. */
function showCredentials({ operator, draft, service, password }: ServiceScope): Step {
  const recorded = service.status?.credentialsVersion;
  const present = password.state === 'usable' ? password.version : undefined;
  const isSame = present !== undefined && recorded !== undefined && !operator.installation.differs(recorded, present);
  draft.set({ credentialsVersion: isSame ? recorded : present });
  return done;
}

function requireTenantNamespace({ operator, service }: ServiceScope): Step {
  if (service.metadata.namespace !== operator.namespace) return done;
  const message = `SecurityServices in the operator's namespace ${operator.namespace} are refused`;
  return stalled({ reason: 'NamespaceNotAllowed', message });
}

function requireUnchangedInUse({ operator, service }: ServiceScope): Step {
  const outdated = serversWithOtherContent(operator, service);
  if (outdated.length === 0) return done;
  return stalled({
    reason: 'SecurityServiceInUse',
    message:
      `was changed while share servers ${nameList(outdated)} use its former content; revert the change, or create a new ` +
      'SecurityService and reference it in the share network',
  });
}

function requireCompleteness({ service }: ServiceScope): Step {
  const gaps = securityServiceGaps(service.spec);
  if (gaps.length > 0) {
    const message = `a service of type ${service.spec.type} needs: ${gaps.join(', ')}`;
    return stalled({ reason: 'SecurityServiceIncomplete', message });
  }
  const wrongName = distinguishedNameProblem(service.spec);
  return wrongName === undefined ? done : stalled({ reason: 'InvalidDistinguishedName', message: wrongName });
}

function requireCredentials({ service, password, refusal }: ServiceScope): Step {
  const problem = credentialsProblem(password.state, service.spec, uncoveredOf(password));
  if (problem === undefined) {
    if (refusal === undefined) return done;
    return stalled({
      reason: credentialsRefused,
      message: `${refusal.message} (${refusal.reason}); correct the Secret or the service, or set the annotation ${labels.reconcileRequestedAt} to try once more`,
    });
  }
  const reason = credentialsReason(password.state);
  // A Secret that does not exist may come with another manifest; one with wrong content has to be corrected.
  const isWrong = reason === 'PasswordInvalid' || reason === 'CABundleInvalid';
  return isWrong ? stalled({ reason, message: problem }) : wait({ reason, message: problem });
}

async function blockWhileUsed({ operator, draft, service }: ServiceScope): Promise<Step> {
  if (usersOfService(operator, service).length === 0) await refreshUsers(operator, service);
  const users = usersOfService(operator, service);
  if (users.length === 0) return done;
  draft.setCondition('DeletionBlocked', 'True', 'SecurityServiceInUse', `still used by ${nameList(users)}`);
  return stop();
}

async function removeOwnFinalizer({ operator, service }: ServiceScope): Promise<Step> {
  await removeFinalizer(operator.client, operator.informers.securityServices, service);
  return passOver();
}

function forgetStoredRefusal({ operator, draft }: ServiceScope): void {
  if (draft.status.refusal !== undefined) operator.refusals.stored(draft.status.refusal);
}

/** Shows the caches everything that may use a service. */
async function refreshUsers(operator: Operator, { metadata: { namespace } }: SecurityService): Promise<void> {
  const { shareNetworks, shareServers } = operator.informers;
  await listLive(operator, shareNetworks, { namespace });
  await listLive(operator, shareServers, { namespace });
}

/** Names of share servers that have the service with other content: it was edited before its status said that it is in use. */
function serversWithOtherContent(operator: Operator, service: SecurityService): readonly string[] {
  const { serversOf } = namespaceView(operator, service.metadata.namespace ?? '');
  const uid = uidOf(service);
  return networksRecording(operator, service)
    .flatMap((network) => serversOf(network.metadata.name))
    .filter(({ status }) => {
      const applied = status?.securityServices?.find((one) => one.uid === uid);
      return applied !== undefined && !sameContent(applied, service.spec);
    })
    .map(({ metadata }) => metadata.name);
}
