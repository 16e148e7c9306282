import { credentialsOf } from '../../e2e/samba/driver/test-hosts.ts';
import { type ActiveDirectoryLab, startActiveDirectory } from '../../labs/ad/ad-lab.ts';
import type { TestDomain } from '../../labs/ad/domain.ts';
import { installPackages } from '../../labs/debian-packages.ts';
import { namespaceProblem, sambaPackages } from '../../labs/samba/packages.ts';
import { type SambaHostLab, startSambaHosts } from '../../labs/samba-host/samba-host.ts';
import type { Stage } from '../stage.ts';
import type { Demo } from '../story.ts';
import { changePassword } from './changed-password.ts';
import { joinDomain } from './first-domain.ts';
import { moveToOtherDomain, referTo } from './other-domain.ts';
import { loseDomainController } from './stopped-controller.ts';
import { refuseWrongPassword } from './wrong-password.ts';

/** Where the story takes place: file server hosts and a client, and the domains on the same network. */
export interface SambaStorage extends Pick<SambaHostLab, 'hosts' | 'client'> {
  readonly domains: Pick<ActiveDirectoryLab, 'a' | 'b'>;
}

/** File servers that move from one real domain to another while they are in use. */
export const sambaDemo: Demo = {
  prepare: async (log) => {
    const packages = await installPackages(sambaPackages, log);
    const state = packages.state === 'installed' ? await namespaceProblem() : packages;
    if (state.state === 'installed') return;
    throw new Error(`${state.reason}. \`make demo\` tells a story without storage, as any user.`);
  },
  open: async (stage, log) => {
    const directories = await startActiveDirectory();
    let hosts: SambaHostLab | undefined;
    const close = async (): Promise<void> => {
      await hosts?.stop();
      await directories.stop();
    };
    try {
      const { a, b, segment } = directories;
      log(`domains ${a.name} and ${b.name}: a domain controller each, at ${a.address} and ${b.address}`);
      hosts = await startSambaHosts({ segment, hosts: 2 });
      log(`${hosts.hosts.map(({ machine }) => machine.name).join(' and ')}: file server hosts with an SSH server each`);
      await createSSHSecret(stage, hosts);
      // The audience sees no password: what is typed names these variables.
      stage.export('tenant', { A_PASSWORD: a.password('joiner'), B_PASSWORD: b.password('joiner') });
      const storage: SambaStorage = { hosts: hosts.hosts, client: hosts.client, domains: { a, b } };
      return {
        chapters: [
          { title: '1. File servers in a real domain', tell: () => joinDomain(stage, storage) },
          { title: '2. A wrong password is found beforehand', tell: () => refuseWrongPassword(stage, storage) },
          { title: '3. Another domain for servers in use', tell: () => moveToOtherDomain(stage, storage) },
          { title: '4. A new password', tell: () => changePassword(stage, storage) },
          { title: '5. A domain controller stops in mid-change', tell: () => loseDomainController(stage, storage) },
        ],
        invitation: invitationTo(storage),
        close,
      };
    } catch (error) {
      await close();
      throw error;
    }
  },
};

/** The private keys that let the operator in to the hosts. */
async function createSSHSecret(stage: Stage, hosts: SambaHostLab): Promise<void> {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: 'sharenet-system', name: 'filers-ssh', labels: { 'sharenet.io/credentials': 'true' } },
    stringData: credentialsOf(hosts),
  };
  const { code, stderr } = await stage.plane.kubectl(['apply', '-f', '-'], { input: JSON.stringify(secret) });
  if (code !== 0) throw new Error(`the Secret filers-ssh could not be made: ${stderr}`);
}

/** Commands of users of both domains, and of whom wants to look behind the scenes. */
function invitationTo({ hosts, client, domains: { a, b } }: SambaStorage): readonly string[] {
  const login = (domain: TestDomain, user: string): string =>
    `PASSWD='${domain.password(user)}' $client -U '${domain.netbiosName}\\${user}' "$location"`;
  const path = "jsonpath='{.status.exportLocations[0].path}'";
  return [
    'kubectl explain sharenetwork.spec                      # every field is described',
    '',
    '# as root, whom the machines belong to; the domains are for this demo alone:',
    `client="nsenter --net=${client.machine.namespace} smbclient --use-kerberos=off"`,
    `location=$(kubectl get share projects -o ${path})`,
    `${login(a, 'anna')} -c ls`,
    '',
    `# to the other domain; anna and alice are of ${a.name}, bella and bob of ${b.name}:`,
    referTo('ad-b'),
    'kubectl get shareservers --watch                       # until both are active',
    `${login(b, 'bella')}    # a prompt; meanwhile, delete her rule:`,
    'kubectl delete shareaccess projects-bella',
    '',
    ...hosts.map(
      ({ machine, root }) => `ls -ln ${machine.file(root)}/servers/*/shares/*    # files of ${machine.name}`,
    ),
    '',
  ];
}
