import { createHash } from 'node:crypto';
import type { DeliveredPackage } from './packages.ts';

/** What is described. */
export interface Delivered {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * The software bill of materials in CycloneDX 1.5. It lists what code was taken from, which no scanner can find in a bundle, and
 * nothing that is only installed. The same bundle has the same bill.
 */
export function softwareBill({ name, version, license }: Delivered, packages: readonly DeliveredPackage[]): object {
  const reference = purl({ name, version });
  const components = packages.map((one) => ({
    type: 'library',
    'bom-ref': purl(one),
    name: one.name,
    version: one.version,
    purl: purl(one),
    hashes: hashesOf(one.integrity),
    licenses: [{ license: { id: one.license } }],
  }));
  const digest = createHash('sha256')
    .update(JSON.stringify([reference, components]))
    .digest('hex');
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      lifecycles: [{ phase: 'build' }],
      component: {
        type: 'application',
        'bom-ref': reference,
        name,
        version,
        purl: reference,
        licenses: [{ license: { id: license } }],
      },
    },
    components,
    dependencies: [
      { ref: reference, dependsOn: components.map(({ purl: ref }) => ref) },
      ...components.map(({ purl: ref }) => ({ ref })),
    ],
  };
}

/** A package's address in the form that scanners know. */
function purl({ name, version }: { readonly name: string; readonly version: string }): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** `sha512-<base64>` as CycloneDX has it. */
function hashesOf(integrity: string): readonly object[] {
  return integrity.split(/\s+/).flatMap((one) => {
    const [, bits, digest] = /^sha(256|384|512)-(.+)$/.exec(one) ?? [];
    return digest === undefined ? [] : [{ alg: `SHA-${bits}`, content: Buffer.from(digest, 'base64').toString('hex') }];
  });
}

/** A UUID of version 8, whose bits are those of a digest. */
function uuidOf(digest: string): string {
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
