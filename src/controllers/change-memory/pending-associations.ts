/**
 * Which networks are about to record a service: its status says "in use" before the network's does, and nothing may take that
 * back in the moment between.
 */
export class PendingAssociations {
  readonly #networks = new Map<string, Set<string>>();

  /** Names of the networks that are about to record the service. */
  of(serviceUID: string): readonly string[] {
    return [...(this.#networks.get(serviceUID) ?? [])];
  }

  /** Notes that a network is about to record a service. */
  begin(serviceUID: string, networkName: string): void {
    const names = this.#networks.get(serviceUID) ?? new Set<string>();
    this.#networks.set(serviceUID, names.add(networkName));
  }

  /** The network records it now, or has given up. */
  end(serviceUID: string, networkName: string): void {
    const names = this.#networks.get(serviceUID);
    names?.delete(networkName);
    if (names?.size === 0) this.#networks.delete(serviceUID);
  }
}
