/**
 * The process that owns the programs of a control plane and its folder of data. It runs in a process group of its
 * own, so a Ctrl-C in the terminal does not reach it, and it ends when the channel to its parent closes, which the
 * kernel does however the parent dies. That is what leaves nothing behind after a SIGKILL.
 *
 * Argument: a folder to use and to keep; without it a temporary one is made and removed at the end.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { requestSchema, type SupervisorMessage, type SupervisorRequest } from './supervisor-protocol.ts';

const children = new Map<string, ChildProcess>();
const kept = process.argv[2];
const directory = kept ?? mkdtempSync(join(tmpdir(), 'sharenet-control-plane-'));
if (kept !== undefined) {
  mkdirSync(kept, { recursive: true });
}
let ending = false;

function tell(message: SupervisorMessage): void {
  if (process.connected) {
    // The parent may die between the look and the write; its death is dealt with on 'disconnect'.
    process.send?.(message, () => {});
  }
}

async function start(name: string, command: string, args: readonly string[], logFile: string): Promise<number> {
  if (ending) {
    throw new Error('the control plane is stopping');
  }
  const log = openSync(logFile, 'a');
  const child = spawn(command, args, { stdio: ['ignore', log, log], cwd: directory });
  closeSync(log);
  await once(child, 'spawn');
  children.set(name, child);
  child.once('exit', (code, signal) => {
    children.delete(name);
    tell({ type: 'exited', name, how: signal === null ? `with code ${code}` : `by ${signal}` });
  });
  if (ending) {
    // The end came while the program was starting and did not see it.
    child.kill('SIGKILL');
  }
  return child.pid ?? 0;
}

async function end(): Promise<void> {
  ending = true;
  const gone = [...children.values()].map((child) => once(child, 'exit'));
  for (const child of children.values()) {
    // Not SIGTERM: the API server takes seconds over it. Killed, etcd loses nothing that it had acknowledged.
    child.kill('SIGKILL');
    child.kill('SIGCONT');
  }
  await Promise.all(gone);
  if (kept === undefined) {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function handle(request: SupervisorRequest): Promise<number | undefined> {
  switch (request.operation) {
    case 'start':
      return start(request.name, request.command, request.args, request.logFile);
    case 'signal':
      children.get(request.name)?.kill(request.signal as NodeJS.Signals);
      return undefined;
    case 'shutdown':
      await end();
      return undefined;
  }
}

process.on('message', async (message) => {
  const request = requestSchema.parse(message);
  const reply: SupervisorMessage = { type: 'reply', id: request.id };
  try {
    const pid = await handle(request);
    tell(pid === undefined ? reply : { ...reply, pid });
  } catch (error) {
    tell({ ...reply, error: error instanceof Error ? error.message : String(error) });
  }
  if (request.operation === 'shutdown') {
    process.disconnect?.();
  }
});

for (const event of ['disconnect', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  process.on(event, async () => {
    await end();
    process.exit();
  });
}

tell({ type: 'ready', directory });
