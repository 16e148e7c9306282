import { execFile, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type RadosRequest, radosReplySchema } from '../../../src/drivers/cephfs/rados/protocol.ts';
import { packagesOf } from '../../../tools/bundle/packages.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
const billSchema = z.object({
  components: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      purl: z.string(),
      hashes: z.array(z.object({ alg: z.string(), content: z.string() })).min(1),
      licenses: z.array(z.object({ license: z.object({ id: z.string() }) })).min(1),
    }),
  ),
});
const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      /** Not needed by those who only run it. */
      dev: z.boolean().default(false),
    }),
  ),
});
const packageSchema = z.object({ name: z.string(), version: z.string() });
/** What is delivered, by folder, with its programs. */
const deliveries = {
  operator: ['sharenet-operator.js', 'webhook-thread.js', 'rados-process.js'],
  'kubectl-sharenet': ['kubectl-sharenet'],
} as const;
const names = ['operator', 'kubectl-sharenet'] as const;
type Name = keyof typeof deliveries;

describe('what is delivered', () => {
  let folder: string;
  const bundle = (...path: readonly string[]) => join(folder, 'one', ...path);
  const text = async (...path: readonly string[]) => await readFile(bundle(...path), 'utf8');
  const make = async (name: string, from = root) =>
    await run(process.execPath, [join(from, 'tools/bundle/bundle.ts'), join(folder, name)]);
  const componentsOf = async (name: Name) => billSchema.parse(JSON.parse(await text(name, 'sbom.cdx.json'))).components;

  /** Name and version of each package with code in the programs, by the comments that the bundler puts before each module. */
  async function bundledPackages(name: Name): Promise<readonly string[]> {
    const programs = await Promise.all(deliveries[name].map((program) => text(name, program)));
    const folders = programs.flatMap((code) =>
      [...code.matchAll(/^\/\/ (node_modules\/(?:.*\/node_modules\/)?(?:@[^/]+\/)?[^/]+)\//gm)].map(
        ([, found]) => found ?? '',
      ),
    );
    const manifests = [...new Set(folders)].map((found) => readFile(join(root, found, 'package.json'), 'utf8'));
    const packages = (await Promise.all(manifests)).map((manifest) => packageSchema.parse(JSON.parse(manifest)));
    return [...new Set(packages.map((one) => `${one.name}@${one.version}`))];
  }

  /** Name and version of each package that lies beside the programs as it was installed. */
  async function nativePackages(name: Name): Promise<readonly string[]> {
    const found = await readdir(bundle(name), { recursive: true });
    const manifests = found.filter((path) => /^node_modules\/@[^/]+\/[^/]+\/package\.json$/.test(path));
    const packages = await Promise.all(
      manifests.map(async (path) => packageSchema.parse(JSON.parse(await text(name, path)))),
    );
    return packages.map((one) => `${one.name}@${one.version}`);
  }

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
      [...common, 'node_modules', 'rados-process.js', 'sharenet-operator.js', 'webhook-thread.js'].sort(),
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
      'operator/webhook-thread.js',
      'operator/rados-process.js',
      'kubectl-sharenet/kubectl-sharenet',
    ]) {
      const code = await text(program);
      expect(code, program).not.toContain(root);
      // Nor where node_modules is, when that is elsewhere.
      expect(code, program).not.toMatch(/^\/\/ (\.\.|\/)/m);
      expect(code, program).not.toMatch(
        /\.test\.ts|node_modules\/(vitest|fast-check|typescript)\/|sourceMappingURL=(?!data)/,
      );
    }
  });

  test.each(names)(
    '%s: the bill is valid by the schema of CycloneDX, which knows the names of licences',
    async (name) => {
      const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
      const bill = await text(name, 'sbom.cdx.json');
      expect(await validator.validate(bill)).toBeNull();
      expect(await validator.validate(bill.replace('"id": "MIT"', '"id": "MTI"'))).not.toBeNull();
    },
  );

  test.each(names)('%s: the bill has each package with code in it, and so have the notices', async (name) => {
    const components = await componentsOf(name);
    const listed = components.map((one) => `${one.name}@${one.version}`);
    expect(new Set(listed).size).toBe(listed.length);
    const present = [...(await bundledPackages(name)), ...(await nativePackages(name))];
    expect(present.filter((one) => !listed.includes(one))).toEqual([]);
    // The bundler leaves the comment out of some modules that only one other imports.
    expect(listed.length - present.length).toBeLessThan(6);
    const notices = await text(name, 'THIRD-PARTY-LICENSES.txt');
    expect(components.filter((one) => !notices.includes(`${one.name} ${one.version} (`))).toEqual([]);
  });

  test.each(names)(
    '%s: the bill says of each package its address, licence and digest as the lockfile does',
    async (name) => {
      const { packages } = lockSchema.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
      const pinned = Object.entries(packages).filter(([path, { dev }]) => path !== '' && !dev);
      const described = pinned.map(([path, { version, license, integrity = '' }]) => ({
        purl: `pkg:npm/${path.replace(/^.*node_modules\//, '').replace('@', '%40')}@${version}`,
        license,
        digest: Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex'),
      }));
      const unknown = (await componentsOf(name)).filter(
        ({ purl, hashes: [hash], licenses: [licence] }) =>
          !described.some(
            (one) =>
              one.purl === purl &&
              one.digest === hash?.content &&
              // The lockfile has none of packages that tell it as it was done before 2015.
              (one.license ?? licence?.license.id) === licence?.license.id,
          ),
      );
      expect(unknown).toEqual([]);
    },
  );

  test('has in the bill what the operator imports, and not what only the plugin does', async () => {
    const inBill = (await componentsOf('operator')).map(({ name }) => name);
    expect(inBill).toEqual(
      expect.arrayContaining(['@kubernetes/client-node', 'undici', 'zod', 'ssh2', 'koffi', '@koromix/koffi-linux-x64']),
    );
    expect(inBill).not.toContain('commander');
  });

  test('is the same, to the byte, when it is made elsewhere of what .dockerignore lets in', async () => {
    const checkout = join(folder, 'checkout');
    const ignore = (await readFile(join(root, '.dockerignore'), 'utf8')).split('\n');
    for (const path of ignore.flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []))) {
      const isTest = (file: string) => file.endsWith('.test.ts');
      await cp(join(root, path), join(checkout, path), { recursive: true, filter: (file) => !isTest(file) });
    }
    await symlink(join(root, 'node_modules'), join(checkout, 'node_modules'));
    await make('two', checkout);
    for (const name of names) expect(await digests(join(folder, 'two', name))).toEqual(await digests(bundle(name)));
  });

  test('may not have a package whose licence asks for more than its notice', async () => {
    await expect(packagesOf(['node_modules/lightningcss/package.json'])).rejects.toThrow(
      /^lightningcss@\S+ has licence MPL-2\.0, which is not among those/,
    );
  });
});

/** Digest of each file in a folder. */
async function digests(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const all = files.map(async (file) => [
    relative(folder, file),
    createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
  ]);
  return Object.fromEntries(await Promise.all(all));
}
