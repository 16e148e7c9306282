import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { cephCredentials, operatorCephUser } from '../../e2e/ceph/operator/ceph-backend.ts';
import { isExecutable } from '../../kube/executable.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import { cephPackages } from '../../labs/ceph/packages.ts';
import { installPackages } from '../../labs/debian-packages.ts';
import type { Stage } from '../stage.ts';
import type { Demo } from '../story.ts';
import { repairKey } from './changed-key.ts';
import { shareKeys } from './levels-and-ids.ts';
import { mountWithKey } from './real-key.ts';
import { throwClientsOut } from './thrown-out.ts';

const cephFuse = '/usr/bin/ceph-fuse';

/** Access keys for clients of a real Ceph cluster. */
export const cephfsDemo: Demo = {
  prepare: async (log) => {
    const packages = await installPackages(cephPackages, log);
    if (packages.state === 'installed') return;
    throw new Error(
      `${packages.reason}. Install its packages of ceph-mon, ceph-mgr, ceph-osd, ceph-mds and the Python bindings of ` +
        'librados and libcephfs by hand, or run `make demo` for the story without storage.',
    );
  },
  open: async (stage, log) => {
    const begin = performance.now();
    const lab = await startCeph();
    try {
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      log(`a Ceph cluster with the file system ${lab.fileSystem}: ready at ${lab.monitors.join(', ')} (${seconds} s)`);
      await createOperatorUser(stage, lab);
      log(`client.${operatorCephUser} with the capabilities of docs/cephfs.md: its key is in a Secret of the operator`);
    } catch (error) {
      await lab.stop();
      throw error;
    }
    const conf = `${lab.directory}/ceph.conf`;
    stage.export('admin', { CEPH_CONF: conf });
    return {
      chapters: [
        { title: '1. A key in a Secret, and a client that mounts with it', tell: () => mountWithKey(stage, lab) },
        { title: '2. Reading only; one id on two shares', tell: () => shareKeys(stage) },
        { title: '3. Access is taken away from who has it mounted', tell: () => throwClientsOut(stage) },
        { title: '4. A key that was changed in Ceph', tell: () => repairKey(stage) },
      ],
      invitation: [
        'kubectl explain shareaccess.spec                       # every field is described',
        '',
        `export CEPH_CONF=${conf}`,
        'ceph status                                            # it knows few modules, and says HEALTH_ERR for that',
        'ceph auth ls                                           # the users of Ceph, with keys',
        'ceph fs subvolume ls cephfs --group_name sharenet      # the shares',
        '',
        '# a mounted client with a prompt, with the Node.js of this checkout; meanwhile, delete its rule:',
        'sh tools/node/run.sh client test/demo/cephfs/client.ts results-batch',
        'kubectl delete shareaccess results-batch',
        ...((await isExecutable(cephFuse)) ? fuseMount(lab) : []),
        '',
      ],
      close: () => lab.stop(),
    };
  },
};

/** The Ceph user that the operator logs in as, with no more than it needs. */
async function createOperatorUser(stage: Stage, lab: CephLab): Promise<void> {
  const key = await lab.createUser(operatorCephUser, operatorCapabilities);
  const input = JSON.stringify(cephCredentials('ceph-sharenet', key));
  const { code, stderr } = await stage.plane.kubectl(['apply', '-f', '-'], { input });
  if (code !== 0) throw new Error(`the Secret ceph-sharenet could not be made: ${stderr}`);
}

/** Commands that mount with ceph-fuse; the lab's monitors speak version 2 of the messenger only. */
function fuseMount({ monitors, fileSystem }: CephLab): readonly string[] {
  const location = "kubectl get share scratch -o jsonpath='{.status.exportLocations[0].metadata.rootPath}'";
  return [
    '',
    "kubectl get secret scratch-viewer-access-key -o jsonpath='{.data.userKey}' | base64 -d > /tmp/viewer.key",
    'mkdir -p /tmp/scratch; ceph-fuse --no-mon-config -c /dev/null -n client.team-a-viewer --keyfile=/tmp/viewer.key \\',
    `  -m v2:${monitors.join(',v2:')} --client_fs=${fileSystem} -r "$(${location})" /tmp/scratch`,
    'ls -l /tmp/scratch; umount /tmp/scratch; rm -r /tmp/viewer.key /tmp/scratch',
  ];
}
