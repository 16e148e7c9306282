import { readdir, readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { sambaPackages } from '../../../test/labs/samba/packages.ts';
import { sambaConfigSchema } from './config.ts';

const page = await readFile(new URL('./README.md', import.meta.url), 'utf8');
const manifests: readonly unknown[] = [...page.matchAll(/```yaml\n(.*?)```/gs)].flatMap(([, text = '']) =>
  parseAllDocuments(text).map((document) => document.toJS()),
);

/** The first manifest of a kind on the page. */
function manifest<Schema extends z.ZodType>(kind: string, schema: Schema): z.output<Schema> {
  return schema.parse(manifests.find((candidate) => z.object({ kind: z.literal(kind) }).safeParse(candidate).success));
}

test('the documented backend is one that the driver takes', () => {
  const { spec } = manifest('StorageBackend', z.object({ spec: z.object({ samba: z.unknown() }) }));
  const config = sambaConfigSchema.parse(spec.samba);
  const secret = manifest('Secret', z.object({ metadata: z.object({ name: z.string() }), stringData: z.unknown() }));
  expect(secret.metadata.name).toBe(config.credentialsSecretName);
  expect(secret.stringData).toHaveProperty('sshPrivateKey');
});

test('the documented table has every field of the configuration', () => {
  const fields = Object.keys(sambaConfigSchema.shape).filter((field) => field !== 'hosts');
  const hostFields = Object.keys(sambaConfigSchema.shape.hosts.unwrap().unwrap().shape);
  const missing = [...fields, ...hostFields].filter((field) => !new RegExp(`^\\|[^|]*[\`.]${field}\``, 'm').test(page));
  expect(missing).toEqual([]);
});

test('the documentation has what the program on the hosts finds wrong', async () => {
  const folder = new URL('../../../hosts/samba/sharenet_samba/', import.meta.url);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.py'));
  const texts = await Promise.all(files.map((name) => readFile(new URL(name, folder), 'utf8')));
  // Raised, told of a share server that is not well, warned of, or concluded from the code of a directory.
  const told =
    /(?:(?:rejected|unavailable)\(\s*|return \(|"reason": |(?:TENANT|ADMINISTRATOR|OUTAGE|shown), (?:"[A-Za-z]+", )?)"([A-Z][A-Za-z]+)"/gm;
  const reasons = new Set(texts.flatMap((text) => [...text.matchAll(told)].flatMap(([, name]) => name ?? [])));
  for (const each of [
    'DomainTrustLost',
    'ServerStarting',
    'MachineAccountLeft',
    'PasswordExpired',
    'LoginFailed',
    'JoinFailed',
  ]) {
    expect(reasons).toContain(each);
  }
  // Of requests that the driver does not make, or in words that need no more.
  const plain = [
    ...['ProtocolNotSupported', 'RequestInvalid', 'ServerIDInvalid', 'VerbUnknown', 'ShareNameInUse'],
    ...['ShareBeingRemoved', 'ShareServerBeingRemoved', 'ShareServerDiffers', 'ShareServerNotReady'],
  ];
  expect([...reasons].filter((name) => !plain.includes(name) && !page.includes(`\`${name}\``))).toEqual([]);
});

test('the documented packages, and those of the tests, are what the program asks for', async () => {
  const folder = new URL('../../../hosts/samba/sharenet_samba/', import.meta.url);
  const packagesIn = async (file: string, dictionary: RegExp): Promise<readonly string[]> => {
    const text = await readFile(new URL(file, folder), 'utf8');
    return [...text.matchAll(dictionary)].flatMap(([, body = '']) =>
      [...body.matchAll(/": "([a-z0-9-]+)"/g)].flatMap(([, name]) => name ?? []),
    );
  };
  // Debian's samba brings the one, and every system has the others.
  const brought = ['samba-common-bin', 'util-linux', 'e2fsprogs'];
  const besides = (names: readonly string[]) => names.filter((name) => !brought.includes(name));
  const always = besides(await packagesIn('host.py', /^NEEDED\w* = \{(.*?)^\}/gms));
  const withQuotas = besides(await packagesIn('quota.py', /needed = \{(.*?)\}/gs));
  expect(always).toContain('nslcd');
  expect(withQuotas).toEqual(['quota']);
  const commands = page.replaceAll(/\\\n */g, '');
  const documented = [...commands.matchAll(/^apt-get install (.*)$/gm)].flatMap(([, words = '']) => words.split(' '));
  expect([...always, ...withQuotas].filter((name) => !documented.includes(name))).toEqual([]);
  expect(always.filter((name) => !sambaPackages.packages.includes(name))).toEqual([]);
});
