import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { goTool } from '../go/go-tools.ts';
import { type Engine, findEngine } from './engine.ts';
import { buildImage } from './image.ts';
import { CommandError, outputOf, runCommand } from './run-command.ts';
import { applySamples, sampleNamespace } from './samples.ts';

const root = join(import.meta.dirname, '../..');
/** As in config/kind/cluster.yaml. */
const cluster = 'sharenet';
const context = `kind-${cluster}`;

/** What has to be on the PATH, with a question that shows it and where it comes from. */
const needed = [
  { program: 'kind', asks: ['version'], from: 'https://kind.sigs.k8s.io, or go install sigs.k8s.io/kind@latest' },
  { program: 'kubectl', asks: ['version', '--client'], from: 'https://kubernetes.io/docs/tasks/tools' },
] as const;

/**
 * Makes a cluster of kind if there is none, builds the image, loads it, installs the chart, applies the samples and waits for them.
 * @returns what to try next
 * @throws CommandError that names all that is missing
 */
export async function kindUp(): Promise<string> {
  const engine = await requirePrograms();
  const helm = await goTool('helm', (line) => process.stderr.write(`${line}\n`));
  const image = await buildImage({ variant: 'operator', base: process.env.NODE_IMAGE });
  const clusters = await outputOf('kind', ['get', 'clusters']);
  if (!clusters.split('\n').includes(cluster)) {
    await runCommand('kind', ['create', 'cluster', '--config', join(root, 'config/kind/cluster.yaml'), '--wait', '3m']);
  }
  await load(engine, image);
  await runCommand(helm, installArguments(image));
  await applySamples((...args) => runCommand('kubectl', ['--context', context, ...args]));
  return `the operator runs in the cluster ${cluster}: kubectl --context ${context} get sharenetworks,shares -n ${sampleNamespace}`;
}

/** Deletes the cluster. @throws CommandError */
export async function kindDown(): Promise<string> {
  await requirePrograms();
  await runCommand('kind', ['delete', 'cluster', '--name', cluster]);
  return `there is no cluster ${cluster} any more`;
}

/** Arguments of helm that install the chart with an image that is on the nodes. */
function installArguments(image: string): readonly string[] {
  const [repository = '', tag = ''] = image.split(/:(?=[^:/]*$)/);
  // Only the image that was loaded: a public registry may have someone else's by this name.
  const values = [`image.repository=${repository}`, `image.tag=${tag}`, 'image.pullPolicy=Never'];
  return [
    ...['upgrade', '--install', 'sharenet', join(root, 'charts/sharenet')],
    ...['--kube-context', context, '--namespace', 'sharenet-system', '--create-namespace'],
    ...values.flatMap((value) => ['--set', value]),
    ...['--wait', '--timeout', '3m'],
  ];
}

/** kind's own loading of images needs docker; an archive it takes from either. */
async function load(engine: Engine, image: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'sharenet-image-'));
  try {
    const archive = join(folder, 'image.tar');
    await runCommand(engine, ['save', '--output', archive, image]);
    await runCommand('kind', ['load', 'image-archive', archive, '--name', cluster]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function requirePrograms(): Promise<Engine> {
  const missing: string[] = [];
  const engine = await findEngine().catch((error: Error) => {
    missing.push(error.message);
    return undefined;
  });
  for (const { program, asks, from } of needed) {
    await outputOf(program, asks).catch((error: Error) => {
      missing.push(`${program} is needed: ${error.message}; get it from ${from}`);
    });
  }
  if (engine === undefined || missing.length > 0) throw new CommandError(missing.join('\n'));
  // kind by itself takes docker where there is the program, even if its engine does not run.
  process.env.KIND_EXPERIMENTAL_PROVIDER ??= engine;
  return engine;
}
