import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../faults/eventually.ts';
import type { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { Machine, type Segment } from '../machine/machine.ts';
import { fromTemplate } from '../machine/template.ts';

/** What is in a domain of the lab. */
export interface DomainOptions {
  /** DNS name, such as `a.test`. */
  readonly name: string;
  readonly netbiosName: string;
  /** Of the domain controller and name server, with the prefix length. */
  readonly address: string;
  readonly users: readonly { readonly name: string; readonly password: string }[];
  readonly groups: readonly { readonly name: string; readonly members: readonly string[] }[];
  readonly organizationalUnits: readonly string[];
  /** Users that may handle computer accounts in their organizational unit, and nothing else. */
  readonly joinAccounts: readonly {
    readonly name: string;
    readonly password: string;
    readonly organizationalUnit: string;
  }[];
}

/** A computer account as the domain controller has it. */
export interface ComputerAccount {
  readonly dn: string;
  readonly disabled: boolean;
  readonly description: string;
  /** Changes with each join. */
  readonly passwordSet: string;
}

const privateFolders = ['/etc/samba', '/var/lib/samba', '/var/cache/samba', '/var/log/samba'];
const database = '/var/lib/samba/private/sam.ldb';
// Some seconds of a whole core, which on a busy machine take their time.
const provisionTimeoutMs = 180_000;
const startTimeoutMs = 60_000;
const accountDisabled = 2;

/** A domain with its only domain controller. */
export class TestDomain {
  readonly name: string;
  readonly netbiosName: string;
  readonly options: DomainOptions;
  readonly controller: Machine;

  constructor(options: DomainOptions, controller: Machine) {
    this.options = options;
    this.name = options.name;
    this.netbiosName = options.netbiosName;
    this.controller = controller;
  }

  /** Address of the domain controller, which is the name server too. */
  get address(): string {
    return this.controller.address;
  }

  get baseDN(): string {
    return baseDN(this.name);
  }

  /** @throws when the lab has no such user or join account */
  password(user: string): string {
    const found = [...this.options.users, ...this.options.joinAccounts].find(({ name }) => name === user);
    if (found === undefined) throw new Error(`${this.name} has no user ${user}`);
    return found.password;
  }

  /** Of a user, or of a computer's account, whose name ends with a dollar sign. */
  async setPassword(account: string, password: string): Promise<void> {
    const tool = ['samba-tool', 'user', 'setpassword', account, `--newpassword=${password}`, '-H', database];
    await this.controller.succeed(tool);
  }

  /** A password policy for one user alone: its passwords are valid for so many days. */
  async limitPasswordAge(user: string, days: number): Promise<void> {
    const policy = ['samba-tool', 'domain', 'passwordsettings', 'pso'];
    const name = `${user}-policy`;
    await this.controller.succeed([...policy, 'create', name, '10', `--max-pwd-age=${days}`, '-H', database]);
    await this.controller.succeed([...policy, 'apply', name, user, '-H', database]);
  }

  /** Locks accounts after so many refused log-ins. */
  async lockAccountsAfter(refusedLogins: number): Promise<void> {
    const tool = ['samba-tool', 'domain', 'passwordsettings', 'set', `--account-lockout-threshold=${refusedLogins}`];
    await this.controller.succeed([...tool, '-H', database]);
  }

  /** How many refused log-ins of a user the domain controller counts. */
  async refusedLogins(user: string): Promise<number> {
    const found = await this.controller.succeed([
      'ldbsearch',
      '-H',
      database,
      `(sAMAccountName=${user})`,
      'badPwdCount',
    ]);
    return Number(/^badPwdCount: (\d+)$/m.exec(found)?.[1] ?? 0);
  }

  /** Lets an account, such as a user, expire after so many days; undefined: neither it nor its password does. */
  async expireAccount(account: string, days: number | undefined): Promise<void> {
    const when = days === undefined ? '--noexpiry' : `--days=${days}`;
    await this.controller.succeed(['samba-tool', 'user', 'setexpiry', account, when, '-H', database]);
  }

  /** Takes rights to an object away, as SDDL such as `(D;;RP;;;PS)`. */
  async deny(dn: string, sddl: string): Promise<void> {
    const tool = ['samba-tool', 'dsacl', 'set', `--objectdn=${dn}`, `--sddl=${sddl}`, '-H', database];
    await this.controller.succeed(tool);
  }

  /** Computer accounts without the domain controller's own. */
  async computers(): Promise<readonly ComputerAccount[]> {
    const attributes = ['userAccountControl', 'description', 'pwdLastSet'];
    const filter = '(&(objectClass=computer)(!(primaryGroupID=516)))';
    const found = await this.controller.succeed(['ldbsearch', '-H', database, filter, ...attributes]);
    return found
      .replaceAll('\n ', '')
      .split(/^# record \d+$/m)
      .slice(1)
      .flatMap((record) => {
        const value = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1] ?? '';
        const dn = value('dn');
        const disabled = (Number(value('userAccountControl')) & accountDisabled) !== 0;
        return dn === '' ? [] : [{ dn, disabled, description: value('description'), passwordSet: value('pwdLastSet') }];
      });
  }

  /** Changes the directory as its administrator, with LDIF. */
  async modify(ldif: string): Promise<void> {
    await this.controller.succeed(['ldbmodify', '-H', database], { input: ldif });
  }

  /** The addresses that the name server gives for a host name of the domain. */
  async addressesOf(host: string): Promise<readonly string[]> {
    const tool = ['samba-tool', 'dns', 'query', this.address, this.name, host, 'A', '-U', 'administrator', '-N'];
    const { stdout } = await this.controller.run([...tool, `--password=${administratorPassword}`]);
    return [...stdout.matchAll(/A: ([0-9.]+)/g)].flatMap(([, address]) => address ?? []);
  }

  /** Adds a name to the domain's DNS. */
  async addRecord(host: string, address: string): Promise<void> {
    const tool = ['samba-tool', 'dns', 'add', this.address, this.name, host, 'A', address, '-U', 'administrator'];
    await this.controller.succeed([...tool, `--password=${administratorPassword}`]);
  }

  /** Ends the domain controller's programs: its ports refuse. */
  async stopController(): Promise<void> {
    await this.controller.killPrograms();
  }

  /** Starts the domain controller's programs and waits until logins work. */
  async startController(): Promise<void> {
    await this.controller.succeed(['samba', '-D', '--no-process-group']);
    await eventually(`the domain controller of ${this.name} answers`, () => this.#answers(), startTimeoutMs);
  }

  /** Its services start one by one: each that a member needs is asked. */
  async #answers(): Promise<boolean> {
    const asked = { timeoutMs: 5_000 };
    const login = ['smbclient', '-L', this.address, '-U', 'administrator', '--use-kerberos=off', '-g'];
    const ticket = ['kinit', '-c', '/run/ticket', `administrator@${this.name.toUpperCase()}`];
    const root = ['ldapsearch', '-x', '-H', `ldap://${this.address}`, '-s', 'base', '-b', '', 'currentTime'];
    const host = ['samba-tool', 'dns', 'query', this.address, this.name, '@', 'SOA', '-U', 'administrator'];
    for (const [argv, options] of [
      [root, asked],
      [ticket, { ...asked, input: `${administratorPassword}\n` }],
      [login, { ...asked, env: { PASSWD: administratorPassword } }],
      [[...host, `--password=${administratorPassword}`], { timeoutMs: 10_000 }],
    ] as const) {
      if ((await this.controller.run(argv, options)).code !== 0) return false;
    }
    return true;
  }
}

/** Of the user administrator; no driver is given it. */
const administratorPassword = 'Admin-Passw0rd!';

function baseDN(domain: string): string {
  return domain
    .split('.')
    .map((label) => `DC=${label}`)
    .join(',');
}

/** Makes the domain and starts its domain controller. */
export async function startDomain(
  programs: SupervisedPrograms,
  segment: Segment,
  options: DomainOptions,
): Promise<TestDomain> {
  const { name, netbiosName, address } = options;
  const realm = name.toUpperCase();
  const host = `dc-${netbiosName.toLowerCase()}`;
  const controller = await Machine.start(programs, { name: host, address, segment, privateFolders });
  const domain = new TestDomain(options, controller);
  const file = (path: string, lines: readonly string[]) => writeFile(controller.file(path), `${lines.join('\n')}\n`);
  await file('/etc/hosts', ['127.0.0.1 localhost', `${controller.address} ${host}.${name} ${host}`]);
  await file('/etc/resolv.conf', [`nameserver ${controller.address}`, `search ${name}`]);
  const realms = ['[realms]', ` ${realm} = {`, `  kdc = ${controller.address}`, ' }'];
  await file('/etc/krb5.conf', ['[libdefaults]', ` default_realm = ${realm}`, ' rdns = false', ...realms]);
  const settings = {
    interfaces: address,
    'bind interfaces only': 'yes',
    'disable netbios': 'yes',
    'smb ports': '445',
    'load printers': 'no',
    'dns forwarder': '0.0.0.0',
    'server services': 'rpc, ldap, cldap, kdc, winbindd, s3fs, dns',
    // One process for each service: the default is four, for which these two domains have no use.
    'prefork children': '1',
  };
  const provision = [
    ...['samba-tool', 'domain', 'provision', '--server-role=dc', '--use-rfc2307', `--realm=${realm}`],
    ...[`--domain=${netbiosName}`, `--host-name=${host}`, `--host-ip=${controller.address}`],
    ...['--dns-backend=SAMBA_INTERNAL', `--adminpass=${administratorPassword}`],
    ...Object.entries(settings).map(([key, value]) => `--option=${key}=${value}`),
  ];
  const { users, groups, organizationalUnits, joinAccounts } = options;
  const content = JSON.stringify({ users, groups, organizationalUnits, joinAccounts });
  await fromTemplate(controller, { of: [provision, content], folders: ['etc/samba', 'var/lib/samba'] }, async () => {
    await controller.succeed(provision, { timeoutMs: provisionTimeoutMs });
    await registerLDAP(domain, host);
    await controller.succeed(['/usr/bin/python3', join(import.meta.dirname, 'fill_domain.py')], { input: content });
  });
  await domain.startController();
  return domain;
}

/** What a daemon does that is not among the services of the domain controllers here. */
async function registerLDAP(domain: TestDomain, host: string): Promise<void> {
  const { name } = domain;
  await domain.modify(
    [
      `dn: CN=${host.toUpperCase()},OU=Domain Controllers,${baseDN(name)}`,
      'changetype: modify',
      'add: servicePrincipalName',
      `servicePrincipalName: ldap/${host}.${name}`,
      `servicePrincipalName: ldap/${host}.${name}/${name}`,
      '',
    ].join('\n'),
  );
}
