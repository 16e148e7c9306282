import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { ClientSession } from '../../../src/drivers/cephfs/cluster/sessions-to-evict.ts';
import { cephfsConfigSchema } from '../../../src/drivers/cephfs/config.ts';
import { operatorCapabilities } from '../../../src/drivers/cephfs/login/operator-capabilities.ts';
import { cephfsDriver } from '../../../src/drivers/cephfs/module.ts';
import { subvolumeNameOf } from '../../../src/drivers/cephfs/subvolumes/names.ts';
import type {
  AccessRequest,
  AccessUpdate,
  AccessUpdates,
  CallContext,
  Driver,
  DriverAccessRule,
  DriverLogger,
  DriverShare,
  Tenant,
} from '../../../src/drivers/driver.ts';
import { type CephLab, startCeph } from '../../labs/ceph/ceph-lab.ts';
import type { CephFSClient } from '../../labs/ceph/cephfs-client.ts';
import type { Capabilities } from '../../labs/ceph/cephx-key.ts';
import { CephClientError } from '../../labs/ceph/client-process.ts';
import { type CephUser, readCephUser } from './ceph-user.ts';

const silent: DriverLogger = { debug() {}, info() {}, warn() {}, error() {} };

const sessionsSchema = z.array(z.object({ id: z.int(), client_metadata: z.object({ root: z.string().optional() }) }));

/** Ceph user that the driver runs as. */
export const operatorUser = 'sharenet';

const installationID = '7f0d1b0e-0c5a-4a36-9d3e-5b8d0c9a1f00';

/** A share that is made, with the path that clients mount. */
export interface MadeShare {
  readonly share: DriverShare;
  readonly path: string;
}

/** The driver on a real cluster, as the least privileged user that may run it, with makers of requests. */
export class CephFSRig {
  readonly lab: CephLab;
  readonly driver: Driver;
  readonly tenant: Tenant = { namespace: 'tenant-a', namespaceUID: randomUUID() };
  readonly #clients = new Set<CephFSClient>();

  private constructor(lab: CephLab, driver: Driver) {
    this.lab = lab;
    this.driver = driver;
  }

  static async start(): Promise<CephFSRig> {
    const lab = await startCeph();
    const key = await lab.createUser(operatorUser, operatorCapabilities);
    return new CephFSRig(lab, openDriver(lab, operatorUser, key));
  }

  /** Opens another driver, as a user with these capabilities. */
  async openAs(user: string, capabilities: Capabilities): Promise<Driver> {
    return openDriver(this.lab, user, await this.lab.createUser(user, capabilities));
  }

  context(changes: Partial<CallContext> = {}): CallContext {
    return {
      signal: AbortSignal.timeout(60_000),
      logger: silent,
      operation: { id: randomUUID(), attempt: 1 },
      installationID,
      tenant: this.tenant,
      ...changes,
    };
  }

  async makeShare(size = 2 ** 24): Promise<MadeShare> {
    const id = randomUUID();
    const share: DriverShare = { id, name: `share-${id}`, protocol: 'CEPHFS', size, exportLocations: [] };
    const { exportLocations } = await this.driver.createShare({ share }, this.context());
    return { share, path: exportLocations[0]?.metadata?.rootPath ?? '' };
  }

  /** Calls updateAccess; without a delta it is a recovery. */
  update(
    { share }: MadeShare,
    accessRules: readonly DriverAccessRule[],
    delta: Partial<Pick<AccessRequest, 'addRules' | 'updateRules' | 'deleteRules'>> = {},
    driver = this.driver,
  ): Promise<AccessUpdates> {
    const lists = { addRules: [], updateRules: [], deleteRules: [], ...delta };
    return driver.updateAccess({ share, accessRules, ...lists }, this.context());
  }

  /** Grants one rule on a share. @returns what became of it */
  async grant(made: MadeShare, rule: DriverAccessRule): Promise<AccessUpdate> {
    return (await this.update(made, [rule], { addRules: [rule] })).get(rule.id) ?? {};
  }

  /** As {@link grant}. @returns its key */
  async grantKey(made: MadeShare, rule: DriverAccessRule): Promise<string> {
    return (await this.grant(made, rule)).accessKey ?? '';
  }

  /** A share with one rule that is granted. */
  async granted(): Promise<{ readonly made: MadeShare; readonly rule: DriverAccessRule; readonly key: string }> {
    const made = await this.makeShare();
    const rule = cephxRule(newID());
    return { made, rule, key: await this.grantKey(made, rule) };
  }

  /** Where a share's subvolume is, as arguments of commands. */
  addressOf({ id }: Pick<DriverShare, 'id'>): Readonly<Record<'vol_name' | 'sub_name' | 'group_name', string>> {
    return { vol_name: this.lab.fileSystem, sub_name: subvolumeNameOf(id), group_name: 'sharenet' };
  }

  async deny(made: MadeShare, rule: DriverAccessRule): Promise<void> {
    await this.update(made, [], { deleteRules: [rule] });
  }

  /** Key of a rule after recovery of its share. */
  async recoverKey(made: MadeShare, rule: DriverAccessRule): Promise<string> {
    return (await this.update(made, [rule])).get(rule.id)?.accessKey ?? '';
  }

  /** Mounts as a user would with the Secret; ended after the test. @param libraries folder with another libcephfs */
  async mount(user: string, key: string, root: string, libraries?: string): Promise<CephFSClient> {
    const client = await this.lab.mount(user, key, root, libraries);
    this.#clients.add(client);
    return client;
  }

  /** A Ceph user past the driver; undefined when there is none. */
  async user(name: string): Promise<CephUser | undefined> {
    return await readCephUser(this.lab, name);
  }

  /** Gives a Ceph user these capabilities and no others, past the driver. */
  async setCaps(name: string, capabilities: Readonly<Record<string, string>>): Promise<void> {
    const caps = Object.entries(capabilities).flat();
    await this.lab.succeed('mon', { prefix: 'auth caps', entity: `client.${name}`, caps });
  }

  /** Ends the clients of a test, and their sessions: the cluster would wait a minute for what those hold. */
  async endClients(): Promise<void> {
    if (this.#clients.size === 0) return;
    await Promise.all([...this.#clients].map((client) => client.kill()));
    this.#clients.clear();
    for (const { id, root } of await this.sessions('mds.a')) {
      if (root === '/') continue;
      await this.lab.succeed('mds.a', { prefix: 'session evict', filters: [`id=${id}`] });
    }
  }

  /** Clients of a metadata server and what they mounted, past the driver. */
  async sessions(server: `mds.${string}`): Promise<readonly ClientSession[]> {
    const sessions = sessionsSchema.parse(JSON.parse(await this.lab.succeed(server, { prefix: 'session ls' })));
    return sessions.map(({ id, client_metadata: { root } }) => ({ id, root }));
  }

  async stop(): Promise<void> {
    await this.endClients();
    await this.driver.close();
    await this.lab.stop();
  }
}

/** A rule for a cephx id; a new one unless it is given. */
export function cephxRule(accessTo: string, accessLevel: DriverAccessRule['accessLevel'] = 'rw'): DriverAccessRule {
  const id = randomUUID();
  return { id, name: `rule-${id}`, accessType: 'cephx', accessTo, accessLevel };
}

/** A cephx id that no other test has. */
export function newID(): string {
  return `client-${randomUUID().slice(0, 8)}`;
}

/** How Ceph tells a client that may not mount: at once, or never, where it does not take the key. */
export const keptOut = /^(EACCES|EPERM|ETIMEDOUT)$/;

/** The error of a client that was refused, such as `EACCES`; undefined when it was not. */
export async function refusalOf(attempt: Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt;
    return undefined;
  } catch (error) {
    if (error instanceof CephClientError) return error.code;
    throw error;
  }
}

function openDriver({ monitors, fileSystem }: CephLab, user: string, key: string): Driver {
  const config = { monitors, fsName: fileSystem, user, credentialsSecretName: 'ceph' };
  return cephfsDriver.createDriver({
    backendName: 'ceph',
    config: cephfsConfigSchema.parse(config),
    credentials: { userKey: key },
    installationID,
    logger: silent,
  });
}
