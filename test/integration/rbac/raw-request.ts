import type { RequestOptions } from 'node:https';
import { Agent, request } from 'undici';
import { loadKubeConfig } from '../../../src/runtime/kube-config.ts';
import type { ControlPlane, KubeUser } from '../../kube/control-plane.ts';

/** A person's own requests to the API server, without a client in between. */
export class RawRequests {
  readonly #server: string;
  readonly #agent: Agent;

  private constructor(server: string, agent: Agent) {
    this.#server = server;
    this.#agent = agent;
  }

  /** Requests of a user with a client certificate. */
  static async of(plane: ControlPlane, user: KubeUser): Promise<RawRequests> {
    const options: RequestOptions = {};
    await loadKubeConfig(await plane.kubeconfigFor(user)).applyToHTTPSOptions(options);
    const { ca, cert, key } = options;
    return new RawRequests(plane.server, new Agent({ connect: { ca, cert, key } }));
  }

  /** Sends a request; answers its code, what the API server says about a refusal, and what it warns of (empty: nothing). */
  async send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    body?: object,
  ): Promise<{ readonly code: number; readonly reason: string; readonly message: string; readonly warning: string }> {
    const answer = await request(new URL(path, this.#server), {
      dispatcher: this.#agent,
      method,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    // Every answer is an object of Kubernetes; a Status has a reason and a message.
    const { reason = '', message = '' } = (await answer.body.json()) as { reason?: string; message?: string };
    const warning = [answer.headers.warning ?? []].flat().join(', ');
    return { code: answer.statusCode, reason, message, warning };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}
