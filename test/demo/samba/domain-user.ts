import { shares } from '../../../src/api/v1alpha1/resource-types.ts';
import type { TestDomain } from '../../labs/ad/domain.ts';
import type { SambaClient, SambaLogin } from '../../labs/samba-host/samba-client.ts';
import { type Stage, StepFailed } from '../stage.ts';

/** A user of a domain, whose smbclient the audience sees at work. */
export class DomainUser {
  readonly #stage: Stage;
  readonly #client: SambaClient;
  readonly #domain: TestDomain;
  readonly #name: string;

  constructor(stage: Stage, client: SambaClient, domain: TestDomain, name: string) {
    this.#stage = stage;
    this.#client = client;
    this.#domain = domain;
    this.#name = name;
  }

  /** Writes a text into a file of a share and reads it back. @throws StepFailed when that is refused */
  async write(share: string, file: string, text: string): Promise<void> {
    await this.#client.machine.succeed(['tee', `/run/${file}`], { input: `${text}\n` });
    const put = await this.#smbclient(share, `put /run/${file} ${file}`);
    this.#stage.expect('a file that could be written', put.code === 0);
    const get = await this.#smbclient(share, `get ${file} -`);
    this.#stage.expect('what was written', get.code === 0 && get.output.includes(text));
  }

  /** Lists a share. @throws StepFailed when that is refused */
  async list(share: string): Promise<void> {
    const { code } = await this.#smbclient(share, 'ls');
    this.#stage.expect('a list of what is there', code === 0);
  }

  /** Tries to list a share. @throws StepFailed when it is not refused with this status */
  async isRefused(share: string, status: string): Promise<void> {
    const { code, output } = await this.#smbclient(share, 'ls');
    this.#stage.expect(`a refusal: ${status}`, code !== 0 && output.includes(status));
  }

  /** Logs in and stays connected while something is done. @throws StepFailed when the session does not outlive it */
  async staysConnected(share: string, act: () => Promise<void>): Promise<void> {
    const login = await this.#login(share);
    this.#type(login, '');
    const session = await this.#client.connect(login);
    try {
      await act();
      this.#stage.screen.typed('cyan', 'smb: \\>', 'ls');
      const output = await session.command('ls');
      this.#stage.screen.output(output);
      if (output.includes('NT_STATUS_')) throw new StepFailed('expected: the session of before');
    } finally {
      await session.close();
    }
  }

  async #smbclient(
    share: string,
    commands: string,
  ): Promise<{ readonly code: number | null; readonly output: string }> {
    const login = await this.#login(share);
    this.#type(login, ` -c '${commands}'`);
    const { code, stdout, stderr } = await this.#client.run(login, commands);
    const output = `${stdout}${stderr}`;
    this.#stage.screen.output(output);
    return { code, output };
  }

  #type({ address, share, user }: SambaLogin, rest: string): void {
    this.#stage.signal.throwIfAborted();
    this.#stage.screen.typed('cyan', `${this.#name}$`, `smbclient //${address}/${share} -U '${user}'${rest}`);
  }

  async #login(share: string): Promise<SambaLogin> {
    const { status } = await this.#stage.get(shares, share);
    const [location] = status?.exportLocations ?? [];
    return {
      address: location?.address ?? '',
      share: location?.metadata?.shareName ?? '',
      user: `${this.#domain.netbiosName}\\${this.#name}`,
      password: this.#domain.password(this.#name),
    };
  }
}
