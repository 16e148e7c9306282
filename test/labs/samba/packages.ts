import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { missingPrograms, type NeededPackages, type PackageState } from '../debian-packages.ts';

const run = promisify(execFile);
const programs = [
  ...['smbd', 'winbindd', 'samba', 'samba-tool', 'smbclient', 'slapd', 'nslcd', 'sshd', 'ldbsearch'],
  ...['kinit', 'ldapadd', 'ip', 'unshare', 'nsenter'],
];

/** What file server hosts, domain controllers, an LDAP server and clients need. */
export const sambaPackages: NeededPackages = {
  what: 'Samba',
  packages: [
    ...[
      'samba',
      'winbind',
      'samba-ad-dc',
      'samba-ad-provision',
      'samba-dsdb-modules',
      'samba-vfs-modules',
      'smbclient',
    ],
    ...['python3-samba', 'ldb-tools', 'krb5-user', 'slapd', 'nslcd', 'ldap-utils', 'openssh-server', 'openssh-client'],
    ...['libnss-winbind', 'libnss-ldapd', 'iproute2', 'procps'],
  ],
  effort: 'about 60 MB and a minute',
  missing: async () => {
    const { stdout: libraries } = await run('/sbin/ldconfig', ['-p'], { timeout: 30_000 });
    const absent = ['libnss_winbind.so.2', 'libnss_ldap.so.2'].filter((name) => !libraries.includes(name));
    return [...absent, ...(await missingPrograms(programs))];
  },
  bringServices: true,
};

/** Whether this process may make what stands for machines and their network. */
export async function namespaceProblem(): Promise<PackageState> {
  const namespaces = ['--mount', '--net', '--uts', '--ipc', '--pid', '--fork', '--mount-proc'];
  const inside = [
    '/bin/sh',
    '-c',
    'ip link add name veth0 type veth peer name veth1 && ip link add name bridge0 type bridge',
  ];
  try {
    await run('/usr/bin/unshare', [...namespaces, ...inside], { timeout: 30_000 });
    return { state: 'installed' };
  } catch {
    return {
      state: 'unsupported',
      reason: 'network namespaces with veth and bridges are needed, and root to make them',
    };
  }
}
