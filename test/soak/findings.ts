import { median } from '../bench/latency.ts';
import type { Taken } from './replica.ts';

/** What a replica took at one moment. */
export interface Sample extends Taken {
  readonly minute: number;
  readonly replica: string;
}

/** What a replica took in the third quarter and in the last one, as medians; NaN where there are too few samples. */
export interface Growth {
  readonly replica: string;
  readonly residentMiB: readonly [before: number, after: number];
  readonly heapMiB: readonly [before: number, after: number];
  readonly descriptors: readonly [before: number, after: number];
}

/** More than this, and more than a fifth of what it was before, is no noise of one quarter of a run any more. */
const noise: Readonly<Record<keyof Taken, number>> = { residentMiB: 40, heapMiB: 20, descriptors: 20 };

/** Fewer samples in a quarter tell more of the moment than of the run. */
const fewest = 5;

/** Secrets that stay permanently: of the installation, of the webhook, and the passwords that tenants wrote. */
const lasting = /^(?:sharenet-installation|sharenet-webhook-certificate|.*-password)$/;

/** Compares the quarters of a run's second half, in which no replica is killed. */
export function growthOf(samples: readonly Sample[], replica: string, hours: number): Growth {
  const own = samples.filter((one) => one.replica === replica);
  const end = hours * 60;
  const between = (key: keyof Taken, from: number, to: number): number => {
    const quarter = own.filter(({ minute }) => minute >= end * from && minute < end * to);
    return quarter.length < fewest ? Number.NaN : median(quarter.map((one) => one[key]));
  };
  const both = (key: keyof Taken) => [between(key, 0.5, 0.75), between(key, 0.75, 2)] as const;
  return { replica, residentMiB: both('residentMiB'), heapMiB: both('heapMiB'), descriptors: both('descriptors') };
}

/** What of a replica grew, a line each. A run that is too short for that tells nothing. */
export function growthProblems(growth: Growth): readonly string[] {
  return (['residentMiB', 'heapMiB', 'descriptors'] as const).flatMap((key) => {
    const [before, after] = growth[key];
    const grows = after - before > Math.max(noise[key], before / 5);
    return grows ? [`${growth.replica} grows: ${key} was ${before} and is ${after}`] : [];
  });
}

/** What is left when everything was deleted. */
export interface Remains {
  /** `kind/name` of objects. */
  readonly objects: readonly string[];
  /** Names of all Secrets, of tenants and of the operator. */
  readonly secrets: readonly string[];
  /** Things on the storage system, by kind. */
  readonly stored: Readonly<Record<string, readonly unknown[]>>;
}

/** What should not be there any more, in words; empty when nothing. */
export function leftBehind({ objects, secrets, stored }: Remains): string {
  return [
    ...objects,
    ...secrets.filter((name) => !lasting.test(name)).map((name) => `Secret ${name}`),
    ...Object.entries(stored).flatMap(([kind, items]) => (items.length > 0 ? [`${items.length} ${kind}`] : [])),
  ].join(', ');
}
