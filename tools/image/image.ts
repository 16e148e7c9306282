import { join } from 'node:path';
import { version } from '../../src/version.ts';
import { findEngine } from './engine.ts';
import { localBase } from './local-base.ts';
import { outputOf, runCommand } from './run-command.ts';

const root = join(import.meta.dirname, '../..');

/** Stages of the Dockerfile that are images for use. */
export const variants = ['operator', 'librados'] as const;
export type Variant = (typeof variants)[number];

/** Name of an image of this version. */
function imageName(variant: Variant): string {
  return `sharenet-operator:${version}${variant === 'operator' ? '' : `-${variant}`}`;
}

/** What an image is built with. */
export interface ImageOptions {
  readonly variant: Variant;
  /** Image with Node.js in place of the Dockerfile's; `local`: one made from this machine's Debian. */
  readonly base: string | undefined;
}

/** Builds an image with the engine that is there. @returns its name @throws CommandError */
export async function buildImage({ variant, base }: ImageOptions): Promise<string> {
  const local = base === 'local';
  const engine = await findEngine(local ? ['podman'] : undefined);
  const { image, args } = local ? await localBase() : { image: base, args: [] };
  // podman knows what has no registry in its name by this one.
  const name = `${engine === 'podman' ? 'localhost/' : ''}${imageName(variant)}`;
  const baseArgument = image === undefined ? [] : ['--build-arg', `NODE_IMAGE=${image}`];
  const labels = await imageLabels();
  await runCommand(engine, ['build', '--tag', name, '--target', variant, ...labels, ...baseArgument, ...args, root]);
  return name;
}

/** Arguments that say which version, and which commit where that is known, an image was built from. */
async function imageLabels(): Promise<readonly string[]> {
  const labels = [`version=${version}`];
  const commit = await outputOf('git', ['-C', root, 'rev-parse', 'HEAD']).catch(() => undefined);
  if (commit !== undefined) labels.push(`revision=${commit}`);
  return labels.flatMap((label) => ['--label', `org.opencontainers.image.${label}`]);
}
