import { shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { ShareNetworkSpec } from '../../../src/api/v1alpha1/share-network.ts';
import type { Stage } from '../stage.ts';
import { watchChange } from '../watch.ts';
import { DomainUser } from './domain-user.ts';
import { access } from './first-domain.ts';
import type { SambaStorage } from './samba-demo.ts';

/** The network refers to another domain: its users log in, and no share was made again. */
export async function moveToOtherDomain(
  stage: Stage,
  { hosts, client, domains: { a, b } }: SambaStorage,
): Promise<void> {
  const { screen } = stage;
  const before = await identitiesOf(stage);
  screen.say('Where the shares are, before the change:');
  const locations =
    "kubectl get shares -o custom-columns='NAME:.metadata.name,SERVER:.status.shareServerName,LOCATION:.status.exportLocations[0].path'";
  await stage.tenant(locations);
  screen.say('The tenant changes one name in the network:');
  await watchChange(stage, 'net-1', 2, async () => {
    await stage.tenant(referTo('ad-b'));
  });
  await stage.tenant(
    "kubectl wait sharenetwork/net-1 --for=jsonpath='{.status.lastNetworkChange.result}'=Succeeded --timeout=60s",
  );
  screen.say('The shares are where they were:');
  await stage.tenant(locations);
  stage.expect('the same shares at the same places', (await identitiesOf(stage)) === before);

  screen.say(
    `Bella of ${b.name} gets a rule. Bob needs none on the other share: its rule names the group "engineers", which is now ` +
      'that of the new domain, and that user is in it.',
  );
  await stage.tenant(`kubectl apply -f - <<END\n${access('projects-bella', 'projects', 'bella')}\nEND`);
  await stage.tenant("kubectl wait shareaccess/projects-bella --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get shareaccesses');
  await new DomainUser(stage, client, b, 'bella').write('projects', 'report', 'written by bella');
  await new DomainUser(stage, client, b, 'bob').write('archive', 'letter', 'written by an engineer');
  await new DomainUser(stage, client, a, 'anna').isRefused('projects', 'NT_STATUS_LOGON_FAILURE');
  screen.say(
    'Anna and Bella have the same number in their domains. Still neither owns files of the other, as their host shows:',
  );
  await showOwners(stage, hosts);
}

/** The command that makes the network use a service. */
export function referTo(service: string, more: Partial<ShareNetworkSpec> = {}): string {
  const spec = { securityServices: [{ type: 'active_directory', name: service }], ...more };
  return `kubectl patch sharenetwork net-1 --type=merge -p '${JSON.stringify({ spec })}'`;
}

async function identitiesOf(stage: Stage): Promise<string> {
  const items = await stage.list(shares);
  return JSON.stringify(
    items.map(({ metadata, status }) => [metadata.uid, status?.identifier, status?.exportLocations]),
  );
}

async function showOwners(stage: Stage, hosts: SambaStorage['hosts']): Promise<void> {
  const { status } = await stage.get(shares, 'projects');
  const serverID = status?.shareServerName ?? '';
  const command = ['find', '/srv/sharenet/servers', '-path', '*/shares/*/*', '-type', 'f', '-printf', '%f: uid %U\\n'];
  for (const { machine } of hosts) {
    const output = await machine.succeed(command);
    if (!output.includes('plan')) continue;
    stage.screen.typed('magenta', `${machine.name}#`, command.join(' '));
    stage.screen.output(output);
    const owners = [...output.matchAll(/uid (\d+)/g)].map(([, uid]) => uid);
    stage.expect(`two owners on ${serverID}`, owners.length === 2 && new Set(owners).size === 2);
    return;
  }
  stage.expect('the files of the share on one of the hosts', false);
}
