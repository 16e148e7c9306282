import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultyApiServer } from '../../../test/faults/api-server.ts';
import { apiVersion } from '../../api/v1alpha1/resource-types.ts';
import type { KubeObject } from '../../runtime/kube-object.ts';
import { runCommand } from '../program.ts';

const own = '/apis/sharenet.io/v1alpha1';
const namespace = 'from-config';
const system = 'sharenet-system';
const cephxKey = 'AQBhcmVuJ3QgYWxsIGtleXMgbG9uZyBlbm91Z2g/Pw==';

/** Objects as an API server that has an operator would answer them, with something private in each. */
const objects: readonly (readonly [collection: string, object: KubeObject & Record<string, unknown>])[] = [
  [
    `${own}/shareaccesses`,
    {
      apiVersion,
      kind: 'ShareAccess',
      metadata: {
        name: 'rule',
        namespace,
        annotations: { 'example.com/note': 'note-of-others', 'sharenet.io/paused': 'true' },
      },
      spec: { shareName: 'home', accessType: 'cephx', accessTo: 'hildegard' },
    },
  ],
  [
    `${own}/securityservices`,
    {
      apiVersion,
      kind: 'SecurityService',
      metadata: { name: 'dir', namespace },
      spec: { type: 'active_directory', domain: 'ad.example.com', user: 'joiner', ou: 'OU=Filers,DC=ad' },
    },
  ],
  [
    `${own}/storagebackends`,
    {
      apiVersion,
      kind: 'StorageBackend',
      metadata: { name: 'sto' },
      spec: { driver: 'example.com/filer', parameters: { login: 'login-of-filer' } },
    },
  ],
  ...(['deployments', 'pods'] as const).map((plural) => {
    const containers = [
      { name: 'operator', image: 'sharenet-operator:1.2.3', env: [{ name: 'PROXY', value: 'word-in-environment' }] },
    ];
    const spec = plural === 'pods' ? { containers } : { template: { spec: { containers } } };
    const collection = plural === 'pods' ? '/api/v1/pods' : '/apis/apps/v1/deployments';
    return [collection, { metadata: { name: `operator-of-${plural}`, namespace: system }, spec }] as const;
  }),
];

describe('a report', () => {
  let server: FaultyApiServer;
  let folder: string;
  let files: ReadonlyMap<string, string>;
  let told: readonly string[];

  beforeAll(async () => {
    server = await FaultyApiServer.start();
    for (const [collection, object] of objects) server.put(collection, object);
    server.fault = ({ path, query }) => {
      if (!path.endsWith('/log')) return undefined;
      if (query.get('previous') === 'true') return { status: 400, body: 'no former container' };
      return { status: 200, body: `{"msg":"key of hildegard is ${cephxKey}"}\n{"msg":"password=hunter22"}\n` };
    };
    folder = await mkdtemp(join(tmpdir(), 'sharenet-report-'));
    const kubeconfig = join(folder, 'config');
    const content = {
      clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'token-of-u' } }],
      contexts: [{ name: 'one', context: { cluster: 'c', user: 'u', namespace } }],
      'current-context': 'one',
    };
    await writeFile(kubeconfig, JSON.stringify(content));
    const lines: string[] = [];
    const terminal = {
      columns: undefined,
      line: () => {},
      tell: (text: string) => void lines.push(text),
      paint: String,
    };
    const directory = join(folder, 'report');
    expect(
      await runCommand(['report', '-d', directory, `--kubeconfig=${kubeconfig}`], { terminal, now: Date.now }),
    ).toBe(0);
    told = lines;
    const entries = await readdir(directory, { recursive: true, withFileTypes: true });
    files = new Map(
      await Promise.all(
        entries
          .filter((entry) => entry.isFile())
          .map(async ({ parentPath, name }): Promise<[string, string]> => {
            const path = join(parentPath, name);
            expect((await stat(path)).mode & 0o077, `others may read ${path}`).toBe(0);
            return [path.slice(directory.length + 1), await readFile(path, 'utf8')];
          }),
      ),
    );
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  test('has the objects, and the state and the log of the operator', () => {
    expect([...files.keys()]).toEqual(
      expect.arrayContaining([
        'README.txt',
        'objects/shareaccesses.yaml',
        'objects/securityservices.yaml',
        'objects/storagebackends.yaml',
        'operator/deployments.yaml',
        'operator/pods.yaml',
        'operator/logs/operator-of-pods-operator.log',
      ]),
    );
    expect(files.get('operator/deployments.yaml')).toContain('image: sharenet-operator:1.2.3');
    expect(files.get('objects/shareaccesses.yaml')).toContain('sharenet.io/paused: "true"');
    // That the container has no log of before is no loss.
    expect(told.filter((line) => line.includes('log'))).toEqual([]);
  });

  test.each([
    ['clients', 'hildegard'],
    ['users', 'joiner'],
    ['organizational units', 'OU=Filers'],
    ['keys in a log', cephxKey],
    ['passwords in a log', 'hunter22'],
    ['annotations of others', 'note-of-others'],
    ['parameters of a driver', 'login-of-filer'],
    ['environments of containers', 'word-in-environment'],
    ["the reader's own token", 'token-of-u'],
  ])('has no %s', (_, hidden) => {
    expect([...files].filter(([, text]) => text.includes(hidden)).map(([path]) => path)).toEqual([]);
  });

  test('has one name for one client, in objects and logs', () => {
    expect(files.get('objects/shareaccesses.yaml')).toContain('accessTo: <client-1>');
    expect(files.get('operator/logs/operator-of-pods-operator.log')).toContain('key of <client-1> is <access key>');
  });

  test('asked for no Secret', () => {
    expect(server.requests.filter(({ path }) => path.includes('/secrets'))).toEqual([]);
  });
});
