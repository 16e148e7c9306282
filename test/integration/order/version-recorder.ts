import type { HttpApiClient } from '../../../src/runtime/api-client.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';

/** Records every version of the objects of some kinds, as watches show them. */
export class VersionRecorder {
  readonly versions: KubeObject[] = [];
  readonly #stop = new AbortController();
  readonly #watches: Promise<void>[] = [];

  /** Begins with what is written from now on. */
  static async start(
    client: HttpApiClient,
    kinds: readonly ResourceType[],
    namespace: string,
  ): Promise<VersionRecorder> {
    const recorder = new VersionRecorder();
    for (const kind of kinds) {
      const within = kind.namespaced ? { namespace } : {};
      const { resourceVersion } = await client.list(kind, within);
      recorder.#watches.push(recorder.#follow(client, kind, within, resourceVersion));
    }
    return recorder;
  }

  /** Ends the watches. @throws when one of them had ended by itself, so that versions may be missing */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#watches);
  }

  async #follow(
    client: HttpApiClient,
    kind: ResourceType,
    within: { readonly namespace?: string },
    resourceVersion: string,
  ): Promise<void> {
    const { signal } = this.#stop;
    const options = { ...within, resourceVersion, timeoutSeconds: 600, idleTimeoutMs: 600_000, signal };
    try {
      for await (const events of client.watch(kind, options)) {
        for (const event of events) {
          if (event.type === 'ERROR') throw event.error;
          if (event.type === 'ADDED' || event.type === 'MODIFIED') this.versions.push(event.object);
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    throw new Error(`the watch of ${kind.plural} ended`);
  }
}
