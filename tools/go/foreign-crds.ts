import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';
import { type Log, withProgress } from '../../test/kube/progress.ts';
import { madeOnce, moduleDigest } from './made-once.ts';

const module = join(import.meta.dirname, 'foreign-crds');

/** Files with the kinds that we deliver objects of, in Go modules that the go.mod beside pins. */
const files = {
  'cert-manager': {
    'github.com/cert-manager/cert-manager': [
      'deploy/crds/cert-manager.io_certificates.yaml',
      'deploy/crds/cert-manager.io_issuers.yaml',
    ],
  },
  flux: {
    'github.com/fluxcd/kustomize-controller': ['config/crd/bases/kustomize.toolkit.fluxcd.io_kustomizations.yaml'],
    'github.com/fluxcd/source-controller': ['config/crd/bases/source.toolkit.fluxcd.io_gitrepositories.yaml'],
  },
  'prometheus-operator': {
    'github.com/prometheus-operator/prometheus-operator': [
      'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
      'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
    ],
  },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/** A project whose kinds we deliver objects of. */
export type ForeignProject = keyof typeof files;

/**
 * The CRDs of a project, taken once into the cache beside the control plane's programs.
 *
 * @returns the absolute path of a folder of YAML files
 * @throws when there is no Go, or with its complaint when a module can't be had or is not the one that go.sum pins
 */
export async function foreignCrds(project: ForeignProject, log: Log): Promise<string> {
  const all = await madeOnce(
    {
      directory: `foreign-crds-${await moduleDigest(module, JSON.stringify(files))}`,
      name: 'all',
      isThere: existsSync,
      make: async (target) =>
        await withProgress(
          log,
          "fetching other projects' CRDs (once, about 10 MB)",
          () => 'fetching',
          () => copyAll(target),
        ),
    },
    log,
  );
  return join(all, project);
}

async function copyAll(target: string): Promise<void> {
  const versions = await requiredVersions();
  for (const [project, modules] of Object.entries(files)) {
    await mkdir(join(target, project), { recursive: true });
    for (const [path, paths] of Object.entries<readonly string[]>(modules)) {
      const source = await downloaded(`${path}@${versions.get(path) ?? 'missing'}`);
      for (const file of paths) await copyFile(join(source, file), join(target, project, basename(file)));
    }
  }
}

/** Modules of the go.mod with their versions. */
async function requiredVersions(): Promise<ReadonlyMap<string, string>> {
  const schema = z.object({ Require: z.array(z.object({ Path: z.string(), Version: z.string() })) });
  const { Require } = schema.parse(JSON.parse(await go('mod', 'edit', '-json')));
  return new Map(Require.map(({ Path, Version }) => [Path, Version]));
}

/** The folder of a module's files. */
async function downloaded(version: string): Promise<string> {
  const text = await go('mod', 'download', '-json', version);
  return z.object({ Dir: z.string() }).parse(JSON.parse(text)).Dir;
}

async function go(...args: readonly string[]): Promise<string> {
  // A workspace or flags of the machine must not change what is fetched.
  const env = { ...process.env, GOWORK: 'off', GOFLAGS: '' };
  try {
    return (await promisify(execFile)('go', args, { cwd: module, env })).stdout;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ('code' in error && error.code === 'ENOENT') throw new Error('there is no Go on this machine', { cause: error });
    // It tells some complaints as JSON on its standard output; the message has those of its standard error.
    const told = 'stdout' in error ? String(error.stdout) : '';
    throw new Error(`${error.message.trim()} ${told.trim()} (in tools/go/foreign-crds)`, { cause: error });
  }
}
