import { SupervisedPrograms } from '../../kube/supervised-programs.ts';
import { type Segment, startSegment } from '../machine/machine.ts';
import { type DomainOptions, startDomain, type TestDomain } from './domain.ts';

/** Two Active Directory domains of the caller's own; their data is in memory. */
export class ActiveDirectoryLab {
  /** Where the domain controllers, share servers and clients meet. */
  readonly segment: Segment;
  readonly a: TestDomain;
  readonly b: TestDomain;
  readonly #programs: SupervisedPrograms;

  private constructor(programs: SupervisedPrograms, segment: Segment, a: TestDomain, b: TestDomain) {
    this.#programs = programs;
    this.segment = segment;
    this.a = a;
    this.b = b;
  }

  /** Use {@link startActiveDirectory}. */
  static async start(options: ActiveDirectoryOptions): Promise<ActiveDirectoryLab> {
    const programs = await SupervisedPrograms.open();
    try {
      const segment = options.segment ?? (await startSegment(programs));
      const [a, b] = await Promise.all([
        startDomain(programs, segment, { ...domainA, ...options.a }),
        startDomain(programs, segment, { ...domainB, ...options.b }),
      ]);
      return new ActiveDirectoryLab(programs, segment, a, b);
    } catch (error) {
      await programs.close();
      throw error;
    }
  }

  /** Ends every program and removes every file. */
  async stop(): Promise<void> {
    await Promise.all([this.a.controller.stop(), this.b.controller.stop()]);
    await this.#programs.close();
  }
}

/** What {@link startActiveDirectory} may be told. */
export interface ActiveDirectoryOptions {
  /** Without it the lab makes one. */
  readonly segment?: Segment;
  readonly a?: Partial<DomainOptions>;
  readonly b?: Partial<DomainOptions>;
}

const common = {
  organizationalUnits: ['Servers', 'Others'],
  joinAccounts: [
    { name: 'joiner', password: 'Join-Passw0rd!', organizationalUnit: 'Servers' },
    { name: 'joiner2', password: 'Join-Passw0rd!2', organizationalUnit: 'Others' },
  ],
};

/** The first domain. Users stand at the same places in both, so that they have the same RIDs. */
export const domainA: DomainOptions = {
  name: 'a.test',
  netbiosName: 'ADA',
  address: '10.77.0.11/24',
  users: [
    { name: 'alice', password: 'Alice-Passw0rd!' },
    { name: 'anna', password: 'Anna-Passw0rd!' },
  ],
  groups: [{ name: 'engineers', members: ['alice'] }],
  ...common,
};

const domainB: DomainOptions = {
  name: 'b.test',
  netbiosName: 'ADB',
  address: '10.77.0.12/24',
  users: [
    { name: 'bob', password: 'Bob-Passw0rd!' },
    { name: 'bella', password: 'Bella-Passw0rd!' },
  ],
  groups: [{ name: 'engineers', members: ['bob'] }],
  ...common,
};

/** Starts the domains `a.test` and `b.test` in some seconds; Samba's domain controller has to be installed. */
export async function startActiveDirectory(options: ActiveDirectoryOptions = {}): Promise<ActiveDirectoryLab> {
  return ActiveDirectoryLab.start(options);
}
