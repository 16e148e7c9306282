/**
 * `node test/demo/cephfs/client.ts RULE`: mounts a share of the current namespace of KUBECONFIG as the user of an access rule would,
 * with what the rule's Secret and the share's export location say, and does what is typed until the end of the input.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { shareAccesses, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { createApiClient } from '../../../src/runtime/api-client.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { loadKubeConfig } from '../../../src/runtime/kube-config.ts';
import { createLogger } from '../../../src/runtime/logger.ts';
import { mountOf } from '../../e2e/ceph/operator/mount-of.ts';
import { CephFSClient, type CephFSMount } from '../../labs/ceph/cephfs-client.ts';
import { CephClientError } from '../../labs/ceph/client-process.ts';
import { perform, usage } from './client-commands.ts';

const [rule, ...more] = process.argv.slice(2);
if (rule === undefined || more.length > 0) {
  process.stderr.write('usage: node test/demo/cephfs/client.ts RULE   (a ShareAccess that is active)\n');
  process.exit(2);
}
try {
  await serve(rule);
} catch (error) {
  process.stderr.write(`test/demo/cephfs/client.ts: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}

async function serve(name: string): Promise<void> {
  const mount = await readMount(name);
  const client = await CephFSClient.mount(mount);
  const input = createInterface({ input: process.stdin, output: process.stdout, prompt: `${name}> ` });
  process.stdout.write(`mounted ${mount.root} as client.${mount.user}: ${usage}; Ctrl-D ends\n`);
  const ended = once(input, 'close').then(() => true);
  input.prompt();
  for await (const line of input) {
    if (line.trim() !== '') process.stdout.write(`${await perform(client, line).catch(refusal)}\n`);
    // What was piped in may have ended before it is done.
    if (!(await Promise.race([ended, false]))) input.prompt();
  }
  // One that was thrown out can't leave in order.
  await client.unmount().catch(refusal);
}

async function readMount(name: string): Promise<CephFSMount> {
  const kubeConfig = loadKubeConfig();
  const namespace = kubeConfig.getContextObject(kubeConfig.getCurrentContext())?.namespace ?? 'default';
  const logger = createLogger({ level: 'silent', format: 'json' });
  const api = createApiClient({ kubeConfig, fieldManager: 'demo-client', userAgent: 'demo-client', logger });
  try {
    const { spec, status } = await api.get(shareAccesses, { namespace, name });
    const secretName = status?.accessKeySecretRef?.name;
    if (secretName === undefined) throw new Error(`ShareAccess ${name} has no key: its phase is ${status?.phase}`);
    const share = await api.get(shares, { namespace, name: spec.shareName });
    return mountOf(share, await api.get(secrets, { namespace, name: secretName }));
  } finally {
    await api.close();
  }
}

function refusal(error: unknown): string {
  if (error instanceof CephClientError) return `refused: ${error.message}`;
  throw error;
}
