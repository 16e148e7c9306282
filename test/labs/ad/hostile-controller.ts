import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from '../machine/machine.ts';

/** What a hostile domain controller answers, by service; `none` or nothing: what a good one would. */
export interface Harm {
  readonly dns?: 'slow' | 'many' | 'drip' | 'loop' | 'garbage';
  readonly ldap?: 'silent' | 'drip' | 'huge' | 'entries' | 'values' | 'references' | 'referral' | 'late';
  /** LDAP with UDP. */
  readonly ping?: 'flood' | 'silent';
  readonly kerberos?: 'drip' | 'huge' | 'again' | 'prove';
}

/** A domain controller, name server and LDAP server of the domain evil.test that does harm with its answers. */
export class HostileController {
  readonly domain = 'evil.test';
  readonly #machine: Machine;

  private constructor(machine: Machine) {
    this.#machine = machine;
  }

  static async start(machine: Machine): Promise<HostileController> {
    const controller = new HostileController(machine);
    await controller.answer({});
    await machine.succeed(['/usr/bin/python3', join(import.meta.dirname, 'hostile_controller.py'), machine.address]);
    return controller;
  }

  get address(): string {
    return this.#machine.address;
  }

  /** From the next question on. */
  async answer(harm: Harm): Promise<void> {
    await writeFile(this.#machine.file('/run/harm.json.new'), JSON.stringify(harm));
    await this.#machine.succeed(['mv', '/run/harm.json.new', '/run/harm.json']);
  }
}
