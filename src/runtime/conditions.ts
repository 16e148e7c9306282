/** `metav1.Condition`. */
export interface Condition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  /** RFC 3339, whole seconds. */
  readonly lastTransitionTime: string;
}

/**
 * Puts a condition among others. `lastTransitionTime` moves only when the status does; when nothing changed the very same array
 * comes back, so that a caller can compare by identity and skip the write.
 */
export function setCondition(
  conditions: readonly Condition[] | undefined,
  condition: Omit<Condition, 'lastTransitionTime'>,
  now: Date,
): readonly Condition[] {
  const present = conditions ?? [];
  const index = present.findIndex((candidate) => candidate.type === condition.type);
  const previous = present[index];
  if (previous === undefined) return [...present, { ...condition, lastTransitionTime: seconds(now) }];
  const moved = previous.status !== condition.status;
  if (
    !moved &&
    previous.reason === condition.reason &&
    previous.message === condition.message &&
    previous.observedGeneration === condition.observedGeneration
  ) {
    return present;
  }
  const lastTransitionTime = moved ? seconds(now) : previous.lastTransitionTime;
  return present.with(index, { ...condition, lastTransitionTime });
}

/** The conditions without the one of this type; the same array when it was not there. */
export function removeCondition(conditions: readonly Condition[] | undefined, type: string): readonly Condition[] {
  const present = conditions ?? [];
  return present.some((condition) => condition.type === type)
    ? present.filter((condition) => condition.type !== type)
    : present;
}

/** metav1.Time has no fractions: the API server would cut them, and the next comparison would see a change. */
function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}
