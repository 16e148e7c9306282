import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { uidOf } from '../../runtime/kube-object.ts';
import type { Operator } from '../operator.ts';
import type { StatusDraft } from '../status/status-draft.ts';

const checkMs = 10 * 60_000;
const checkUnhealthyMs = 60_000;

interface ScheduledServer {
  readonly server: ShareServer;
  readonly draft: StatusDraft<ShareServer>;
}

/** When the health of each share server is checked next without a request. */
export class HealthSchedule {
  readonly #operator: Pick<Operator, 'clock' | 'random'>;
  /** Milliseconds since the Unix epoch, by UID. */
  readonly #next = new Map<string, number>();

  constructor(operator: Pick<Operator, 'clock' | 'random'>) {
    this.#operator = operator;
  }

  /** Milliseconds until the next check; 0: it is due. */
  leftMs(scope: ScheduledServer): number {
    const next = this.#next.get(uidOf(scope.server)) ?? this.checked(scope);
    return Math.max(0, next - this.#operator.clock.now());
  }

  /** Schedules the next check: in 5 to 10 minutes, in 30 to 60 s while the server is unhealthy. @returns when */
  checked({ server, draft }: ScheduledServer): number {
    const { clock, random } = this.#operator;
    const longestMs = draft.status.unhealthy === undefined ? checkMs : checkUnhealthyMs;
    const next = clock.now() + Math.round(longestMs * (0.5 + 0.5 * random()));
    this.#next.set(uidOf(server), next);
    return next;
  }

  /** Forgets a server that is gone. */
  forget(uid: string): void {
    this.#next.delete(uid);
  }
}
