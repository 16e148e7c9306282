import { shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { CephLab } from '../../labs/ceph/ceph-lab.ts';
import type { Stage } from '../stage.ts';
import { StoryClient } from './story-client.ts';

/** From nothing to a client that writes with the key in a Secret. */
export async function mountWithKey(stage: Stage, { monitors, fileSystem }: CephLab): Promise<void> {
  const { screen } = stage;
  screen.say(
    'The storage administrator offers the file system. The operator needs no ceph.conf: where the monitors are is here, the ' +
      'key of its Ceph user in the Secret "ceph-sharenet" beside it.',
  );
  await stage.admin(`kubectl apply -f - <<'END'
apiVersion: sharenet.io/v1alpha1
kind: StorageBackend
metadata: {name: ceph}
spec:
  driver: cephfs
  cephfs:
    monitors: ${JSON.stringify(monitors)}
    user: sharenet
    credentialsSecretName: ceph-sharenet
    fsName: ${fileSystem}
END`);
  await stage.untilBackendConfigured('ceph');
  await stage.admin('kubectl wait storagebackend/ceph --for=condition=Ready --timeout=60s');
  await stage.admin('kubectl get storagebackends');

  screen.say('The tenant orders a share, and access to it for the cephx id "team-a-batch". That is all they write:');
  await stage.tenant(`kubectl apply -f - <<'END'
apiVersion: sharenet.io/v1alpha1
kind: Share
metadata: {name: scratch}
spec: {protocol: CEPHFS, size: 64Mi, backendName: ceph}
---
apiVersion: sharenet.io/v1alpha1
kind: ShareAccess
metadata: {name: scratch-batch}
spec: {shareName: scratch, accessType: cephx, accessTo: team-a-batch, accessLevel: rw}
END`);
  await stage.tenant("kubectl wait shareaccess/scratch-batch --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get shares,shareaccesses');
  screen.say('What a client needs is in two places: the export location of the share, and the Secret of the rule.');
  await stage.tenant(
    `kubectl get share scratch -o jsonpath='{range .status.exportLocations[0].metadata}{.monitors}{"\\n"}{.fsName}{"\\n"}{.rootPath}{"\\n"}{end}'`,
  );
  await stage.tenant('kubectl describe secret scratch-batch-access-key');

  screen.say('A CephFS client mounts with exactly these, and works. Its df shows the size of the share:');
  const batch = await StoryClient.of(stage, 'scratch-batch');
  await batch.mount();
  await batch.run('write /report first line');
  const read = await batch.run('read /report');
  const size = await batch.run('df');
  const { status } = await stage.get(shares, 'scratch');
  stage.expect('what was written, on a file system of 64 MiB', read === 'first line' && size.startsWith('64 MiB'));
  stage.expect('the share with its size', status?.size === '64Mi');
  await batch.unmount();
}
