import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RadosRequest, radosReplySchema } from '../../../src/drivers/cephfs/rados-protocol.ts';
import { packagesOf } from '../../../tools/bundle/packages.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const billSchema = z.object({
  bomFormat: z.literal('CycloneDX'),
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })).min(1),
    }),
  ),
});

describe('what is delivered', () => {
  let folder: string;
  const bundle = (...path: readonly string[]) => join(folder, 'one', ...path);
  const text = async (...path: readonly string[]) => await readFile(bundle(...path), 'utf8');
  const make = async (name: string) =>
    await run(process.execPath, [join(root, 'tools/bundle/bundle.ts'), join(folder, name)]);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-bundle-'));
    await make('one');
  });

  afterAll(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  test('is one file a program, with the native parts, the licences and the bill of materials', async () => {
    const common = ['LICENSE', 'THIRD-PARTY-LICENSES.txt', 'package.json', 'sbom.cdx.json'];
    expect((await readdir(bundle('operator'))).sort()).toEqual(
      [...common, 'node_modules', 'rados-process.js', 'sharenet-operator.js'].sort(),
    );
    expect(await readdir(bundle('operator/node_modules'))).toEqual(['@koromix']);
    expect((await readdir(bundle('kubectl-sharenet'))).sort()).toEqual([...common, 'kubectl-sharenet'].sort());
  });

  test('runs without the packages of the repository', async () => {
    const options = { cwd: '/', env: { PATH: `${join(process.execPath, '..')}:/usr/bin:/bin` } };
    const operator = await run(process.execPath, [bundle('operator/sharenet-operator.js'), '--help'], options);
    expect(operator.stdout).toMatch(/^Usage: sharenet-operator /);
    const plugin = await run(bundle('kubectl-sharenet/kubectl-sharenet'), ['--help'], options);
    expect(plugin.stdout).toMatch(/^Usage: kubectl sharenet /);
  });

  test('finds its native parts beside it', async () => {
    const child = fork(bundle('operator/rados-process.js'), [], { cwd: '/', execArgv: [], silent: true });
    const libraries = { rados: 'librados-of-nobody.so', cephfs: 'libcephfs-of-nobody.so' };
    const login = { monitors: ['127.0.0.1:1'], user: 'nobody', key: 'none', probeSeconds: 1, loginSeconds: 1 };
    child.send({ type: 'connect', libraries, ...login } satisfies RadosRequest);
    const [reply] = await once(child, 'message');
    child.disconnect();
    // The system's words, which only the native part of koffi can get.
    expect(radosReplySchema.parse(reply)).toMatchObject({
      type: 'failed',
      failure: { what: 'library', detail: expect.stringContaining('cannot open shared object file') },
    });
  });

  test('holds no test, no tool of the developers and no path of the machine that made it', async () => {
    for (const program of [
      'operator/sharenet-operator.js',
      'operator/rados-process.js',
      'kubectl-sharenet/kubectl-sharenet',
    ]) {
      const code = await text(program);
      expect(code, program).not.toContain(root);
      expect(code, program).not.toMatch(
        /\.test\.ts|node_modules\/(vitest|fast-check|typescript)\/|sourceMappingURL=(?!data)/,
      );
    }
  });

  test('names in its bill what the lockfile pins, with its digest, and in its notices too', async () => {
    const { packages: locked } = z
      .object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) })
      .parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
    const pinned = new Set(
      Object.entries(locked).map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`),
    );
    for (const delivery of ['operator', 'kubectl-sharenet']) {
      const { components } = billSchema.parse(JSON.parse(await text(delivery, 'sbom.cdx.json')));
      expect(components.map(({ name, version }) => `${name}@${version}`).filter((one) => !pinned.has(one))).toEqual([]);
      const notices = await text(delivery, 'THIRD-PARTY-LICENSES.txt');
      expect(components.filter(({ name, version }) => !notices.includes(`${name} ${version} (`))).toEqual([]);
    }
  });

  test('has in the bill each package that the operator imports', async () => {
    const { components } = billSchema.parse(JSON.parse(await text('operator/sbom.cdx.json')));
    const names = components.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['@kubernetes/client-node', 'undici', 'zod', 'ssh2', 'koffi', '@koromix/koffi-linux-x64']),
    );
    expect(names).not.toContain('commander');
  });

  test('is the same when it is made again', async () => {
    await make('two');
    for (const file of ['sharenet-operator.js', 'sbom.cdx.json', 'THIRD-PARTY-LICENSES.txt']) {
      const again = await readFile(join(folder, 'two/operator', file), 'utf8');
      expect(again === (await text('operator', file)), file).toBe(true);
    }
  });

  test('may not have a package whose licence asks for more than its notice', async () => {
    await expect(packagesOf(['node_modules/lightningcss/package.json'])).rejects.toThrow(
      /^lightningcss@\S+ has licence MPL-2\.0, which is not among those/,
    );
  });
});
