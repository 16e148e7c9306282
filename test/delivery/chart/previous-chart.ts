import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { chart } from './helm.ts';

/** What only the previous chart has, and what only the present one. */
export const onlyBefore = 'configmap/sharenet-previous';
export const onlyNow = ['networkpolicy.networking.k8s.io/sharenet-operator', 'service/sharenet-metrics'];

/** Place of a field of ShareNetwork that the previous chart's kinds do not know. */
export const newField = '.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.description';

/**
 * A chart as the one before this could have been, as there is no release yet: an older version, kinds that lack an optional field, an
 * object that is gone now, and without some that came.
 * @returns its folder
 */
export async function previousChart(directory: string): Promise<string> {
  const folder = join(directory, 'previous', 'sharenet');
  await cp(chart, folder, { recursive: true });
  const change = async (file: string, edit: (text: string) => string): Promise<void> => {
    const text = await readFile(join(folder, file), 'utf8');
    const changed = edit(text);
    if (changed === text) throw new Error(`${file} of the previous chart would be that of the present one`);
    await writeFile(join(folder, file), changed);
  };
  await change('Chart.yaml', (text) => text.replaceAll(/^(version|appVersion): .*$/gm, '$1: 0.0.9'));
  await change('files/crds/sharenet.io_sharenetworks.yaml', (text) => {
    const definition = parse(text);
    delete definition.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.description;
    return stringify(definition, { aliasDuplicateObjects: false });
  });
  await rm(join(folder, 'templates/network-policies.yaml'));
  await rm(join(folder, 'templates/metrics.yaml'));
  const metadata = '{name: sharenet-previous, labels: {app.kubernetes.io/managed-by: Helm}}';
  await writeFile(join(folder, 'templates/previous.yaml'), `apiVersion: v1\nkind: ConfigMap\nmetadata: ${metadata}\n`);
  return folder;
}
