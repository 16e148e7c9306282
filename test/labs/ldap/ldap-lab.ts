import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually } from '../../faults/eventually.ts';
import { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { Machine, type Segment, startSegment } from '../machine/machine.ts';
import { directoryLdif, type LDAPUser, ntHash } from './directory-ldif.ts';

/** What {@link startLDAP} may be told. */
export interface LDAPOptions {
  /** Without it the lab makes one. */
  readonly segment?: Segment;
  /** With the prefix length. */
  readonly address?: string;
  /** Such as `dc=corp,dc=test`. */
  readonly suffix?: string;
  /** Name of the sambaDomain. */
  readonly domain?: string;
  readonly users?: readonly LDAPUser[];
  /** Whether connections can be encrypted, with a certificate that no authority issued. */
  readonly tls?: boolean;
  /** What the certificate is for besides the address. */
  readonly names?: readonly string[];
}

const administratorPassword = 'ldap-admin';
const configuration = '/etc/ldap/slapd.conf';
const startTimeoutMs = 20_000;
const certificateFile = '/run/slapd/cert.pem';
const recordFile = '/run/impostor.record';
const program = (name: string) => join(import.meta.dirname, name);
const schemas = [
  ...['core', 'cosine', 'nis', 'inetorgperson'].map((name) => `/etc/ldap/schema/${name}.schema`),
  '/usr/share/doc/samba/examples/LDAP/samba.schema',
];

/** An LDAP server of the caller's own with Samba's schema and users; its data is in memory. */
export class LDAPLab {
  readonly segment: Segment;
  readonly machine: Machine;
  readonly suffix: string;
  /** May read users and their hashes, and nothing else: the least that a share server needs. */
  readonly bindDN: string;
  readonly bindPassword = 'Bind-Passw0rd!';
  readonly users: readonly LDAPUser[];
  readonly #programs: SupervisedPrograms;
  readonly #tls: boolean;
  readonly #names: readonly string[];
  #servesNames = false;

  private constructor(
    programs: SupervisedPrograms,
    machine: Machine,
    segment: Segment,
    options: Required<LDAPOptions>,
  ) {
    this.#programs = programs;
    this.machine = machine;
    this.segment = segment;
    this.suffix = options.suffix;
    this.users = options.users;
    this.bindDN = `cn=samba,${options.suffix}`;
    this.#tls = options.tls;
    this.#names = options.names;
  }

  /** Use {@link startLDAP}. */
  static async start(given: LDAPOptions): Promise<LDAPLab> {
    const programs = await SupervisedPrograms.open();
    try {
      const segment = given.segment ?? (await startSegment(programs));
      const options = { ...defaults, ...given, segment };
      const name = `ldap-${options.domain.toLowerCase()}`;
      const privateFolders = ['/var/lib/ldap', '/etc/ldap/slapd.d'];
      const machine = await Machine.start(programs, { name, address: options.address, segment, privateFolders });
      const lab = new LDAPLab(programs, machine, segment, options);
      await lab.#prepare(options.domain);
      await lab.startServer();
      return lab;
    } catch (error) {
      await programs.close();
      throw error;
    }
  }

  get address(): string {
    return this.machine.address;
  }

  /** Changes the directory as its administrator, with LDIF. */
  async modify(ldif: string): Promise<void> {
    const login = ['-x', '-H', `ldap://${this.address}`, '-D', `cn=admin,${this.suffix}`, '-w', administratorPassword];
    await this.machine.succeed(['ldapmodify', ...login], { input: ldif });
  }

  /** Changes the password of {@link bindDN}. */
  async setBindPassword(password: string): Promise<void> {
    await this.#replace(this.bindDN, 'userPassword', password);
  }

  async setPassword(user: string, password: string): Promise<void> {
    await this.#replace(`uid=${user},ou=people,${this.suffix}`, 'sambaNTPassword', await ntHash(password));
  }

  /** Ends the server: its ports refuse. */
  async stopServer(): Promise<void> {
    await this.machine.killPrograms();
    this.#servesNames = false;
  }

  /** Starts the server and waits until it answers. */
  async startServer(): Promise<void> {
    const urls = [`ldap://${this.address}`, ...(this.#tls ? [`ldaps://${this.address}`] : [])].join(' ');
    await this.machine.succeed(['slapd', '-f', configuration, '-h', urls]);
    const who = ['ldapwhoami', '-x', '-H', `ldap://${this.address}`];
    const answers = async () => (await this.machine.run(who, { timeoutMs: 2_000 })).code === 0;
    await eventually('slapd answers', answers, startTimeoutMs);
  }

  /** The server's certificate in PEM: whoever takes it for an authority can verify the server. */
  async certificate(): Promise<string> {
    return readFile(this.machine.file(certificateFile), 'utf8');
  }

  /** Answers questions about names at the machine's address; from the next question on with these. */
  async serveNames(names: Readonly<Record<string, string>>): Promise<void> {
    await writeFile(this.machine.file('/run/names.json.new'), JSON.stringify(names));
    await this.machine.succeed(['mv', '/run/names.json.new', '/run/names.json']);
    if (this.#servesNames) return;
    this.#servesNames = true;
    await this.machine.succeed(['/usr/bin/python3', program('name_server.py'), this.address]);
  }

  /** Puts an impostor in the place of the server, with a certificate of its own or without TLS. */
  async startImpostor({ tls }: { readonly tls: boolean }): Promise<void> {
    await this.stopServer();
    await writeFile(this.machine.file(recordFile), '');
    const folder = '/run/impostor';
    await mkdir(this.machine.file(folder), { recursive: true });
    if (tls) await this.#makeCertificate(folder);
    const files = tls ? [`${folder}/cert.pem`, `${folder}/key.pem`] : [];
    await this.machine.succeed(['/usr/bin/python3', program('impostor.py'), this.address, ...files]);
  }

  /** What the impostor was sent so far, and what it decrypted of it. */
  async sentToImpostor(): Promise<string> {
    return readFile(this.machine.file(recordFile), 'latin1');
  }

  /** Ends every program and removes every file. */
  async stop(): Promise<void> {
    await this.machine.stop();
    await this.#programs.close();
  }

  async #replace(dn: string, attribute: string, value: string): Promise<void> {
    await this.modify(`dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`);
  }

  async #prepare(domain: string): Promise<void> {
    await mkdir(this.machine.file('/run/slapd'), { recursive: true });
    if (this.#tls) await this.#makeCertificate('/run/slapd');
    await writeFile(this.machine.file(configuration), this.#configuration());
    const input = await directoryLdif({
      suffix: this.suffix,
      domain,
      users: this.users,
      bindPassword: this.bindPassword,
    });
    await this.machine.succeed(['slapadd', '-q', '-f', configuration], { input });
  }

  async #makeCertificate(folder: string): Promise<void> {
    const { address } = this;
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    const files = ['-keyout', this.machine.file(`${folder}/key.pem`), '-out', this.machine.file(`${folder}/cert.pem`)];
    const names = [`IP:${address}`, ...this.#names.map((name) => `DNS:${name}`)].join(',');
    const subject = ['-days', '30', '-subj', `/CN=${address}`, '-addext', `subjectAltName=${names}`];
    await promisify(execFile)('openssl', ['req', '-x509', ...key, ...files, ...subject]);
  }

  #configuration(): string {
    const { suffix, bindDN } = this;
    const tls = [`TLSCertificateFile ${certificateFile}`, 'TLSCertificateKeyFile /run/slapd/key.pem'];
    return [
      ...schemas.map((file) => `include ${file}`),
      'modulepath /usr/lib/ldap',
      'moduleload back_mdb',
      'pidfile /run/slapd/slapd.pid',
      ...(this.#tls ? tls : []),
      'database mdb',
      'maxsize 67108864',
      `suffix "${suffix}"`,
      `rootdn "cn=admin,${suffix}"`,
      `rootpw ${administratorPassword}`,
      'directory /var/lib/ldap',
      'dbnosync',
      'index objectClass,uid,uidNumber,gidNumber,memberUid,sambaSID eq',
      `access to attrs=sambaNTPassword by dn.exact="${bindDN}" read by * none`,
      'access to attrs=userPassword by anonymous auth by * none',
      `access to dn.base="${suffix}" by * read`,
      `access to * by dn.exact="${bindDN}" read by * none`,
      '',
    ].join('\n');
  }
}

const defaults = {
  address: '10.77.0.13/24',
  suffix: 'dc=corp,dc=test',
  domain: 'CORP',
  users: [
    { name: 'lena', password: 'Lena-Passw0rd!', uidNumber: 5001 },
    { name: 'luis', password: 'Luis-Passw0rd!', uidNumber: 5002 },
  ],
  tls: false,
  names: [],
};

/** Starts an LDAP server with users in about a second; slapd and Samba have to be installed. */
export async function startLDAP(options: LDAPOptions = {}): Promise<LDAPLab> {
  return LDAPLab.start(options);
}
