import type { Stage } from '../stage.ts';
import { StoryClient } from './story-client.ts';

/** A client that may only read, and one id that has two shares. */
export async function shareKeys(stage: Stage): Promise<void> {
  const { screen } = stage;
  screen.say(
    'Someone else may read the share and not write. And a second share is for the same id as the first: it has one key then.',
  );
  await stage.tenant(`kubectl apply -f - <<'END'
apiVersion: sharenet.io/v1alpha1
kind: ShareAccess
metadata: {name: scratch-viewer}
spec: {shareName: scratch, accessType: cephx, accessTo: team-a-viewer, accessLevel: ro}
---
apiVersion: sharenet.io/v1alpha1
kind: Share
metadata: {name: results}
spec: {protocol: CEPHFS, size: 64Mi, backendName: ceph}
---
apiVersion: sharenet.io/v1alpha1
kind: ShareAccess
metadata: {name: results-batch}
spec: {shareName: results, accessType: cephx, accessTo: team-a-batch, accessLevel: rw}
END`);
  await stage.tenant("kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s");
  const viewer = await StoryClient.of(stage, 'scratch-viewer');
  await viewer.mount();
  stage.expect('the viewer reads what was written', (await viewer.run('read /report')) === 'first line');
  await viewer.isRefused('write /report changed');
  await viewer.unmount();

  const [scratch, results] = [
    await StoryClient.of(stage, 'scratch-batch'),
    await StoryClient.of(stage, 'results-batch'),
  ];
  stage.expect('one key for one id', scratch.key === results.key && scratch.key !== viewer.key);
  await results.mount();
  await results.run('write /figures 42');
  await results.unmount();
  screen.say('No client gets beyond its shares. A path above them is refused, whatever the key:');
  await results.mountIsRefused('/volumes/sharenet');
}
