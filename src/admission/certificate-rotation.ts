import type { Validity } from './certificate-authority.ts';

/** Milliseconds that a certificate is good for. */
export const lifetimeMs = 90 * 86_400_000;
/** Milliseconds that the beginning of a certificate lies before its making, for clocks that differ. */
export const backdatedMs = 3_600_000;
/** Milliseconds that the API servers are given to learn of a new authority, and replicas to be sure of it. */
const settlingMs = 10 * 60_000;

/** What is known of the stored certificates. */
export interface StoredValidity {
  /** Of the one that is served; absent where none can be used. */
  readonly serving?: Validity | undefined;
  /** Of the one that was made to follow it; `trusted`: the API server was told of its authority. */
  readonly next?: (Validity & { readonly trusted: boolean }) | undefined;
}

/**
 * What is to be done. `make`: none can be served, so there is no order to keep. `prepare`: make the next one, so that its authority
 * is made known while the present one is served. `promote`: serve the next one. `wait`: look again at `until` (milliseconds since
 * the Unix epoch), or when what is stored or known to the API server changes.
 */
export type RotationStep =
  | { readonly kind: 'make' | 'prepare' | 'promote' }
  | { readonly kind: 'wait'; readonly until: number };

/**
 * Decides the next step of a rotation without a gap: an authority is known to the API server before a certificate of it is served,
 * and stays known until it has expired, so replicas may load the new certificate at different times. A certificate is followed by
 * another when two thirds of its life are over.
 */
export function rotationStep({ serving, next }: StoredValidity, now: number): RotationStep {
  const follows = next !== undefined && isGood(next, now);
  if (serving === undefined || !isGood(serving, now)) return { kind: follows ? 'promote' : 'make' };
  if (next === undefined || !follows) {
    const renewAt = serving.notAfter - (serving.notAfter - serving.notBefore) / 3;
    return now >= renewAt ? { kind: 'prepare' } : { kind: 'wait', until: renewAt };
  }
  // Whatever was not told of it by the end of the present one would be cut off either way.
  if (!next.trusted) return { kind: 'wait', until: serving.notAfter };
  const madeAt = next.notBefore + backdatedMs;
  // Where less time is left, half of it.
  const promoteAt = madeAt + Math.max(0, Math.min(settlingMs, (serving.notAfter - madeAt) / 2));
  return now >= promoteAt ? { kind: 'promote' } : { kind: 'wait', until: promoteAt };
}

function isGood({ notBefore, notAfter }: Validity, now: number): boolean {
  return notBefore <= now && now < notAfter;
}
