import { randomUUID } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { eventually } from '../../faults/eventually.ts';
import type { Machine, ProgramResult } from '../../labs/machine/machine.ts';

/** Reads the command lines and environments of all processes of a machine, over and over, and counts where a text was. */
export class CommandLineWatch {
  readonly #machine: Machine;
  readonly #folder: string;
  readonly #running: Promise<ProgramResult>;

  private constructor(machine: Machine, folder: string, running: Promise<ProgramResult>) {
    this.#machine = machine;
    this.#folder = folder;
    this.#running = running;
  }

  /** Returns when it watches. The text itself is in a file and on no command line. */
  static async start(machine: Machine, secret: string): Promise<CommandLineWatch> {
    const folder = `/run/watch-${randomUUID()}`;
    await machine.succeed(['mkdir', '-m', '0700', folder]);
    await writeFile(machine.file(`${folder}/secret`), `${secret}\n`, { mode: 0o600 });
    const script = [
      `cd ${folder}`,
      'while [ ! -e end ]; do',
      '  cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null',
      '  : >watching',
      'done | grep -aFc -f secret',
    ].join('\n');
    const running = machine.run(['sh'], { input: script });
    await eventually('the watch runs', async () => {
      const { code } = await machine.run(['test', '-e', `${folder}/watching`]);
      return code === 0;
    });
    return new CommandLineWatch(machine, folder, running);
  }

  /** Ends it. @returns how often the text was seen */
  async end(): Promise<number> {
    await this.#machine.succeed(['touch', `${this.#folder}/end`]);
    const { stdout } = await this.#running;
    await rm(this.#machine.file(this.#folder), { recursive: true });
    return Number(stdout.trim());
  }
}
