import { shareServers } from '../../../src/api/v1alpha1/resource-types.ts';
import { hostConfigOf } from '../../e2e/samba/driver/test-hosts.ts';
import type { Stage } from '../stage.ts';
import { DomainUser } from './domain-user.ts';
import type { SambaStorage } from './samba-demo.ts';

/** From nothing to a user of the domain who writes. */
export async function joinDomain(stage: Stage, { hosts, client, domains: { a, b } }: SambaStorage): Promise<void> {
  const { screen } = stage;
  screen.say(
    'The storage administrator offers two file server hosts. The operator reaches them over SSH; the key, in the Secret ' +
      '"filers-ssh" beside it, lets it run one program there and nothing else. Each share gets a Samba of its own.',
  );
  await stage.admin(`kubectl apply -f - <<'END'
apiVersion: sharenet.io/v1alpha1
kind: StorageBackend
metadata: {name: filers}
spec:
  driver: samba
  maxSharesPerShareServer: 1
  samba:
    credentialsSecretName: filers-ssh
    hosts:
${hosts.map((host) => `    - ${flowMapping(hostConfigOf(host))}`).join('\n')}
END`);
  await stage.untilBackendConfigured('filers');
  await stage.admin('kubectl wait storagebackend/filers --for=condition=Ready --timeout=60s');
  await stage.admin('kubectl get storagebackends');

  screen.say(
    `The tenant's company has two Active Directory domains, ${a.name} and ${b.name}. In each there is an account ` +
      '"joiner" that may make computer accounts in one organizational unit; the passwords are in Secrets. The share network ' +
      'uses the first domain. Anna may write on one share, and the group "engineers" on the other.',
  );
  await stage.tenant(`kubectl apply -f - <<END
${securityService('ad-a', a.name, a.address, '$A_PASSWORD')}
---
${securityService('ad-b', b.name, b.address, '$B_PASSWORD')}
---
apiVersion: sharenet.io/v1alpha1
kind: ShareNetwork
metadata: {name: net-1}
spec:
  securityServices: [{type: active_directory, name: ad-a}]
  subnets:
    - {name: default, networkType: flat, cidr: 10.77.0.0/24, allocationRanges: [10.77.0.100-10.77.0.199]}
END`);
  await stage.tenant(`kubectl apply -f - <<END
${share('projects')}
---
${share('archive')}
---
${access('projects-anna', 'projects', 'anna')}
---
${access('archive-engineers', 'archive', 'engineers')}
END`);
  await stage.tenant("kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s");
  await stage.tenant('kubectl get sharenetworks,shareservers,shares,shareaccesses');
  const servers = await stage.list(shareServers);
  const used = new Set(servers.map(({ status }) => status?.identifier?.split('/')[0]));
  stage.expect('a share server on each host', servers.length === 2 && used.size === 2);

  screen.say('Each has joined the domain, with a computer account of its own:');
  screen.typed('magenta', `${a.controller.name}#`, 'samba-tool computer list');
  screen.output(await a.controller.succeed(['samba-tool', 'computer', 'list']));
  screen.say(
    'Anna, at a computer in the same network, writes with her password of the domain. Alice of the same domain ' +
      'has no rule:',
  );
  await new DomainUser(stage, client, a, 'anna').write('projects', 'plan', 'written by anna');
  await new DomainUser(stage, client, a, 'alice').isRefused('projects', 'NT_STATUS_ACCESS_DENIED');
}

function flowMapping(fields: Readonly<Record<string, unknown>>): string {
  return `{${Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}`)
    .join(', ')}}`;
}

/** Manifests of a service and its Secret; the password may be a variable of the shell. */
export function securityService(name: string, domain: string, dnsIP: string, password: string): string {
  return `apiVersion: v1
kind: Secret
metadata: {name: ${name}-password, labels: {sharenet.io/credentials: "true"}}
stringData: {password: "${password}"}
---
apiVersion: sharenet.io/v1alpha1
kind: SecurityService
metadata: {name: ${name}}
spec:
  type: active_directory
  domain: ${domain}
  dnsIPs: [${dnsIP}]
  user: joiner
  ou: OU=Servers
  passwordSecretRef: {name: ${name}-password}`;
}

function share(name: string): string {
  return `apiVersion: sharenet.io/v1alpha1
kind: Share
metadata: {name: ${name}}
spec: {protocol: CIFS, size: 64Mi, shareNetworkName: net-1, backendName: filers}`;
}

/** Manifest of a rule for a user or a group. */
export function access(name: string, shareName: string, to: string): string {
  return `apiVersion: sharenet.io/v1alpha1
kind: ShareAccess
metadata: {name: ${name}}
spec: {shareName: ${shareName}, accessType: user, accessTo: ${to}, accessLevel: rw}`;
}
