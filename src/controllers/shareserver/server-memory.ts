import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import { CallProgress } from './call-progress.ts';
import { HealthSchedule } from './health-schedule.ts';
import { ReservedAddresses } from './reserved-addresses.ts';
import type { ServerOperator } from './server-operator.ts';

/** What this process remembers of share servers, from their first pass until they are gone. */
export class ServerMemory {
  readonly progress: CallProgress;
  readonly addresses: ReservedAddresses;
  readonly healthSchedule: HealthSchedule;
  /** Passes that compared a restored server with the storage system. */
  readonly comparedIn = new WeakSet<object>();
  readonly #operator: Pick<ServerOperator, 'suspects' | 'rollout'>;

  constructor(operator: Pick<ServerOperator, 'clock' | 'random' | 'informers' | 'suspects' | 'rollout'>) {
    this.progress = new CallProgress(operator);
    this.addresses = new ReservedAddresses(operator.informers.shareServers);
    this.healthSchedule = new HealthSchedule(operator);
    this.#operator = operator;
  }

  /** Forgets a server that is gone. */
  forget(server: ShareServer): void {
    const uid = uidOf(server);
    this.progress.forget(uid);
    this.addresses.release(uid);
    this.healthSchedule.forget(uid);
    this.#operator.suspects.take(server);
    this.#operator.rollout.forget(server);
  }
}
