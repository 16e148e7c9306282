import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster } from '../../integration/test-cluster.ts';
import { PageCommands } from './page-commands.ts';
import { type Page, readPage, readPages } from './pages.ts';

const isRun = ({ mark }: Page['blocks'][number]): boolean => mark?.kind === 'run' || mark?.kind === 'run-watch';

/** Pages in the order in which they are run: each leaves what the next one begins with. */
const order = [
  'docs/quick-start.md',
  'docs/troubleshooting.md',
  'docs/cephfs.md',
  'docs/domain-change.md',
  'docs/tutorials/change-directory.md',
  'docs/tutorials/access-keys.md',
  'docs/backup.md',
  'docs/tenants.md',
  'docs/administrators.md',
];

/** Pages whose reader has the role `edit` in a namespace and nothing else. */
const ofTenants = new Set(['docs/tenants.md']);

/** What a page begins with that follows the quick start: the samples of config/, in force. */
const samples = `set -euo pipefail
kubectl create namespace team-a
kubectl config set-context --current --namespace=team-a
kubectl apply -k config/samples
kubectl patch storagebackend dummy --type=merge -p '{"spec":{"dummy":{"latency":"20ms"}}}'
kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s`;

const pages = await readPages();

test('every page whose commands are run has its place in the order', () => {
  expect(pages.filter(({ blocks }) => blocks.some(isRun)).map(({ path }) => path)).toEqual([...order].sort());
});

describe('the commands of the documentation, on a real API server', () => {
  let cluster: TestCluster;
  let commands: PageCommands;
  let tenant: PageCommands | undefined;

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    commands = await PageCommands.open(cluster.plane);
  }, 120_000);

  afterAll(async () => {
    await tenant?.close();
    await commands?.close();
    await cluster?.stop();
  });

  /** A reader with the role `edit` in team-a. */
  async function asTenant(): Promise<PageCommands> {
    if (tenant !== undefined) return tenant;
    const user = { user: 'tina' };
    await cluster.kubectl('create', 'rolebinding', 'tina', '--namespace=team-a', '--clusterrole=edit', '--user=tina');
    await cluster.untilMay(user, { verb: 'patch', group: 'sharenet.io', resource: 'shares', namespace: 'team-a' });
    tenant = await PageCommands.open(cluster.plane, await cluster.plane.kubeconfigFor(user));
    await tenant.type('kubectl config set-context --current --namespace=team-a');
    return tenant;
  }

  for (const [index, path] of order.entries()) {
    test(path, { timeout: 300_000 }, async () => {
      // The first page makes and removes all that it needs.
      if (index === 1) await commands.type(samples);
      const page = pages.find((known) => known.path === path);
      if (page === undefined) throw new Error(`there is no page ${path}`);
      const reader = ofTenants.has(path) ? await asTenant() : commands;
      await reader.run(page, page.blocks.filter(isRun));
    });
  }

  const update = 'updateShareServerSecurityService';
  test.each([
    ['docs/domain-change.md', 'ad-a', readPage('docs/domain-change.md')],
    ['docs/tenants.md', 'ad-b', readPage('docs/tenants.md')],
  ])(
    'a change that is under way is stopped as %s says, and taken up again',
    { timeout: 120_000 },
    async (_, to, read) => {
      const page = await read;
      const blocks = page.blocks.filter(({ mark }) => mark?.text === 'test/delivery/docs/commands.test.ts');
      const [stop, ...afterwards] = blocks;
      if (stop === undefined) throw new Error(`${page.path} does not say how to stop a change`);
      const faults = (list: readonly object[]) =>
        `kubectl patch storagebackend dummy --type=merge -p '${JSON.stringify({ spec: { dummy: { faults: list } } })}'`;
      const spec = {
        securityServiceChange: { maxConcurrentServers: 1 },
        securityServices: [{ type: 'active_directory', name: to }],
      };
      await commands.type(`set -e
${faults([{ operation: update, kind: 'unavailable', message: 'not reached' }])}
kubectl patch sharenetwork net-1 --type=merge -p '${JSON.stringify({ spec })}'
kubectl wait sharenetwork net-1 --for=jsonpath='{.status.networkChange.stage}'=applying --timeout=60s`);
      const reader = ofTenants.has(page.path) ? await asTenant() : commands;
      await reader.run(page, [stop]);
      const stopped = await commands.type(`set -e
${faults([])}
kubectl wait sharenetwork net-1 --for=jsonpath='{.status.phase}'=active --timeout=60s
kubectl get sharenetwork net-1 -o jsonpath='{.status.lastNetworkChange.notAttempted}'`);
      expect(Number(stopped.split('\n').at(-1))).toBeGreaterThan(0);
      if (afterwards.length === 0) return;
      await reader.run(page, afterwards);
      await commands.type(
        "kubectl wait sharenetwork net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Succeeded --timeout=60s",
      );
    },
  );

  test('the manifests are taken by the API server', async () => {
    await cluster.kubectl('create', 'namespace', 'manifests');
    const blocks = pages.flatMap(({ path, blocks: all }) =>
      all
        .filter(({ language, text }) => language === 'yaml' && /^apiVersion: sharenet\.io\//m.test(text))
        // Where no page has made anything: several have objects of one name.
        .map(({ line, text }) => ({
          at: `${path}:${line}`,
          text: text.replaceAll(/^( {2}namespace:) team-a$/gm, '$1 manifests'),
        })),
    );
    expect(blocks.length).toBeGreaterThan(4);
    const namespaced = (text: string) => (/^ {2}namespace:/m.test(text) ? [] : ['-n', 'manifests']);
    for (const { at, text } of blocks) {
      const answer = cluster.kubectlWithInput(text, 'apply', '--dry-run=server', ...namespaced(text), '-f', '-');
      await answer.catch((error: unknown) => {
        throw new Error(`${at}: ${String(error)}`);
      });
    }
  });
});
