import { isDeepStrictEqual } from 'node:util';
import * as labels from '../api/v1alpha1/labels.ts';
import { shareNetworks } from '../api/v1alpha1/resource-types.ts';
import type { ShareNetwork, ShareNetworkSubnet } from '../api/v1alpha1/share-network.ts';
import { guardInput } from '../cluster-state/guard-input.ts';
import { namespaceView } from '../cluster-state/namespace-view.ts';
import { segmentRefusal } from '../cluster-state/network-segments.ts';
import { requestToken } from '../cluster-state/requests.ts';
import { type GuardReason, judgeChange } from '../network-change/judge-change.ts';
import { subnetProblem } from '../scheduling/subnets.ts';
import { safeText } from '../values/safe-text.ts';
import type { AdmissionState, ObjectWrite, Validator } from './validator.ts';
import { allowed, type Refusal, refuse, type Verdict } from './verdict.ts';

type Write = ObjectWrite<ShareNetwork>;

/**
 * Judges subnets, and changes of security services by the guard. What a write leaves as it is stored is not judged: a manifest
 * may be applied again at any time.
 */
export const shareNetworkValidator: Validator<ShareNetwork> = {
  type: shareNetworks,
  validate(write, state) {
    // Nothing is done for it any more but its deletion.
    if (write.object.metadata.deletionTimestamp !== undefined) return allowed;
    const refusal = subnetRefusal(write, state);
    if (refusal !== undefined) return refusal;
    const verdict = guardVerdict(write, state);
    return verdict.allowed ? (segmentRefusalOf(write, state) ?? verdict) : verdict;
  },
};

/**
 * What a dry run only warns of. Flux and others try all manifests before they apply the first: what another manifest of the same
 * commit brings is not there yet, and a refusal would be for ever.
 */
const broughtByOtherManifests: readonly GuardReason[] = ['SecurityServiceNotFound', 'SecurityServiceIncomplete'];

function subnetRefusal({ object, oldObject }: Write, state: AdmissionState): Refusal | undefined {
  if (oldObject !== undefined && isDeepStrictEqual(object.spec.subnets, oldObject.spec.subnets)) return undefined;
  const { namespace = '', name } = object.metadata;
  // Servers of a network that is being made are those of one that had its name.
  const servers = oldObject === undefined ? [] : namespaceView(state, namespace).serversOf(name);
  const problem = subnetProblem(object.spec, servers);
  if (problem === undefined) return undefined;
  return refuse(problem.reason, problem.message);
}

function guardVerdict(write: Write, state: AdmissionState): Verdict {
  const { object, oldObject } = write;
  const token = newReapplyToken(write);
  if (token === undefined && oldObject !== undefined && sameServices(object, oldObject)) return allowed;
  const { namespace = '', name } = object.metadata;
  const servers = oldObject === undefined ? [] : namespaceView(state, namespace).serversOf(name);
  // A write of the spec leaves the status as it is stored.
  const judged = oldObject?.status === undefined ? object : { ...object, status: oldObject.status };
  const input = guardInput(state, judged, servers, {
    reapply: token !== undefined,
    quiet: false,
    shareIsBusy: (shareUID) => state.calls.shareIsBusy(shareUID),
  });
  const now = judgeChange(input);
  if (now.kind !== 'refused') return allowed;
  const lasting = write.dryRun === true ? judgeChange(input, broughtByOtherManifests) : now;
  if (lasting.kind === 'refused') return refuse(lasting.finding.reason, lasting.finding.message);
  const { reason, message } = now.finding;
  return { allowed: true, warnings: [safeText(`would be refused as things are: ${reason}: ${message}`)] };
}

/** A reapply token that an update brings, and that was not handled yet. */
function newReapplyToken({ object, oldObject }: Write): string | undefined {
  const token = requestToken(object, labels.reapplyRequestedAt);
  if (oldObject === undefined || token === oldObject.metadata.annotations?.[labels.reapplyRequestedAt])
    return undefined;
  return token === oldObject.status?.lastHandledReapplyAt ? undefined : token;
}

/** The same service of each type. Their order is only that of the driver calls. */
function sameServices(left: ShareNetwork, right: ShareNetwork): boolean {
  const references = ({ spec }: ShareNetwork): string[] =>
    (spec.securityServices ?? []).map(({ type, name }) => `${type}=${name}`).sort();
  return isDeepStrictEqual(references(left), references(right));
}

function segmentRefusalOf({ object, oldObject }: Write, state: AdmissionState): Refusal | undefined {
  const before = new Map(oldObject?.spec.subnets?.map((subnet) => [subnet.name, subnet]));
  const moves = (subnet: ShareNetworkSubnet): boolean => {
    const old = before.get(subnet.name);
    return !isDeepStrictEqual(placeOf(subnet), old === undefined ? undefined : placeOf(old));
  };
  const problem = segmentRefusal(state, object, moves);
  return problem === undefined ? undefined : refuse('SegmentNotAllowed', problem);
}

function placeOf({ networkType = 'flat', segmentationID, cidr }: ShareNetworkSubnet): readonly unknown[] {
  return [networkType, segmentationID, cidr];
}
