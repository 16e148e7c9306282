import { join } from 'node:path';

const samples = join(import.meta.dirname, '../../config/samples');

/** Where the samples are put. */
export const sampleNamespace = 'team-a';

/** Applies config/samples and waits until all is ready. @throws what the given kubectl throws */
export async function applySamples(kubectl: (...args: readonly string[]) => Promise<unknown>): Promise<void> {
  const there = await kubectl('get', 'namespace', sampleNamespace).then(
    () => true,
    () => false,
  );
  if (!there) await kubectl('create', 'namespace', sampleNamespace);
  await kubectl('apply', '--namespace', sampleNamespace, '--kustomize', samples);
  const waits = ['wait', '--for=condition=Ready', '--timeout=2m', '--namespace', sampleNamespace];
  // One command each: a wait for several kinds waits for one after the other with a timeout each.
  for (const kind of ['sharenetworks', 'shares', 'shareaccesses']) await kubectl(...waits, kind, '--all');
}
