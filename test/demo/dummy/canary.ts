import { shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { Stage } from '../stage.ts';
import type { DummyStorage } from './storage.ts';

/** A change that goes server by server stops after its first failure, and is finished later. */
export async function stopAfterFirstFailure(stage: Stage, storage: DummyStorage): Promise<void> {
  const { screen } = stage;
  screen.say(
    'To be careful, a network can change one server at a time and stop at the first failure. The password in the Secret of ' +
      'the second domain is out of date (here: a fault of the dummy backend), so the first server will fail:',
  );
  await stage.admin(
    `kubectl patch storagebackend dummy --type=merge -p '{"spec":{"dummy":{"faults":[
  {"operation":"updateShareServerSecurityService","match":{"securityService":"ad-b"},"kind":"rejected",
   "message":"b.example.com refused the account joiner: the password has expired"}]}}}'`,
  );
  await storage.untilConfigured();
  await stage.tenant(
    `kubectl patch sharenetwork net-1 --type=merge -p '{"spec":{
  "securityServiceChange":{"maxConcurrentServers":1,"maxFailures":1},
  "securityServices":[{"type":"active_directory","name":"ad-b"}]}}'`,
  );
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Failed --timeout=60s",
  );
  const outcome =
    "kubectl get shareservers -o custom-columns='NAME:.metadata.name,PHASE:.status.phase,'\\\n" +
    "'SERVICE:.status.securityServices[*].name,LAST CHANGE:.status.lastNetworkChange.result'";
  await stage.tenant(outcome);
  const results = (await stage.list(shareServers)).map(({ status }) => status?.lastNetworkChange?.result);
  stage.expect('one server failed, one not attempted', results.sort().join() === 'Failed,NotAttempted');

  screen.say(
    'One server is in error, the other one was left alone and serves on with its old domain. The tenant puts the new ' +
      'password into the Secret, which the domain now takes, and asks again:',
  );
  await stage.admin(
    `kubectl patch storagebackend dummy --type=json -p '[{"op":"remove","path":"/spec/dummy/faults"}]'`,
  );
  await storage.untilConfigured();
  await stage.tenant(`kubectl patch secret ad-b-password -p '{"stringData":{"password":"the-new-password"}}'`);
  await stage.tenant('kubectl annotate sharenetwork net-1 sharenet.io/reapply-requested-at=new-password --overwrite');
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Succeeded --timeout=60s",
  );
  await stage.tenant("kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant(outcome);
  const network = await stage.get(shareNetworks, 'net-1');
  const servers = await stage.list(shareServers);
  stage.expect(
    'both servers with ad-b on an active network',
    network.status?.phase === 'active' &&
      servers.every(({ status }) => status?.phase === 'active' && status.securityServices?.[0]?.name === 'ad-b'),
  );
}
