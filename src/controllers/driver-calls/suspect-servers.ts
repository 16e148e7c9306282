import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { nameOf, type ObjectName, uidOf } from '../../runtime/kube-object.ts';

/** Share servers that a driver did not find, or a share on them: they are examined at once. */
export class SuspectServers {
  readonly #uids = new Set<string>();
  #wake: (name: ObjectName) => void = () => undefined;

  /** Sets who examines them. */
  onAdd(wake: (name: ObjectName) => void): void {
    this.#wake = wake;
  }

  /** Has a share server examined. */
  add(server: ShareServer | undefined): void {
    if (server === undefined) return;
    this.#uids.add(uidOf(server));
    this.#wake(nameOf(server));
  }

  /** Whether the server is to be examined; it is not any more then. */
  take(server: ShareServer): boolean {
    return this.#uids.delete(uidOf(server));
  }
}
