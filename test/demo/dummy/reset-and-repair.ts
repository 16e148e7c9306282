import { shareAccesses } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { Stage } from '../stage.ts';

const maintenance =
  'kubectl patch sharenetwork net-1 --subresource=status --type=merge -p \'{"status":{"phase":"network_change"}}\'';

/** An administrator sets a status by hand; a Secret that was deleted by mistake comes back. */
export async function resetAndRepair(stage: Stage): Promise<void> {
  const { screen } = stage;
  screen.say(
    'The storage administrator needs the network to stand still and sets its phase by hand. A tenant may not do that.',
  );
  await stage.tenantIsRefused(maintenance);
  await stage.admin(maintenance);
  screen.say('Meanwhile the tenant makes a rule writable. It waits, and says why:');
  await stage.tenant(`kubectl patch shareaccess projects-office --type=merge -p '{"spec":{"accessLevel":"rw"}}'`);
  await stage.until(
    shareAccesses,
    'projects-office',
    'waiting with a reason',
    ({ status }) => status?.conditions?.some(({ reason }) => reason === 'ShareNetworkNotActive') === true,
  );
  await stage.tenant('kubectl get shareaccess projects-office -o wide');
  screen.say('The network is released with the kubectl plugin, and the rule resumes. Both resets are on record.');
  await stage.admin('kubectl sharenet reset-status sharenetwork net-1 --to active');
  await stage.tenant(
    "kubectl wait shareaccess/projects-office --for=jsonpath='{.status.accessLevel}'=rw --timeout=60s",
  );
  await stage.tenant('kubectl events --for sharenetwork/net-1 --types=Warning | grep -e REASON -e StatusReset');

  screen.say(
    'Someone deletes the Secret with the key. The operator gets the key from the backend again and restores it.',
  );
  const before = await stage.get(secrets, 'scratch-batch-access-key');
  await stage.tenant('kubectl delete secret scratch-batch-access-key');
  await stage.tenant('kubectl wait secret/scratch-batch-access-key --for=create --timeout=60s');
  await stage.tenant('kubectl get secret scratch-batch-access-key');
  const after = await stage.get(secrets, 'scratch-batch-access-key');
  stage.expect(
    'another Secret with the same key',
    after.metadata.uid !== before.metadata.uid && after.data?.userKey === before.data?.userKey,
  );
  screen.say('It holds the same key as before: clients that have mounted the share notice nothing.');
}
