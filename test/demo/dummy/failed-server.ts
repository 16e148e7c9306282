import { shareNetworks, shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { Stage } from '../stage.ts';
import type { DummyStorage } from './storage.ts';

/** A change fails on one of two servers, and is put right for that one. */
export async function failOneServer(stage: Stage, storage: DummyStorage): Promise<void> {
  const { screen } = stage;
  const server = (await stage.get(shares, 'projects')).status?.shareServerName ?? '';
  const other = (await stage.get(shares, 'scratch')).status?.shareServerName ?? '';
  screen.say(
    `Back to the first domain; but now it refuses one of the servers, ${server}, on which the share "projects" is. The ` +
      'dummy backend can be told to fail like that:',
  );
  await stage.admin(
    `kubectl patch storagebackend dummy --type=merge -p '{"spec":{"dummy":{"faults":[
  {"operation":"updateShareServerSecurityService","match":{"shareServer":"${server}"},"kind":"rejected",
   "message":"a.example.com refused the machine account: the quota of OU=Filers is used up"}]}}}'`,
  );
  await storage.untilConfigured();
  await stage.tenant('kubectl apply -f config/samples/share-network.yaml');
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Failed --timeout=60s",
  );
  await stage.tenant(
    "kubectl wait shareaccess/projects-alice shareaccess/projects-office --for=jsonpath='{.status.phase}'=error --timeout=60s",
  );
  screen.say(
    'The network is active again, whatever became of its servers. One server is in error, and with it the rules of its ' +
      'share; the other one has moved. The reason is in conditions, lastNetworkChange and events:',
  );
  await stage.tenant('kubectl get sharenetworks,shareservers,shareaccesses');
  await stage.tenant(
    `kubectl get sharenetwork net-1 -o jsonpath='{range .status.conditions[*]}{.type}={.status} {.reason}{"\\n"}{end}'\\
'lastNetworkChange: {.status.lastNetworkChange.result} on {.status.lastNetworkChange.failedServers}{"\\n"}'`,
  );
  screen.say('The kubectl plugin shows it as one tree:');
  await stage.tenant('kubectl sharenet status net-1');
  await stage.tenant('kubectl events --types=Warning');
  const phaseOf = async (name: string) => (await stage.get(shareServers, name)).status?.phase;
  const failed = (await stage.get(shareNetworks, 'net-1')).status;
  stage.expect(
    'the network active, one server in error, the other active',
    failed?.phase === 'active' && (await phaseOf(server)) === 'error' && (await phaseOf(other)) === 'active',
  );

  screen.say(
    'The people of the domain raise the quota: here the fault is taken out of the dummy backend. Nothing in the manifests ' +
      'was wrong, so the tenant only asks to try again, with a token of any text.',
  );
  await stage.admin(
    `kubectl patch storagebackend dummy --type=json -p '[{"op":"remove","path":"/spec/dummy/faults"}]'`,
  );
  await storage.untilConfigured();
  const before = (await storage.calls()).length;
  await stage.tenant('kubectl annotate sharenetwork net-1 sharenet.io/reapply-requested-at=quota-raised');
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Succeeded --timeout=60s",
  );
  await stage.tenant("kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get sharenetworks,shareservers,shareaccesses');

  screen.say('Only the failed server was touched. The calls that the storage system got since the token:');
  const calls = (await storage.calls()).slice(before);
  for (const { time, operation, shareServer = '', share = '', result = '' } of calls) {
    screen.note(
      `${time.slice(11, 23)}  ${operation.padEnd(38)} ${shareServer.padEnd(15)} ${share.padEnd(9)} ${result}`,
    );
  }
  stage.expect(
    `an update of ${server} and no call on ${other}`,
    calls.some(({ operation }) => operation === 'updateShareServerSecurityService') &&
      calls.every(({ shareServer }) => shareServer === server),
  );
}
