import { secrets } from '../../../src/runtime/core-types.ts';
import type { Stage } from '../stage.ts';
import { StoryClient } from './story-client.ts';

/** Someone changes a key in Ceph; the operator puts the Secret right. */
export async function repairKey(stage: Stage): Promise<void> {
  const { screen } = stage;
  screen.say('Someone gives the id another key, in Ceph itself and without the operator:');
  await stage.admin(
    `keyring=$(ceph auth export client.team-a-batch 2>/dev/null)
echo "$keyring" | sed "s|key = .*|key = $(ceph-authtool --gen-print-key)|" | ceph auth import -i -`,
  );
  screen.say('What is in the Secret is of no use now:');
  const old = await StoryClient.of(stage, 'results-batch');
  await old.mountIsRefused();
  screen.say(
    'The operator checks every share every ten hours and finds that. To check at once, set the annotation to a new text:',
  );
  await stage.tenant('kubectl annotate share results sharenet.io/reconcile-requested-at=key-changed');
  await stage.tenant(
    "kubectl wait share/results --for=jsonpath='{.status.lastHandledReconcileAt}'=key-changed --timeout=60s",
  );
  await stage.until(
    secrets,
    'results-batch-access-key',
    'of the new key',
    ({ data }) => Buffer.from(data?.userKey ?? '', 'base64').toString() !== old.key,
  );
  await stage.tenant("kubectl wait shareaccess/results-batch --for=jsonpath='{.status.phase}'=active --timeout=60s");
  const batch = await StoryClient.of(stage, 'results-batch');
  await batch.mount();
  stage.expect('the data of before', (await batch.run('read /figures')) === '43');
  await batch.unmount();
}
