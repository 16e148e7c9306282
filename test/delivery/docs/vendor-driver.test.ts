import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  apiVersion,
  shareAccesses,
  shareNetworks,
  shares,
  storageBackends,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { access, activeDirectory, network, passwordSecret, share } from '../../integration/manifests.ts';
import { OperatorProcess } from '../../integration/operator-process.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { readPage } from './pages.ts';
import { copyTemplate } from './template-copy.ts';

const driver = 'vendor.example/mystorage';

describe('a driver of someone else, made of the template as the guide says, in a file of its own', () => {
  let cluster: TestCluster;
  let folder: string;
  let file: string;
  let directory: string;
  let namespace: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-vendor-'));
    file = join(folder, 'mystorage.mjs');
    directory = join(folder, 'storage');
    cluster = await TestCluster.start();
    namespace = await cluster.namespace();
  }, 120_000);

  afterAll(async () => {
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** What the storage system has of a kind. */
  async function stored(kind: 'shares' | 'servers'): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const names = await readdir(join(directory, kind));
    return await Promise.all(
      names.map(async (name) => JSON.parse(await readFile(join(directory, kind, name), 'utf8'))),
    );
  }

  test('is bundled', { timeout: 60_000 }, async () => {
    const copy = await copyTemplate(await readPage('docs/driver-authors.md'));
    await copy.runGuide('test/delivery/docs/vendor-driver.test.ts');
    await copyFile(join(copy.folder, 'mystorage.mjs'), file);
  });

  test('makes shares and grants access; its work that goes on is waited for', { timeout: 120_000 }, async () => {
    await cluster.startOperator(`--driver-files=${file}`);
    await cluster.apply(
      {
        apiVersion,
        kind: 'StorageBackend',
        metadata: { name: 'mine' },
        spec: { driver, parameters: { directory, jobs: true } },
      },
      passwordSecret(namespace, 'one-password', 'secret-one'),
      passwordSecret(namespace, 'two-password', 'secret-two'),
      activeDirectory(namespace, 'one'),
      activeDirectory(namespace, 'two'),
      network(namespace, 'net', [{ type: 'active_directory', name: 'one' }]),
      share(namespace, 'docs', { protocol: 'CIFS', shareNetworkName: 'net' }),
      access(namespace, 'alice', 'docs', { accessType: 'user' }),
    );
    const granted = { accessType: 'user', accessTo: 'alice', accessLevel: 'rw' };
    await cluster.until(
      shareAccesses,
      { namespace, name: 'alice' },
      'active',
      ({ status }) => status?.phase === 'active',
    );
    expect(await stored('shares')).toMatchObject([{ rules: [granted] }]);
    expect(await stored('servers')).toMatchObject([{ domain: 'one.example.com' }]);
  });

  test('moves its servers to another directory', { timeout: 60_000 }, async () => {
    await cluster.apply(network(namespace, 'net', [{ type: 'active_directory', name: 'two' }]));
    await cluster.until(
      shareNetworks,
      { namespace, name: 'net' },
      'changed',
      ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
    );
    expect(await stored('servers')).toMatchObject([{ domain: 'two.example.com' }]);
  });

  test('says what it refuses in its own words', { timeout: 60_000 }, async () => {
    const [name = ''] = await readdir(join(directory, 'shares'));
    const [full] = await stored('shares');
    await writeFile(join(directory, 'shares', name), JSON.stringify({ ...full, used: 2 ** 29 }));
    await cluster.kubectl('patch', 'share', 'docs', '-n', namespace, '--type=merge', '-p', '{"spec":{"size":"1Mi"}}');
    const refused = ({ status }: { status?: { conditions?: readonly { reason?: string; message?: string }[] } }) =>
      (status?.conditions ?? []).some(({ reason }) => reason === 'ShareShrinkingPossibleDataLoss');
    await cluster.until(shares, { namespace, name: 'docs' }, 'refused', refused);
  });

  test('has its configuration checked', { timeout: 60_000 }, async () => {
    const metadata = { name: 'wrong' };
    await cluster.apply({
      apiVersion,
      kind: 'StorageBackend',
      metadata,
      spec: { driver, parameters: { directory: '.' } },
    });
    const backend = await cluster.until(storageBackends, { name: 'wrong' }, 'refused', ({ status }) =>
      (status?.conditions ?? []).some(({ type, status: value }) => type === 'Ready' && value === 'False'),
    );
    expect(JSON.stringify(backend.status)).toContain('spec.parameters.directory: must be an absolute path');
  });

  test('is a reason not to start when it is none', { timeout: 60_000 }, async () => {
    const broken = join(folder, 'broken.mjs');
    await writeFile(broken, "export const driverName = 'vendor.example/broken';\n");
    const operator = await OperatorProcess.start(cluster.operatorKubeconfig, [`--driver-files=${file},${broken}`], {
      waitReady: false,
    });
    onTestFinished(() => operator.forget());
    await operator.ended();
    expect(await operator.stop()).toBe(1);
    expect(await operator.log()).toContain(`driver file ${broken}: its export driverModule is missing`);
  });
});
