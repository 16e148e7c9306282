/**
 * The thread that serves the webhook. Whoever reaches the port can keep it busy with handshakes and bodies, but not the operator's
 * own thread, which gets bounded questions only.
 */
import { parentPort } from 'node:worker_threads';
import { type TimedAnswer, WebhookListener } from './webhook-listener.ts';
import type { FromWebhookThread, ToWebhookThread, WebhookFigures } from './webhook-messages.ts';

/** Milliseconds between figures, so that a flood of requests is none of messages. */
const figuresMs = 50;
const mostLatencies = 100;

const port = parentPort;
if (port === null) throw new Error('this is no program: the operator runs it as a thread');
const tell = (message: FromWebhookThread): void => port.postMessage(message);

const answers = new Map<number, (answer: TimedAnswer) => void>();
let lastID = 0;

let requests: Record<string, number> = {};
let latencies: number[] = [];
let inFlight = 0;
let refusedConnections = 0;
let tlsError: string | undefined;
let timer: NodeJS.Timeout | undefined;

function changed(): void {
  if (timer !== undefined) return;
  timer = setTimeout(() => {
    timer = undefined;
    const figures: WebhookFigures = { requests, latencies, inFlight, refusedConnections, tlsError };
    requests = {};
    latencies = [];
    refusedConnections = 0;
    tell({ kind: 'figures', figures });
  }, figuresMs);
}

const listener = new WebhookListener({
  ask: (request) =>
    new Promise((resolve) => {
      lastID += 1;
      answers.set(lastID, resolve);
      tell({ kind: 'question', id: lastID, request });
    }),
  begun: () => {
    inFlight += 1;
    changed();
  },
  ended: (status, seconds) => {
    inFlight -= 1;
    requests[status] = (requests[status] ?? 0) + 1;
    if (status !== 429 && latencies.length < mostLatencies) latencies.push(seconds);
    changed();
  },
  refusedConnection: () => {
    refusedConnections += 1;
    changed();
  },
  handshake: (error) => {
    if (error === tlsError) return;
    tlsError = error;
    changed();
  },
  fault: (error) => tell({ kind: 'fault', error: error instanceof Error ? error : new Error(String(error)) }),
});

port.on('message', async (message: ToWebhookThread) => {
  switch (message.kind) {
    case 'certificate':
      listener.use(message.certificate);
      return;
    case 'listen':
      try {
        tell({ kind: 'listening', port: await listener.listen(message.host, message.port) });
      } catch (error) {
        tell({ kind: 'not listening', message: error instanceof Error ? error.message : String(error) });
      }
      return;
    case 'answer':
      answers.get(message.id)?.(message);
      answers.delete(message.id);
      return;
    case 'close':
      await listener.close();
      port.close();
  }
});
