import { type Command, Option } from 'commander';
import { shareAccesses, shares } from '../../api/v1alpha1/resource-types.ts';
import { staticVolumeOf } from '../access/persistent-volume.ts';
import { connected, type Environment } from '../environment.ts';
import { objectName } from '../object-reference.ts';
import { type DataFormat, dataFormats, printData } from '../output/data-output.ts';

interface Options {
  readonly claim?: string;
  readonly output: DataFormat;
}

/** Adds `access volume`. */
export function addAccessVolume(access: Command, environment: Environment): void {
  access
    .command('volume')
    .summary('print a volume for Pods')
    .description(
      'Prints a PersistentVolume of ceph-csi, and the claim that it is kept for, for the share of an active cephx rule. Nothing is applied, and no Secret is read.',
    )
    .argument('<rule>', 'name of a ShareAccess')
    .option('--claim <name>', "name of the PersistentVolumeClaim; else the share's")
    .addOption(new Option('-o, --output <format>', 'how to print it').choices(dataFormats).default('yaml'))
    .addHelpText(
      'after',
      `
Examples:
  kubectl sharenet access volume scratch-batch -n team-a
  kubectl sharenet access volume scratch-batch --claim data | kubectl apply -f -`,
    )
    .action(async (word: string, { claim, output }: Options, command: Command) => {
      const name = objectName(word.replace(/^(?:shareaccess(?:es)?|sha)\//, ''));
      const claimName = claim === undefined ? undefined : objectName(claim);
      await connected(environment, command, async ({ client, namespace }) => {
        const rule = await client.get(shareAccesses, { namespace, name });
        const share = await client.get(shares, { namespace, name: rule.spec.shareName });
        const { persistentVolume, persistentVolumeClaim } = staticVolumeOf(
          share,
          rule,
          claimName ?? share.metadata.name,
        );
        const items = [persistentVolume, persistentVolumeClaim];
        printData(environment.terminal, output, { apiVersion: 'v1', kind: 'List', items });
      });
    });
}
