import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { printedBy } from '../../../tools/go/run-program.ts';

/** The chart as people get it. */
export const chart = join(import.meta.dirname, '../../../charts/sharenet');

/** An object of a rendered chart or kustomization. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** Values of the chart, or a part of them. */
export type Values = Readonly<Record<string, unknown>>;

/** An operator of two namespaces. */
export const namespaced: Values = { watchNamespaces: ['team-a', 'team-b'] };

/** The objects of a text of YAML documents; empty documents are left out. */
export function manifestsIn(text: string): readonly Manifest[] {
  return parseAllDocuments(text).flatMap((document): Manifest[] => {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const manifest: Manifest | null = document.toJS();
    return manifest === null ? [] : [manifest];
  });
}

/** The program helm with its own folders, for one cluster where one is given. */
export class Helm {
  /** A folder for the caller's files too. */
  readonly directory: string;
  readonly #kubeconfig: string | undefined;
  #values = 0;

  private constructor(directory: string, kubeconfig: string | undefined) {
    this.directory = directory;
    this.#kubeconfig = kubeconfig;
  }

  static async make(kubeconfig?: string): Promise<Helm> {
    return new Helm(await mkdtemp(join(tmpdir(), 'sharenet-helm-')), kubeconfig);
  }

  /** Removes its folders. */
  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Runs a command; answers what it printed. @throws with its complaint when it fails */
  async run(...args: readonly string[]): Promise<string> {
    const env = {
      ...process.env,
      KUBECONFIG: this.#kubeconfig ?? '/dev/null',
      HELM_CACHE_HOME: join(this.directory, 'cache'),
      HELM_CONFIG_HOME: join(this.directory, 'config'),
      HELM_DATA_HOME: join(this.directory, 'data'),
      NO_COLOR: '1',
    };
    return await printedBy('helm', args, { env });
  }

  /** The flags that give these values, by a file. */
  async flagsOf(values: Values): Promise<readonly string[]> {
    this.#values += 1;
    const file = join(this.directory, `values-${this.#values}.json`);
    await writeFile(file, JSON.stringify(values));
    return ['--values', file];
  }

  /** What the chart makes of these values. @throws with the complaint of the schema or the templates */
  async render(values: Values = {}, namespace = 'sharenet-system'): Promise<readonly Manifest[]> {
    return manifestsIn(
      await this.run('template', 'sharenet', chart, `--namespace=${namespace}`, ...(await this.flagsOf(values))),
    );
  }
}
