import type { Command } from 'commander';
import type { Terminal } from './output/terminal.ts';
import { type ConnectionFlags, type Session, withSession } from './session.ts';

/** What commands work with besides their arguments. */
export interface Environment {
  readonly terminal: Terminal;
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number;
}

/** Runs something with the connection that the flags of a command ask for. */
export async function connected(
  { terminal }: Environment,
  command: Command,
  run: (session: Session) => Promise<void>,
): Promise<void> {
  await withSession(command.optsWithGlobals<ConnectionFlags>(), terminal, run);
}
