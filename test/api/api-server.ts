import { Agent, request } from 'undici';
import { z } from 'zod';
import type { ControlPlane } from '../kube/control-plane.ts';

const answerSchema = z.looseObject({
  kind: z.string(),
  message: z.string().optional(),
  spec: z.record(z.string(), z.unknown()).optional(),
  status: z.unknown().optional(),
  items: z.array(z.looseObject({ metadata: z.looseObject({ name: z.string() }) })).optional(),
});

/** Answer of the API server: an object, or a Status with `message`. */
export interface Answer extends z.infer<typeof answerSchema> {
  readonly code: number;
}

/** Requests to the API server that check fields strictly. */
export class ApiServer {
  readonly #agent: Agent;
  readonly #server: string;
  readonly #token: string;

  constructor(plane: ControlPlane) {
    this.#agent = new Agent({ connect: { ca: plane.ca } });
    this.#server = plane.server;
    this.#token = plane.adminToken;
  }

  async call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<Answer> {
    const url = new URL(path, this.#server);
    if (method === 'POST' || method === 'PATCH') url.searchParams.set('fieldValidation', 'Strict');
    const answer = await request(url, {
      dispatcher: this.#agent,
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { ...answerSchema.parse(await answer.body.json()), code: answer.statusCode };
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}
