import { randomUUID } from 'node:crypto';
import { type ActiveDirectoryLab, startActiveDirectory } from '../../labs/ad/ad-lab.ts';
import type { TestDomain } from '../../labs/ad/domain.ts';
import type { SambaLogin, SambaSession } from '../../labs/samba-host/samba-client.ts';
import { type SambaHost, type SambaHostLab, startSambaHosts } from '../../labs/samba-host/samba-host.ts';
import { type Answer, HostCalls, newServer } from './host-calls.ts';

/** What the operator's administrator says about directories. */
const settings = {
  deniedRanges: ['10.96.0.0/12'],
  idmapRange: { first: 200_000, size: 100_000, count: 20 },
  updateDNS: true,
};

/** Two domains are made meanwhile. */
export const startTimeoutMs = 240_000;

type Members = Readonly<Record<string, unknown>>;

/** A security service for the domain, as a request names it. */
export function activeDirectory(domain: TestDomain, more: Members = {}) {
  const account = { user: 'joiner', password: domain.password('joiner'), ou: 'Servers' };
  const name = `ad-${domain.name.split('.')[0]}`;
  return {
    ...{ id: `id-${name}`, name, type: 'active_directory', dnsIPs: [domain.address], domain: domain.name },
    ...account,
    ...more,
  };
}

/** A share server and one share of it, as the operator would use them. */
export class DirectoryServer {
  readonly server: ReturnType<typeof newServer>;
  readonly share = { id: randomUUID(), name: `share-${randomUUID()}`, size: 1 << 30 };
  readonly address: string;
  readonly host: SambaHost;
  readonly #calls: HostCalls;
  readonly #lab: SambaHostLab;

  constructor(lab: SambaHostLab, host: SambaHost, calls: HostCalls, address: string) {
    this.#lab = lab;
    this.host = host;
    this.#calls = calls;
    this.address = address;
    this.server = newServer(address);
  }

  get id(): string {
    return this.server.id;
  }

  /** Makes server and share. @returns the answer's details and warnings */
  async create(...securityServices: readonly Members[]) {
    const server = { interface: this.host.interface, server: this.server };
    const made = await this.#calls.succeed('create', { ...server, securityServices, settings });
    await this.#calls.succeed('share-add', { serverID: this.id, share: this.share });
    return made;
  }

  async check(newService: Members) {
    return this.#calls.call('check', { serverID: this.id, newService, shares: [this.share.id], settings });
  }

  /** The text of a request for an update, for a program that is to be killed. */
  updateRequest(newService: Members, more: Members = {}): string {
    return this.#calls.request('update-security-service', { server: this.server, newService, settings, ...more });
  }

  async tryUpdate(newService: Members, more: Members = {}): Promise<Answer> {
    return this.#calls.call('update-security-service', { server: this.server, newService, settings, ...more });
  }

  /** @throws when the update fails */
  async update(newService: Members, more: Members = {}) {
    const answer = await this.tryUpdate(newService, more);
    if (!answer.ok) throw new Error(`update: ${JSON.stringify(answer.error)}`);
    return answer.result;
  }

  async describe() {
    return this.#calls.succeed('describe', { serverID: this.id });
  }

  /** Gives these users the share, and nobody else. */
  async allow(...users: readonly string[]): Promise<unknown> {
    const rules = users.map((to) => ({
      id: `rule-${to.replaceAll(/[^A-Za-z0-9._@-]/g, '-')}`,
      type: 'user',
      to,
      level: 'rw',
    }));
    const { results } = await this.#calls.succeed('access-set', { serverID: this.id, shareID: this.share.id, rules });
    return results;
  }

  login(domain: TestDomain, user: string): SambaLogin {
    const password = domain.password(user);
    return { address: this.address, share: this.share.name, user: `${domain.netbiosName}\\${user}`, password };
  }

  /** What smbclient says to the commands. */
  async as(domain: TestDomain, user: string, commands: string): Promise<string> {
    const { stdout, stderr } = await this.#lab.client.run(this.login(domain, user), commands);
    return stdout + stderr;
  }

  async connect(domain: TestDomain, user: string): Promise<SambaSession> {
    return this.#lab.client.connect(this.login(domain, user));
  }

  /** Numeric owner and mode of a file of the share, such as `301103 600`. */
  async owner(file: string): Promise<string> {
    return (await this.inside(['stat', '-c', '%u %a', this.path(file)])).trim();
  }

  path(file: string): string {
    return `/shares/${this.share.id}/${file}`;
  }

  /** Runs a program inside the share server. @throws when it fails */
  async inside(argv: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.host.inServer(this.id, argv);
    if (code !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
    return stdout;
  }

  async remove(...securityServices: readonly Members[]) {
    await this.#calls.succeed('share-remove', { serverID: this.id, shareID: this.share.id });
    return this.#calls.succeed('remove', { serverID: this.id, securityServices });
  }
}

/** Two domains, a file server host and a client. */
export interface DirectoryRig {
  readonly ad: ActiveDirectoryLab;
  readonly hosts: SambaHostLab;
  server(address: string): DirectoryServer;
  stop(): Promise<void>;
}

export async function startDirectoryRig(): Promise<DirectoryRig> {
  const ad = await startActiveDirectory();
  const hosts = await startSambaHosts({ segment: ad.segment });
  const { host } = hosts;
  const calls = await HostCalls.open(host);
  return {
    ad,
    hosts,
    server: (address) => new DirectoryServer(hosts, host, calls, address),
    stop: async () => {
      await calls.close();
      await hosts.stop();
      await ad.stop();
    },
  };
}
