import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

/** What krew accepts (krew's pkg/index/validation): the fields of a plug-in and their rules. */
const manifest = z.strictObject({
  apiVersion: z.literal('krew.googlecontainertools.github.com/v1alpha2'),
  kind: z.literal('Plugin'),
  metadata: z.strictObject({ name: z.string().regex(/^[\w-]+$/) }),
  spec: z.strictObject({
    version: z.string().regex(/^v\d+\.\d+\.\d+$/),
    shortDescription: z
      .string()
      .min(1)
      .max(50)
      .regex(/^[^\n]+[^.\n]$/),
    description: z.string().min(1),
    caveats: z.string(),
    homepage: z.url().optional(),
    platforms: z
      .array(
        z.strictObject({
          selector: z.strictObject({
            matchExpressions: z.array(
              z.strictObject({
                key: z.enum(['os', 'arch']),
                operator: z.enum(['In', 'NotIn']),
                values: z.array(z.string()),
              }),
            ),
          }),
          uri: z.url(),
          sha256: z.string().regex(/^[a-f0-9]{64}$/),
          bin: z.string().regex(/^[^/]+$/),
          files: z.array(z.strictObject({ from: z.string(), to: z.literal('.') })).min(1),
        }),
      )
      .min(1),
  }),
});

const root = join(import.meta.dirname, '../../..');

test('the manifest for krew is one when it is filled in, and names the program that kubectl looks for', async () => {
  const template = await readFile(join(root, 'krew/sharenet.yaml'), 'utf8');
  const values: Readonly<Record<string, string>> = {
    VERSION: '1.2.3',
    BASE_URL: 'https://example.com/v1.2.3',
    SHA256: '0'.repeat(64),
  };
  const filled = template.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template asks for ${name}`);
    return value;
  });
  const { metadata, spec } = manifest.parse(parse(filled));
  const [platform] = spec.platforms;
  expect(platform?.bin).toBe(`kubectl-${metadata.name}`);
  // The release packs the archive under this name, and fills in these three.
  const release = await readFile(join(root, '.github/workflows/release.yaml'), 'utf8');
  const [, archive = ''] = /-czf "dist\/(\S+\.tar\.gz)"/.exec(release) ?? [];
  expect(platform?.uri).toBe(`${values.BASE_URL}/${archive.replace('$version', '1.2.3')}`);
  expect(release).toContain(
    `envsubst '${Object.keys(values)
      .map((name) => `$${name}`)
      .join(' ')}'`,
  );
  const { engines } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  expect(spec.caveats).toContain(`Node.js ${engines.node.replace(/^>=(\d+\.\d+).*$/, '$1')} or newer`);
});
