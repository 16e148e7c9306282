import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { root } from './program.ts';

/** An installed package that is delivered, whole or in part. */
export interface DeliveredPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly license: string;
  /** What the package says about its licence and authors. */
  readonly licenseText: string;
  /** Subresource integrity of the package's archive, as the lockfile has it. */
  readonly integrity: string;
}

/** Licences under which others may have our bundle without conditions beyond their notices. */
const accepted: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
]);

const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  license: z.string().optional(),
  // As packages told it before 2015.
  licenses: z.array(z.object({ type: z.string() })).optional(),
  author: z.union([z.string(), z.object({ name: z.string() })]).optional(),
});

const lockSchema = z.object({ packages: z.record(z.string(), z.object({ integrity: z.string().optional() })) });

/**
 * The packages that files belong to, by name and version.
 * @param files from the root
 * @throws Error for a package whose licence is not among those that may be delivered, and for one that the lockfile does not pin
 */
export async function packagesOf(files: readonly string[]): Promise<readonly DeliveredPackage[]> {
  const folders = new Set(files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []));
  const { packages: locked } = lockSchema.parse(JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')));
  const found = await Promise.all([...folders].map((folder) => describe(folder, locked[folder]?.integrity)));
  return found.sort((a, b) => (`${a.name}@${a.version}` < `${b.name}@${b.version}` ? -1 : 1));
}

async function describe(folder: string, integrity: string | undefined): Promise<DeliveredPackage> {
  if (integrity === undefined) throw new Error(`${folder} is not in package-lock.json: run 'make setup'`);
  const text = await readFile(join(root, folder, 'package.json'), 'utf8');
  const { name, version, license: plain, licenses, author } = manifestSchema.parse(JSON.parse(text));
  const license = plain ?? licenses?.[0]?.type ?? 'none';
  if (!accepted.has(license)) {
    throw new Error(
      `${name}@${version} has licence ${license}, which is not among those in tools/bundle/packages.ts: use another package, or add it there if it may be delivered`,
    );
  }
  const file = (await readdir(join(root, folder))).find((entry) => /^(un)?licen[cs]e([.-]|$)|^copying/i.test(entry));
  const holder = typeof author === 'string' ? author : author?.name;
  const licenseText =
    file === undefined
      ? `Licence: ${license}.${holder === undefined ? '' : ` Author: ${holder}.`}`
      : (await readFile(join(root, folder, file), 'utf8')).trim();
  return { name, version, license, licenseText, integrity };
}

/** The licences of all packages as one text; packages with the same words stand together. */
export function noticesOf(packages: readonly DeliveredPackage[]): string {
  const byText = Map.groupBy(packages, ({ licenseText }) => licenseText);
  const parts = [...byText].map(([text, users]) => {
    const names = users.map(({ name, version, license }) => `${name} ${version} (${license})`);
    return `${names.join('\n')}\n\n${text}\n`;
  });
  const line = `\n${'-'.repeat(80)}\n\n`;
  return `Sharenet is delivered together with these packages.\n${line}${parts.join(line)}`;
}
