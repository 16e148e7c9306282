import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type AssetSources, assetSources, findAssets, versionedCacheDirectory } from './assets.ts';
import { freePort } from './free-port.ts';
import { goArch, goOs } from './platform.ts';
import { declaredVersions } from './versions.ts';

const { kubernetes } = declaredVersions();
const releasePath = (version: string) => `/release/${version}/bin/${goOs}/${goArch}/kube-controller-manager`;

let root: string;
let tools: string;
let server: Server;
let base: string;
let files: Map<string, Buffer>;
let requests: string[];
let log: string[];
/** The server ends in the middle of answers to paths that start so. */
let breakOff: string;

function script(file: string, body: string): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

/** An archive laid out as the official ones are: no kube-controller-manager, programs two folders deep. */
function makeArchive(marker: string): Buffer {
  const folder = mkdtempSync(join(root, 'archive-'));
  for (const program of ['etcd', 'kube-apiserver', 'kubectl']) {
    script(join(folder, 'controller-tools', 'envtest', program), `echo ${marker}`);
  }
  return execFileSync('tar', ['-czf', '-', '-C', folder, 'controller-tools']);
}

function publishArchives(archives: Record<string, { content: Buffer; hash?: string }>): void {
  const releases = Object.entries(archives).map(([version, { content, hash }]) => {
    const name = `envtest-${version}-${goOs}-${goArch}.tar.gz`;
    files.set(`/archives/${name}`, content);
    const sha512 = hash ?? createHash('sha512').update(content).digest('hex');
    return `  ${version}:\n    ${name}:\n      hash: ${sha512}\n      selfLink: ${base}/archives/${name}\n`;
  });
  files.set('/index.yaml', Buffer.from(`releases:\n${releases.join('')}`));
}

function publishControllerManager(version: string, hash?: string): void {
  const content = Buffer.from('#!/bin/sh\necho controller manager\n');
  files.set(releasePath(version), content);
  const sha256 = hash ?? createHash('sha256').update(content).digest('hex');
  files.set(`${releasePath(version)}.sha256`, Buffer.from(`${sha256}\n`));
}

function sources(changes: Partial<AssetSources> = {}): AssetSources {
  return {
    assetsDirectory: undefined,
    cacheDirectory: join(root, 'cache'),
    envtestIndex: `${base}/index.yaml`,
    kubernetesReleases: `${base}/release`,
    ...changes,
  };
}

const find = (changes?: Partial<AssetSources>) => findAssets((line) => log.push(line), sources(changes));
const cached = () => readdirSync(versionedCacheDirectory(join(root, 'cache'))).sort();
const contentOf = (file: string) => readFileSync(file, 'utf8').split('\n')[1];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'sharenet-assets-'));
  files = new Map();
  requests = [];
  log = [];
  breakOff = 'nothing';
  server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const content = files.get(path);
    if (content !== undefined && path.startsWith(breakOff)) {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 20), () => response.destroy());
    } else {
      response.writeHead(content === undefined ? 404 : 200).end(content);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  // A PATH with what unpacks an archive and neither Go nor kubectl.
  tools = join(root, 'bin');
  mkdirSync(tools);
  for (const tool of ['tar', 'gzip']) {
    symlinkSync(
      execFileSync('sh', ['-c', `command -v ${tool}`])
        .toString()
        .trim(),
      join(tools, tool),
    );
  }
  vi.stubEnv('PATH', tools);
});

afterEach(() => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true });
});

test('programs come from the envtest archive and the Kubernetes release when their checksums are right', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  const assets = await find();
  expect(contentOf(assets['kube-apiserver'])).toBe('echo archived');
  expect(execFileSync(assets['kube-controller-manager']).toString()).toBe('controller manager\n');
  expect(cached()).toEqual(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']);
  expect(log.join('\n')).toContain(`downloading ${base}/archives/envtest-${kubernetes}`);
});

test('a second look takes the cache, asks no one and says nothing', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  const first = await find();
  log = [];
  requests = [];
  expect(await find()).toEqual(first);
  expect([log, requests]).toEqual([[], []]);
});

test('an archive with a wrong checksum is refused with one line and leaves nothing in the cache', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('tampered'), hash: 'ab'.repeat(64) } });
  await expect(find()).rejects.toThrow(/no source has etcd, kube-apiserver, kube-controller-manager, kubectl/);
  const refusals = log.filter((line) => line.includes('refused'));
  expect(refusals).toEqual([
    expect.stringMatching(
      /^envtest archive: http:\S+\.tar\.gz: refused, its sha512 is \w{12}… and should be abababababab…$/,
    ),
  ]);
  expect(cached()).toEqual([]);
});

test('a controller manager with a wrong checksum is refused, what was good is kept', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes, 'cd'.repeat(32));
  await expect(find()).rejects.toThrow(/no source has kube-controller-manager: .*refused.*there is no Go/);
  expect(cached()).toEqual(['etcd', 'kube-apiserver', 'kubectl']);
});

test('an archive that breaks off is refused and leaves nothing in the cache', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  breakOff = '/archives/';
  await expect(find()).rejects.toThrow(/no source has/);
  expect(log.filter((line) => line.startsWith('envtest archive: '))).toHaveLength(1);
  expect(cached()).toEqual([]);
});

test('the newest patch of the minor version is taken when the index lacks the declared one', async () => {
  const [older, newer] = [`${kubernetes.replace(/\d+$/, '')}0`, `${kubernetes.replace(/\d+$/, '')}1`];
  publishArchives({
    [newer]: { content: makeArchive('newer') },
    [older]: { content: makeArchive('older') },
    'v1.99.0': { content: makeArchive('other minor') },
  });
  publishControllerManager(newer);
  const assets = await find();
  expect(contentOf(assets.etcd)).toBe('echo newer');
});

test('hosts that cannot be reached cost one line each and little time', async () => {
  const closed = `http://127.0.0.1:${await freePort()}`;
  const start = performance.now();
  await expect(find({ envtestIndex: `${closed}/index.yaml`, kubernetesReleases: closed })).rejects.toThrow();
  expect(performance.now() - start).toBeLessThan(5_000);
  expect(log[0]).toMatch(/^envtest archive: http:\S+\/index\.yaml: connect ECONNREFUSED/);
  expect(log[1]).toMatch(/^Kubernetes release: http:\S+: connect ECONNREFUSED/);
});

test('of two processes at once one downloads and the other waits for it', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  const [one, other] = await Promise.all([find(), find()]);
  expect(one).toEqual(other);
  expect(requests.filter((path) => path.startsWith('/archives/'))).toHaveLength(1);
});

test('a lock and a half-done download of a killed process are cleared away', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  const cache = versionedCacheDirectory(join(root, 'cache'));
  mkdirSync(join(cache, '.staging-killed'), { recursive: true });
  // A process id beyond what any system gives.
  writeFileSync(join(cache, '.lock'), '99999999');
  await find();
  expect(cached()).toEqual(['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl']);
});

test('KUBEBUILDER_ASSETS comes first and only what it lacks is fetched', async () => {
  const folder = join(root, 'given');
  for (const program of ['etcd', 'kubectl']) {
    script(join(folder, program), 'echo given');
  }
  script(join(folder, 'kube-apiserver'), `echo Kubernetes ${kubernetes}`);
  publishControllerManager(kubernetes);
  const assets = await find({ assetsDirectory: folder });
  expect([assets.etcd, assets.kubectl]).toEqual([join(folder, 'etcd'), join(folder, 'kubectl')]);
  expect(cached()).toEqual(['kube-controller-manager']);
  expect(requests.filter((path) => path.startsWith('/archives/'))).toEqual([]);
});

test('what no archive has is built with Go, and only that', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  // Stands for the compiler only: it notes its arguments and leaves an executable where it should.
  const put =
    'printf "#!/bin/sh\\necho built\\n" > "$out/kube-controller-manager"; chmod +x "$out/kube-controller-manager"';
  script(
    join(tools, 'go'),
    `echo "$@" >> ${root}/go.log; while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; shift; done; ${put}`,
  );
  symlinkSync('/bin/chmod', join(tools, 'chmod'));
  const assets = await find();
  expect(contentOf(assets['kube-controller-manager'])).toBe('echo built');
  const calls = readFileSync(join(root, 'go.log'), 'utf8').trim().split('\n');
  expect(calls).toHaveLength(1);
  expect(calls[0]).toMatch(/^build .*gitVersion=v1\.\d+\.\d+.* k8s\.io\/kubernetes\/cmd\/kube-controller-manager$/);
});

test('a Go build that fails tells the last lines of the compiler', async () => {
  script(join(tools, 'go'), 'echo "main.go:7: undefined: x" >&2; exit 1');
  await expect(find()).rejects.toThrow(/Go build: go build failed: main\.go:7: undefined: x/);
  expect(cached()).toEqual([]);
});

test.each([
  ['the same minor version', 0, true],
  ['one minor version older', -1, true],
  ['one minor version newer', 1, true],
  ['two minor versions older', -2, false],
])("the machine's kubectl of %s is judged by the supported skew", async (_name, difference, used) => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  const minor = Number(kubernetes.split('.')[1]) + difference;
  script(join(tools, 'kubectl'), `echo '{"clientVersion":{"gitVersion":"v1.${minor}.5"}}'`);
  const assets = await find();
  expect(assets.kubectl === join(tools, 'kubectl')).toBe(used);
});

test('a kubectl that does not run is not used', async () => {
  publishArchives({ [kubernetes]: { content: makeArchive('archived') } });
  publishControllerManager(kubernetes);
  script(join(tools, 'kubectl'), 'exit 127');
  expect((await find()).kubectl).toContain(join(root, 'cache'));
});

test('the environment names the cache: SHARENET_CACHE before XDG_CACHE_HOME before the home folder', () => {
  expect(assetSources({ SHARENET_CACHE: '/a', XDG_CACHE_HOME: '/b' }).cacheDirectory).toBe('/a');
  expect(assetSources({ SHARENET_CACHE: '', XDG_CACHE_HOME: '/b' }).cacheDirectory).toBe('/b/sharenet');
  expect(assetSources({}).cacheDirectory).toMatch(/\/\.cache\/sharenet$/);
});
