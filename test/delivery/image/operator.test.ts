import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { shareAccesses, shareNetworks } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import { findEngine } from '../../../tools/image/engine.ts';
import { applySamples, sampleNamespace as namespace } from '../../../tools/image/samples.ts';
import { eventually } from '../../faults/eventually.ts';
import { OperatorProcess } from '../../integration/operator-process.ts';
import { TestCluster } from '../../integration/test-cluster.ts';
import { freePort } from '../../kube/free-port.ts';
import { PodSurroundings } from './container.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
/** An image to test in place of the bundle: `make image-test` sets it. */
const image = process.env.SHARENET_TEST_IMAGE;
const canConfine = process.platform === 'linux' && process.getuid?.() === 0;

describe(`the operator as it is delivered${image === undefined ? '' : `, in image ${image}`}`, () => {
  let cluster: TestCluster;
  let surroundings: PodSurroundings;
  let folder: string;
  let operator: OperatorProcess;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-bundle-'));
    cluster = await TestCluster.start();
    surroundings = await PodSurroundings.of(cluster);
    const webhook = ['--webhook-mode=url', `--webhook-port=${await freePort()}`];
    operator = await OperatorProcess.start(cluster.operatorKubeconfig, ['--leader-elect', ...webhook], {
      command: await command(),
    });
  });

  afterAll(async () => {
    await operator?.stop();
    await surroundings?.remove();
    await cluster?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function command(): Promise<readonly [string, ...(readonly string[])]> {
    if (image !== undefined) return surroundings.container(await findEngine(), image);
    await run(process.execPath, [join(root, 'tools/bundle/bundle.ts'), folder]);
    const bundle = join(folder, 'operator');
    if (canConfine) return await surroundings.confined(bundle);
    return [process.execPath, join(bundle, 'sharenet-operator.js'), `--kubeconfig=${cluster.operatorKubeconfig}`];
  }

  test('makes the samples ready, with the key of a rule in its Secret', async () => {
    await applySamples((...args) => cluster.kubectl(...args));
    const { status } = await cluster.client.get(shareAccesses, { namespace, name: 'scratch-batch' });
    const secret = await cluster.client.get(secrets, { namespace, name: status?.accessKeySecretRef?.name ?? '' });
    expect(Object.keys(secret.data ?? {}).sort()).toEqual(['accessKey', 'userID', 'userKey']);
  });

  test('changes the security service of a network in use', async () => {
    const name = { namespace, name: 'net-1' };
    const references = [{ type: 'active_directory', name: 'ad-b' }];
    await cluster.client.mergePatch(shareNetworks, name, { spec: { securityServices: references } });
    const changed = await cluster.until(
      shareNetworks,
      name,
      'changed',
      ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
    );
    expect(changed.status?.securityServices?.map((service) => service.name)).toEqual(['ad-b']);
  });

  test('refuses by its webhook to take the service from a network in use', async () => {
    // With a certificate of its own making, for which it loads what is not loaded without a webhook.
    const patch = JSON.stringify({ spec: { securityServices: [] } });
    const args = ['patch', 'sharenetwork', 'net-1', '-n', namespace, '--type=merge', '--dry-run=server', '-p', patch];
    const refusal = await eventually('refused', async () =>
      cluster.kubectl(...args).then(
        () => undefined,
        (error: Error) => error.message,
      ),
    );
    expect(refusal).toMatch(/admission webhook .* denied the request.*ad-b/);
  });

  test.runIf(image !== undefined || canConfine)(
    'runs as 65532 without privileges on a root that it can not write',
    async () => {
      const { stdout } = await run('pgrep', [
        '--full',
        '--newest',
        '--',
        `--health-probe-bind-address=127.0.0.1:${new URL(operator.healthURL).port}`,
      ]);
      const process = `/proc/${stdout.trim()}`;
      const status = await readFile(`${process}/status`, 'utf8');
      const of = (name: string) => new RegExp(`^${name}:[ \\t]*(.*)$`, 'm').exec(status)?.[1];
      expect({
        uid: of('Uid'),
        gid: of('Gid'),
        groups: of('Groups')
          ?.split(' ')
          .filter((group) => group !== '' && group !== '65532'),
      }).toEqual({
        uid: '65532\t65532\t65532\t65532',
        gid: '65532\t65532\t65532\t65532',
        groups: [],
      });
      expect({ bounding: of('CapBnd'), effective: of('CapEff'), gains: of('NoNewPrivs') }).toEqual({
        bounding: '0000000000000000',
        effective: '0000000000000000',
        gains: '1',
      });
      const mounts = (await readFile(`${process}/mountinfo`, 'utf8')).split('\n').map((line) => line.split(' '));
      const flags = (path: string) => mounts.find((fields) => fields[4] === path)?.[5]?.split(',')[0];
      expect(flags('/')).toBe('ro');
    },
  );

  test('ends in order when it is told to, and has logged no error', async () => {
    expect(await operator.stop()).toBe(0);
    const lines = (await operator.log()).split('\n').filter((line) => line.startsWith('{'));
    expect(lines.length).toBeGreaterThan(10);
    expect(lines.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([]);
  });
});
