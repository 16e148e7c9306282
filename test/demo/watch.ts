import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { type Stage, StepFailed } from './stage.ts';

const timeoutMs = 60_000;

/** A `kubectl get ... --watch` of the tenant's whose lines come to the screen with a mark in front. */
class Watch {
  readonly lines: string[] = [];
  readonly command: string;
  readonly #child: ChildProcess;

  constructor(stage: Stage, mark: string, command: string) {
    this.command = command;
    // Ours is the shell's place: a kubectl that is started through one would outlive it.
    const [program = '', ...args] = command.split(' ');
    this.#child = spawn(program, args, { env: stage.environmentOf('tenant'), stdio: ['ignore', 'pipe', 'ignore'] });
    let rest = '';
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      const lines = `${rest}${text}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        this.lines.push(line);
        stage.screen.output(`${mark} ${line}\n`);
      }
    });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}

/**
 * Watches the network and its share servers in two terminals while something is done, until both have shown `network_change`
 * and then none of it any more.
 *
 * @throws StepFailed when that takes too long
 */
export async function watchChange(
  stage: Stage,
  network: string,
  servers: number,
  act: () => Promise<void>,
): Promise<void> {
  const networkCommand = `kubectl get sharenetwork ${network} --watch`;
  const serverCommand = 'kubectl get shareservers --watch';
  stage.screen.command('tenant', `${networkCommand}   # in a second terminal: lines marked 1`);
  stage.screen.command('tenant', `${serverCommand}         # in a third one: lines marked 2`);
  const watches = [new Watch(stage, '1', networkCommand), new Watch(stage, '2', serverCommand)] as const;
  const [ofNetwork, ofServers] = watches;
  const until = async (what: string, holds: () => boolean): Promise<void> => {
    const deadline = performance.now() + timeoutMs;
    while (!holds()) {
      if (performance.now() > deadline)
        throw new StepFailed(`the watches did not show ${what} within ${timeoutMs / 1000} s`);
      await pause(20, undefined, { signal: stage.signal });
    }
  };
  try {
    await until('the state before', () => ofNetwork.lines.length >= 2 && ofServers.lines.length >= 1 + servers);
    await act();
    await until('network_change and its end', () => hasChanged(ofNetwork, 1) && hasChanged(ofServers, servers));
  } finally {
    for (const watch of watches) await watch.stop();
  }
}

/** Whether every object of a watch has been in network_change and is not any more. */
function hasChanged({ lines }: Watch, objects: number): boolean {
  const latest = new Map<string, boolean>();
  const changed = new Set<string>();
  for (const line of lines.slice(1)) {
    const name = line.split(' ', 1)[0] ?? '';
    const changing = line.includes(' network_change ');
    latest.set(name, changing);
    if (changing) changed.add(name);
  }
  return changed.size === objects && [...latest.values()].every((changing) => !changing);
}
