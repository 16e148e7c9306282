import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A user with a group of the same name and number. */
export interface LDAPUser {
  readonly name: string;
  readonly password: string;
  readonly uidNumber: number;
}

const sid = 'S-1-5-21-1000000001-1000000002-1000000003';

/** What Samba compares a password with: MD4 of its UTF-16, which only old libraries still compute. */
export async function ntHash(password: string): Promise<string> {
  const program = [
    'import sys',
    'from samba.credentials import Credentials',
    'credentials = Credentials()',
    'credentials.set_password(sys.stdin.read())',
    'print(credentials.get_nt_hash().hex().upper())',
  ];
  const running = promisify(execFile)('/usr/bin/python3', ['-c', program.join('\n')]);
  running.child.stdin?.end(password);
  return (await running).stdout.trim();
}

/** The entries of a directory: the account that share servers bind with, a sambaDomain, users and groups. */
export async function directoryLdif(options: {
  readonly suffix: string;
  readonly domain: string;
  readonly users: readonly LDAPUser[];
  readonly bindPassword: string;
}): Promise<string> {
  const { suffix, domain, users, bindPassword } = options;
  const label = /^dc=([^,]+)/.exec(suffix)?.[1] ?? 'test';
  const entries = [
    entry(suffix, { objectClass: ['dcObject', 'organization'], o: [label], dc: [label] }),
    entry(`ou=people,${suffix}`, { objectClass: ['organizationalUnit'], ou: ['people'] }),
    entry(`ou=groups,${suffix}`, { objectClass: ['organizationalUnit'], ou: ['groups'] }),
    entry(`cn=samba,${suffix}`, {
      objectClass: ['organizationalRole', 'simpleSecurityObject'],
      cn: ['samba'],
      userPassword: [bindPassword],
    }),
    entry(`sambaDomainName=${domain},${suffix}`, {
      objectClass: ['sambaDomain'],
      sambaDomainName: [domain],
      sambaSID: [sid],
    }),
  ];
  for (const user of users) entries.push(...(await userEntries(user, suffix)));
  return entries.join('\n');
}

async function userEntries({ name, password, uidNumber }: LDAPUser, suffix: string): Promise<readonly string[]> {
  const number = String(uidNumber);
  return [
    entry(`uid=${name},ou=people,${suffix}`, {
      objectClass: ['inetOrgPerson', 'posixAccount', 'sambaSamAccount'],
      ...{ cn: [name], sn: [name], uid: [name], uidNumber: [number], gidNumber: [number] },
      homeDirectory: ['/nonexistent'],
      sambaSID: [`${sid}-${uidNumber * 2 + 1000}`],
      sambaPrimaryGroupSID: [`${sid}-513`],
      sambaAcctFlags: ['[U          ]'],
      sambaNTPassword: [await ntHash(password)],
      sambaPwdLastSet: ['1700000000'],
    }),
    entry(`cn=${name},ou=groups,${suffix}`, {
      objectClass: ['posixGroup', 'sambaGroupMapping'],
      ...{ cn: [name], gidNumber: [number], memberUid: [name] },
      sambaSID: [`${sid}-${uidNumber * 2 + 1001}`],
      sambaGroupType: ['2'],
    }),
  ];
}

function entry(dn: string, attributes: Readonly<Record<string, readonly string[]>>): string {
  const lines = Object.entries(attributes).flatMap(([name, values]) => values.map((value) => `${name}: ${value}`));
  return `${[`dn: ${dn}`, ...lines].join('\n')}\n`;
}
