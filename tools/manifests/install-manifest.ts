import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { printedBy } from '../go/run-program.ts';

const root = join(import.meta.dirname, '../..');
const config = join(root, 'config');

/** Where what is made for people goes; git ignores it. */
export const distDirectory = join(root, 'dist');

/** The name that config/ gives to the image. */
const imageName = 'sharenet-operator';

/**
 * What `kustomize build` prints.
 *
 * @param directory a folder with a kustomization, absolute or below config/
 * @throws with what kustomize said
 */
export async function kustomize(directory: string): Promise<string> {
  return await printedBy('kustomize', ['build', directory], { cwd: config });
}

/** What {@link installManifest} stamps in. */
export interface Stamp {
  /** For the label `app.kubernetes.io/version`, and the image's tag where {@link image} has none. */
  readonly version: string;
  /** `name`, `name:tag` or `name@digest` as a container runtime takes it; by default the name of config/. */
  readonly image?: string;
}

/**
 * All of config/default in one text, with version and image stamped in.
 *
 * @throws when the image is none
 */
export async function installManifest({ version, image = imageName }: Stamp): Promise<string> {
  await mkdir(distDirectory, { recursive: true });
  // In the checkout, since kustomize takes a base by a relative path only.
  const overlay = await mkdtemp(join(distDirectory, '.overlay-'));
  try {
    const kustomization = {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: ['../../config/default'],
      images: [{ name: imageName, ...imageParts(image, version) }],
      labels: [{ pairs: { 'app.kubernetes.io/version': version }, includeTemplates: true }],
    };
    await writeFile(join(overlay, 'kustomization.yaml'), stringify(kustomization));
    const objects = await kustomize(overlay);
    return `# Sharenet ${version}: kinds, rights, operator, webhook, network policies. Made by \`make manifests\` from config/default.\n${objects}`;
  } finally {
    await rm(overlay, { recursive: true, force: true });
  }
}

/** An image as kustomize takes it. */
function imageParts(image: string, version: string): object {
  const parts =
    /^((?:[a-z0-9][\w.-]*(?::\d+)?\/)?[a-z0-9][\w./-]*)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/.exec(image);
  if (parts === null) {
    throw new Error(`${JSON.stringify(image)} is not an image: write name, name:tag or name@sha256:digest`);
  }
  const [, newName, tag, digest] = parts;
  return digest === undefined ? { newName, newTag: tag ?? version } : { newName, digest };
}
