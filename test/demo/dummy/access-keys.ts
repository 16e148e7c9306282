import { shareServers, shares } from '../../../src/api/v1alpha1/resource-types.ts';
import { secrets } from '../../../src/runtime/core-types.ts';
import type { Stage } from '../stage.ts';
import type { DummyStorage } from './storage.ts';

/** From nothing to shares with access rules; the key of one of them is in a Secret. */
export async function grantAccess(stage: Stage, storage: DummyStorage): Promise<void> {
  const { screen } = stage;
  screen.say(
    'The storage administrator offers a backend. Its dummy driver keeps a believable storage system without storage; each ' +
      'call takes half a second, so that one can watch. A state folder makes it write down every call.',
  );
  await stage.admin('kubectl apply -f config/samples/storage-backend.yaml');
  await stage.admin(
    `kubectl patch storagebackend dummy --type=merge -p '{"spec":{"dummy":{"stateDirectory":"${storage.stateDirectory}"}}}'`,
  );
  await storage.untilConfigured();
  await stage.admin('kubectl wait storagebackend/dummy --for=condition=Ready --timeout=60s');

  screen.say(
    'The tenant has two Active Directory domains, their passwords in Secrets marked as credentials; a share network that ' +
      'uses the first; two shares, each on a share server of its own; and access rules for a user, a network and a cephx id.',
  );
  await stage.tenant('kubectl apply -f config/samples/security-services.yaml -f config/samples/share-network.yaml');
  await stage.tenant('kubectl apply -f config/samples/shares.yaml -f config/samples/share-accesses.yaml');
  await stage.tenant("kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get sharenetworks,shareservers,shares,shareaccesses');
  const servers = await stage.list(shareServers);
  const used = new Set((await stage.list(shares)).map(({ status }) => status?.shareServerName));
  stage.expect('two shares on two active share servers', used.size === 2 && servers.length === 2);

  screen.say(
    'The backend made a key for the cephx id. It is in the Secret that status.accessKeySecretRef names (KEY-SECRET), ' +
      'ready to be mounted with, and nowhere else. kubectl describe shows its outline:',
  );
  await stage.tenant('kubectl describe secret scratch-batch-access-key');
  const { data = {} } = await stage.get(secrets, 'scratch-batch-access-key');
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
  stage.expect(
    'the key as accessKey and userKey of user batch',
    text('userID') === 'batch' && text('userKey').length === 40 && text('userKey') === text('accessKey'),
  );
}
