/**
 * Writes what is delivered: each program as one file, with the native parts, the licences and the bill of what is in it.
 *
 *   node tools/bundle/bundle.ts [folder]     default: dist
 *
 * FOLDER/operator is what the image holds, FOLDER/kubectl-sharenet what people install beside kubectl. Both need nothing but Node.js.
 */
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { noticesOf, packagesOf } from './packages.ts';
import { bundleProgram, type Program, root } from './program.ts';
import { type Delivered, softwareBill } from './software-bill.ts';

/** A folder of programs with all that they need. */
interface Delivery {
  readonly name: string;
  readonly programs: readonly Program[];
  /** Scopes of node_modules that are delivered whole. */
  readonly native: readonly string[];
}

const deliveries: readonly Delivery[] = [
  {
    name: 'operator',
    programs: [
      { file: 'sharenet-operator.js', entry: 'src/main.ts' },
      { file: 'webhook-thread.js', entry: 'src/admission/webhook-thread.ts' },
      { file: 'rados-process.js', entry: 'src/drivers/cephfs/rados/rados-process.ts' },
    ],
    native: ['node_modules/@koromix'],
  },
  {
    name: 'kubectl-sharenet',
    programs: [{ file: 'kubectl-sharenet', entry: 'src/cli/main.ts', firstLine: '#!/usr/bin/env node' }],
    native: [],
  },
];

const project = z
  .object({ name: z.string(), version: z.string(), license: z.string() })
  .parse(JSON.parse(await readFile(join(root, 'package.json'), 'utf8')));

async function deliver({ name, programs, native }: Delivery, folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const bundled = await Promise.all(programs.map(bundleProgram));
  for (const { file, code } of bundled) {
    await writeFile(join(folder, file), code);
    // Only a program that names its interpreter can be called by its name.
    if (code.startsWith('#!')) await chmod(join(folder, file), 0o755);
  }
  const copied = (await Promise.all(native.map((scope) => copyPackages(scope, folder)))).flat();
  const packages = await packagesOf([...bundled.flatMap(({ modules }) => modules), ...copied]);
  const described: Delivered = { ...project, name: name === 'operator' ? project.name : name };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ ...described, type: 'module' }, undefined, 2)}\n`);
  await writeFile(join(folder, 'THIRD-PARTY-LICENSES.txt'), noticesOf(packages));
  await writeFile(
    join(folder, 'sbom.cdx.json'),
    `${JSON.stringify(softwareBill(described, packages), undefined, 2)}\n`,
  );
  await cp(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  for (const { file, code, modules } of bundled) {
    const size = `${(code.length / 2 ** 20).toFixed(1)} MiB`;
    process.stdout.write(`${relative(process.cwd(), join(folder, file))}: ${size} of ${modules.length} modules\n`);
  }
}

/** Copies the installed packages of a scope. @returns a file of each, from the root */
async function copyPackages(scope: string, folder: string): Promise<readonly string[]> {
  const names = await readdir(join(root, scope)).catch((): readonly string[] => []);
  if (names.length === 0) throw new Error(`${scope} has no package for this platform: run 'make setup'`);
  for (const name of names) await cp(join(root, scope, name), join(folder, scope, name), { recursive: true });
  return names.map((name) => `${scope}/${name}/package.json`);
}

const target = resolve(process.argv[2] ?? join(root, 'dist'));
for (const delivery of deliveries) await deliver(delivery, join(target, delivery.name));
