import type { ShareServer } from '../../api/v1alpha1/share-server.ts';
import { nameOf, type ObjectName, uidOf } from '../../runtime/kube-object.ts';

/** Share servers that a driver did not find, or on which it did not find a share: they are examined at once. */
export class SuspectServers {
  readonly #uids = new Set<string>();
  #wake: (name: ObjectName) => void = () => undefined;

  /** Sets the function that has a server examined. */
  onAdd(wake: (name: ObjectName) => void): void {
    this.#wake = wake;
  }

  /** A driver did not find the server, or a share on it. */
  add(server: ShareServer | undefined): void {
    if (server === undefined) return;
    this.#uids.add(uidOf(server));
    this.#wake(nameOf(server));
  }

  /** Whether the server has to be examined; it is forgotten here. */
  take(server: ShareServer): boolean {
    return this.#uids.delete(uidOf(server));
  }
}
