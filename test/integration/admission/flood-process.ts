/**
 * Sends admission reviews as fast as they are taken: `node flood-process.ts PORT FROM CONNECTIONS`. What it sends is of the right form
 * and large, so that it is expensive to read. It prints what it got, by status, when it is stopped.
 */
import { Agent, request } from 'node:https';
import { setTimeout } from 'node:timers/promises';

const [port, localAddress, connections] = process.argv.slice(2);
const subnets = Array.from({ length: 20_000 }, (_, index) => ({
  name: `subnet-${index}`,
  cidr: '10.0.0.0/24',
  mtu: index,
}));
const object = { metadata: { name: 'net', namespace: 'team-1' }, spec: { subnets } };
const review = {
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'flood',
    resource: { group: 'sharenet.io', version: 'v1alpha1', resource: 'sharenetworks' },
    ...{ operation: 'CREATE', namespace: 'team-1', name: 'net', object },
  },
};
const body = Buffer.from(JSON.stringify(review));
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections), localAddress: localAddress ?? '' });
const results: Record<string, number> = {};

async function send(): Promise<void> {
  const result = await new Promise<string>((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/validate', method: 'POST', agent, rejectUnauthorized: false };
    const sent = request({ ...options, headers: { 'content-length': body.length } }, (response) => {
      response.resume().once('close', () => resolve(String(response.statusCode)));
    });
    sent.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end(body);
  });
  results[result] = (results[result] ?? 0) + 1;
  // A flood that only burns its own processor would be measured, too.
  if (result !== '200') await setTimeout(25);
}

async function flood(): Promise<never> {
  for (;;) await send();
}

process.once('SIGTERM', () => {
  process.stdout.write(JSON.stringify({ ...results, bytes: body.length }));
  process.exit(0);
});
for (let index = 0; index < Number(connections); index += 1) void flood();
