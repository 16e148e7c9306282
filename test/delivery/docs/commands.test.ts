import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestCluster } from '../../integration/test-cluster.ts';
import { PageCommands } from './page-commands.ts';
import { type Page, readPages } from './pages.ts';

const isRun = ({ mark }: Page['blocks'][number]): boolean => mark?.kind === 'run' || mark?.kind === 'run-watch';

/** Pages in the order in which they are run: each leaves what the next one begins with. */
const order = [
  'docs/quick-start.md',
  'docs/troubleshooting.md',
  'docs/domain-change.md',
  'docs/tutorials/change-directory.md',
  'docs/tutorials/access-keys.md',
  'docs/backup.md',
  'docs/tenants.md',
  'docs/administrators.md',
];

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

  beforeAll(async () => {
    cluster = await TestCluster.start();
    await cluster.startOperator();
    commands = await PageCommands.open(cluster.plane);
  }, 120_000);

  afterAll(async () => {
    await commands?.close();
    await cluster?.stop();
  });

  for (const [index, path] of order.entries()) {
    test(path, { timeout: 300_000 }, async () => {
      // The first page makes and removes all that it needs.
      if (index === 1) await commands.type(samples);
      const page = pages.find((known) => known.path === path);
      if (page === undefined) throw new Error(`there is no page ${path}`);
      await commands.run(page, page.blocks.filter(isRun));
    });
  }

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
