import { shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { Stage } from '../stage.ts';
import { watchChange } from '../watch.ts';

/** The security service of a network in use is replaced. */
export async function changeSecurityService(stage: Stage): Promise<void> {
  const { screen } = stage;
  screen.say('A reference to a service that does not exist is refused before anything happens:');
  const wrong = { spec: { securityServices: [{ type: 'active_directory', name: 'ad-x' }] } };
  const answer = await stage.tenantIsRefused(
    `kubectl patch sharenetwork net-1 --type=merge -p '${JSON.stringify(wrong)}'`,
  );
  stage.expect('a refusal that names the service', answer.includes('ad-x'));
  screen.say(
    'The company moves to another domain. The tenant changes one name in the share network, and the operator gives the ' +
      'new directory to every share server in use. One can watch it:',
  );
  await watchChange(stage, 'net-1', 2, async () => {
    await stage.tenant("sed 's/name: ad-a/name: ad-b/' config/samples/share-network.yaml | kubectl apply -f -");
  });
  const network = await stage.until(
    shareNetworks,
    'net-1',
    'changed',
    ({ status }) => status?.phase === 'active' && status.lastNetworkChange?.result === 'Succeeded',
  );
  screen.say('The backend details of the servers show the new domain; passwords are never in them.');
  await stage.tenant(
    `kubectl get shareservers -o jsonpath='{range .items[*]}{.metadata.name}'\\
' {.status.backendDetails.security_service_active_directory}{"\\n"}{end}'`,
  );
  screen.say('What happened, and what the driver said beforehand that clients would notice:');
  await stage.tenant('kubectl events --for sharenetwork/net-1');
  const servers = await stage.list(shareServers);
  stage.expect(
    'ad-b on the network and on both servers',
    network.status?.securityServices?.[0]?.name === 'ad-b' &&
      servers.every(
        ({ status }) =>
          status?.securityServices?.[0]?.name === 'ad-b' &&
          status.backendDetails?.security_service_active_directory?.includes('b.example.com') === true,
      ),
  );
}
