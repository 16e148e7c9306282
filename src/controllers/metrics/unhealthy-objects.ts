import type { ConditionType } from '../../api/v1alpha1/condition-types.ts';
import type { Condition } from '../../api/v1alpha1/conditions.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { compare } from '../../values/compare.ts';

/** The parts of an object that show whether it is healthy. */
export interface WithStatus extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly observedGeneration?: number;
    readonly conditions?: readonly Condition[];
  };
}

/** One thing that is wrong with an object. */
export interface Complaint {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Empty for kinds without a phase. */
  readonly phase: string;
  readonly condition: ConditionType;
  readonly reason: string;
  /** Milliseconds since the Unix epoch. */
  readonly since: number;
}

/** The status of each condition that makes an object unhealthy. Reconciling adds nothing to Ready. */
const unhealthyStatus: Readonly<Partial<Record<ConditionType, 'True' | 'False'>>> = {
  Ready: 'False',
  Stalled: 'True',
  SecurityServicesUpToDate: 'False',
  DeletionBlocked: 'True',
  InvalidRequestToken: 'True',
  KnownVulnerabilities: 'True',
  Warning: 'True',
};

const isConditionType = (type: string): type is ConditionType => type in unhealthyStatus;

/** A new or changed object is not unhealthy at once: a burst of new objects would create a burst of series. */
const graceMs = 60_000;

/** Maximum number of series of one kind: when a storage system fails, everything on it is unhealthy, and a count is enough. */
export const maxSeriesOfKind = 500;

/** What has been wrong with an object for a minute or longer. */
export function complaintsOf(kind: string, { metadata, status }: WithStatus, now: number): readonly Complaint[] {
  return (status?.conditions ?? []).flatMap((condition): Complaint[] => {
    const { type, reason } = condition;
    if (!isConditionType(type) || condition.status !== unhealthyStatus[type]) return [];
    const since = Date.parse(condition.lastTransitionTime);
    if (since > now - graceMs) return [];
    const { namespace = '', name } = metadata;
    return [{ kind, namespace, name, phase: status?.phase ?? '', condition: type, reason, since }];
  });
}

/** The ones that get a series of their own: the oldest, so that every scrape selects the same. */
export function withOwnSeries(complaints: readonly Complaint[]): readonly Complaint[] {
  if (complaints.length <= maxSeriesOfKind) return complaints;
  const key = ({ namespace, name, condition }: Complaint): string => `${namespace}/${name}/${condition}`;
  return complaints
    .toSorted((left, right) => left.since - right.since || compare(key(left), key(right)))
    .slice(0, maxSeriesOfKind);
}
