import type { ShareNetworkSubnet } from '../../api/v1alpha1/share-network.ts';
import type { GivenSubnet } from '../../api/v1alpha1/share-server.ts';
import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import { timestamp } from '../../runtime/clock.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { credentialsRefused } from '../credentials/refusals.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, type Phase, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import { reportingWaits } from '../status/long-waits.ts';
import { ownPhase } from '../status/status-draft.ts';
import { requestsOf, retryDelayMs } from './retry-delay.ts';
import { type ServerScope, serverScope } from './scope.ts';
import { allocate, subnetOf } from './server-addresses.ts';
import { recordedNames } from './services.ts';
import { callSetup, setupKey } from './setup-call.ts';
import { whyNoSetup } from './setup-prerequisites.ts';

/** Create the server on the storage system with the security services that its network records. */
export const setupPhases: readonly Phase<ServerScope>[] = [
  waitForPrerequisites,
  handleRequest,
  stallOnRefusedCredentials,
  waitForRetry,
  allocateAddresses,
  setUpOnBackend,
];

function waitForPrerequisites(scope: ServerScope): Step {
  const finding = whyNoSetup(scope);
  return finding === undefined ? done : wait(finding);
}

/** A request to reconcile the server has refused credentials tried again. */
async function handleRequest({ operator, server, namespace, network, draft }: ServerScope): Promise<Step> {
  const token = unhandledReconcileToken(server);
  if (token === undefined) return done;
  await operator.refusals.lift(operator, namespace, recordedNames(network));
  draft.set({ lastHandledReconcileAt: token });
  return done;
}

/** Another attempt would bring the account closer to being locked: there is no timer. */
function stallOnRefusedCredentials({ operator, namespace, network }: ServerScope): Step {
  const refusal = operator.refusals.findAny(operator, namespace, recordedNames(network));
  return refusal === undefined ? done : stalled({ reason: credentialsRefused, message: refusal.message });
}

async function waitForRetry(scope: ServerScope): Promise<Step> {
  const { operator, server, draft, memory } = scope;
  const isRequested = draft.status.lastHandledReconcileAt !== server.status?.lastHandledReconcileAt;
  const delayMs = draft.status.phase === 'error' && !isRequested ? retryDelayMs(scope) : 0;
  if (delayMs > 0) return stop(delayMs);
  const restMs = memory.progress.restMs(setupKey(server));
  if (restMs > 0) return stop(restMs);
  // What the driver returns could not be stored.
  await operator.refusedWrites.stillRefused(uidOf(server));
  return done;
}

function allocateAddresses(scope: ServerScope): Step {
  const { server, draft, backend } = scope;
  const allocations = allocate(scope, backend?.status?.capabilities?.networkAllocationsPerServer ?? 0);
  if ('exhausted' in allocations) {
    return wait({ reason: 'AddressesExhausted', message: allocations.message }, 60_000);
  }
  draft.set({
    networkAllocations: allocations.addresses,
    // The server uses the subnet from now on: in the network it may only gain ranges.
    subnet: server.status?.subnet ?? givenSubnet(subnetOf(scope)),
  });
  return done;
}

/** A subnet as it is recorded: with the default of what its network leaves out. */
function givenSubnet(subnet: ShareNetworkSubnet | undefined): GivenSubnet | undefined {
  return subnet === undefined ? undefined : { ...subnet, networkType: subnet.networkType ?? 'flat' };
}

async function setUpOnBackend(scope: ServerScope): Promise<Step> {
  const { operator, context, server, draft, memory } = scope;
  draft.set({
    ...ownPhase('creating'),
    operation: server.status?.operation ?? {
      id: `setup/${uidOf(server)}`,
      name: 'setupServer',
      startedTime: timestamp(operator.clock),
    },
    setupRequests: requestsOf(scope),
  });
  draft.setReadiness({ state: 'working', reason: 'Creating', message: 'the share server is being set up' });
  const stored = await checkpoint(scope, (pass) => serverScope(pass, memory));
  return await context.outsideWorker(() =>
    reportingWaits(operator, operator.informers.shareServers, stored.server, (waiting) => callSetup(stored, waiting)),
  );
}
