import { shareNetworks, shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import type { Stage } from '../stage.ts';
import { DomainUser } from './domain-user.ts';
import { securityService } from './first-domain.ts';
import type { SambaStorage } from './samba-demo.ts';

/** What a change would do is asked before it is made. */
export async function refuseWrongPassword(stage: Stage, { client, domains: { a, b } }: SambaStorage): Promise<void> {
  const { screen } = stage;
  const before = await stateOfServers(stage);
  screen.say(
    'The company moves to the second domain. Someone has mistyped the password; the tenant asks what would happen, which ' +
      'changes nothing. The share servers log in to the domain from where they are:',
  );
  await stage.tenant(
    `kubectl apply -f - <<END\n${securityService('ad-typo', b.name, b.address, 'not-the-password')}\nEND`,
  );
  await ask(stage, 'ad-typo');
  const { status } = await stage.get(shareNetworks, 'net-1');
  stage.expect(
    'a refusal that names domain and account',
    status?.check?.compatible === false && /b\.test: .*'joiner'/.test(status.check.message ?? ''),
  );
  screen.say('With the right password:');
  await ask(stage, 'ad-b');
  const answer = (await stage.get(shareNetworks, 'net-1')).status?.check;
  stage.expect(
    'no refusal, and what clients would notice',
    answer?.compatible === true && answer.servers?.length === 2,
  );
  stage.expect('servers as they were', (await stateOfServers(stage)) === before);
  await new DomainUser(stage, client, a, 'anna').list('projects');
}

async function ask(stage: Stage, service: string): Promise<void> {
  const value = `active_directory=${service}`;
  await stage.tenant(`kubectl annotate sharenetwork net-1 --overwrite sharenet.io/check-security-services=${value}`);
  await stage.until(shareNetworks, 'net-1', 'checked', ({ status }) => status?.check?.request === value);
  await stage.tenant(
    `kubectl get sharenetwork net-1 -o jsonpath='compatible: {.status.check.compatible} {.status.check.reason}{"\\n"}'\\
'{range .status.check.servers[*]}{.name}: {.message}{"\\n"}{end}'`,
  );
}

async function stateOfServers(stage: Stage): Promise<string> {
  const servers = await stage.list(shareServers);
  return JSON.stringify(
    servers.map(({ metadata, status }) => [
      metadata.name,
      status?.phase,
      status?.securityServices,
      status?.backendDetails,
    ]),
  );
}
