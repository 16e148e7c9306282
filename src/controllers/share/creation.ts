import type { Finding } from '../../api/v1alpha1/finding.ts';
import { toReason } from '../../api/v1alpha1/reasons/reason.ts';
import { unhandledReconcileToken } from '../../cluster-state/requests.ts';
import type { ShareCreateResult } from '../../drivers/driver.ts';
import { neverSetUp } from '../../network-change/server-state.ts';
import { nameOf } from '../../runtime/kube-object.ts';
import { formatQuantity, parseQuantity } from '../../values/quantity.ts';
import { boundedExportLocations } from '../driver-calls/driver-data.ts';
import { driverShare } from '../driver-calls/driver-requests.ts';
import { serverOfShare } from '../driver-calls/server-for-driver.ts';
import { isCurrent, staleCache } from '../lifecycle/live.ts';
import { checkpoint } from '../reconcile/pass.ts';
import { done, type Phase, passOver, type Step, stalled, stop, wait } from '../reconcile/step.ts';
import { callForShare, storeResult } from './driver-operation.ts';
import { place } from './placement.ts';
import { type ShareScope, shareScope, whyNoCall } from './scope.ts';

/** Place a share, and create it on the storage system. */
export const creationPhases: readonly Phase<ShareScope>[] = [
  keepRefused,
  handleRequestForServer,
  replaceServer,
  placeOnBackend,
  waitForPlacement,
  createOnBackend,
];

/** A refused creation is tried again only when the spec has changed or a user requests it. */
function keepRefused({ share, draft }: ShareScope): Step {
  const { phase, lastError, observedGeneration, lastHandledReconcileAt } = share.status ?? {};
  if (phase !== 'error') return done;
  const token = unhandledReconcileToken(share);
  // Version 0.1 stored no lastError.
  const triedGeneration = lastError?.generation ?? observedGeneration;
  if (token === undefined && triedGeneration === share.metadata.generation) {
    if (lastError === undefined) return stop();
    return stalled({ reason: toReason(lastError.reason), message: lastError.message });
  }
  draft.set({ phase: 'creating', lastError: undefined, lastHandledReconcileAt: token ?? lastHandledReconcileAt });
  return done;
}

/** A request on a share whose server can't be set up has refused credentials tried again. The server sees it as well. */
async function handleRequestForServer(scope: ShareScope): Promise<Step> {
  const { operator, namespace, share, server, network, draft } = scope;
  const token = unhandledReconcileToken(share);
  if (token === undefined || server === undefined || !neverSetUp(server)) return done;
  const names = (network?.status?.securityServices ?? []).map(({ name }) => name);
  const isRefused = operator.refusals.findAny(operator, namespace, names) !== undefined;
  if (server.status?.phase !== 'error' && !isRefused) return done;
  await operator.refusals.lift(operator, namespace, names);
  draft.set({ lastHandledReconcileAt: token });
  return done;
}

/** Places a share again, if possible elsewhere, whose server failed to be set up or is gone. Else it waits for the server's retries. */
async function replaceServer(scope: ShareScope): Promise<Step> {
  const { operator, server } = scope;
  const hasFailed = server?.status?.phase === 'error' && neverSetUp(server);
  if (hasFailed && !(await isCurrent(operator, operator.informers.shareServers, nameOf(server), server))) {
    return passOver(staleCache.requeueAfterMs);
  }
  if (!hasFailed && !(await hasLostServer(scope))) return done;
  const replaced: Finding = { reason: 'Placed', message: 'placed again: its share server failed or is gone' };
  return wait((await placeInTurn(scope)) ?? replaced);
}

/** Whether the server was torn down at the moment when the share was placed on it. */
async function hasLostServer({ operator, namespace, share, server }: ShareScope): Promise<boolean> {
  const name = share.status?.shareServerName;
  if (name === undefined || server !== undefined) return false;
  return await isCurrent(operator, operator.informers.shareServers, { namespace, name }, undefined);
}

async function placeOnBackend(scope: ShareScope): Promise<Step> {
  if (scope.share.status?.backendName !== undefined) return done;
  const finding = await placeInTurn(scope);
  if (finding !== undefined) return wait(finding);
  const { backendName, shareServerName } = scope.draft.status;
  const server = shareServerName === undefined ? '' : `, share server ${shareServerName}`;
  return wait({ reason: 'Creating', message: `placed on backend ${backendName}${server}` });
}

async function placeInTurn(scope: ShareScope): Promise<Finding | undefined> {
  const { namespace, share, context, memory } = scope;
  const network = `${namespace}/${share.spec.shareNetworkName ?? ''}`;
  return await memory.placing(network, context.signal, () => place(scope));
}

function waitForPlacement(scope: ShareScope): Step {
  const finding = whyNoCall(scope);
  return finding === undefined ? done : wait(finding);
}

async function createOnBackend(scope: ShareScope): Promise<Step> {
  const { operator, context, memory, timeoutMs } = scope;
  const stored = await checkpoint(scope, (pass) => shareScope(pass, memory));
  const bytes = parseQuantity(stored.share.spec.size) ?? 0;
  return await callForShare(stored, async (lease, fresh, { id, token }) => {
    const result: ShareCreateResult = await lease.call(
      { operation: 'createShare', id, token, timeoutMs },
      (driver, call) =>
        driver.createShare({ share: driverShare(fresh.share), ...serverOfShare(operator, fresh) }, call),
    );
    context.logger.info({ identifier: result.identifier }, 'share created');
    await storeResult(fresh, result, {
      identifier: result.identifier,
      exportLocations: boundedExportLocations(result.exportLocations),
      size: formatQuantity(bytes),
      accessRulesStatus: 'active',
    });
  });
}
