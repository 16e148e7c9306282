import type { ApiProxy } from './api-proxy.ts';
import { seededRandom } from './seeded-random.ts';

/** Most requests and events are late by so much, some by far more: an operator works on a past that differs from kind to kind. */
const usualMs = 60;
const longMs = 1500;
const longShare = 0.05;

/** Makes writes and watches late at random; reads are not. */
export function slowDown(proxy: ApiProxy, seed: number): void {
  const random = seededRandom(seed);
  proxy.delayMs = ({ isWrite, isWatch, url }) => {
    // A lease that is late is another matter than work that is late.
    if (!(isWrite || isWatch) || url.includes('/leases')) return 0;
    return random() * (random() < longShare ? longMs : usualMs);
  };
}
