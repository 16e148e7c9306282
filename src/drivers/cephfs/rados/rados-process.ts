/**
 * The process that holds one login to a Ceph cluster and carries out commands. It is one of its own because a command
 * that a daemon does not answer holds a thread for ever: in the operator that would be one of the four that files and
 * names are looked up with, and an exit would wait for it. The library's own timeout is of no use: an answer that comes
 * after it is written to memory that was freed. This process may be killed at any time.
 */

import { RadosFailureError, RadosLibrary } from './library.ts';
import { findMonitors } from './monitor-addresses.ts';
import { type RadosReply, type RadosRequest, radosRequestSchema } from './protocol.ts';

/** Not `process.exit`, which waits for threads that never end. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function tell(reply: RadosReply): void {
  // The operator may die between the look and the write; its death is dealt with on 'disconnect'.
  if (process.connected) process.send?.(reply, () => {});
}

let login: Promise<RadosLibrary> | undefined;

async function connect(request: Extract<RadosRequest, { type: 'connect' }>): Promise<RadosLibrary> {
  const { monHost, silent } = await findMonitors(request.monitors, request.probeSeconds * 1000);
  const library = await RadosLibrary.create(request.libraries, request.user, {
    ...(monHost === undefined ? {} : { mon_host: monHost }),
    key: request.key,
    keyring: '/dev/null',
    client_mount_timeout: String(request.loginSeconds),
    rados_mon_op_timeout: '0',
    rados_osd_op_timeout: '0',
    log_file: '',
    log_to_stderr: 'false',
    err_to_stderr: 'false',
    admin_socket: '',
  });
  // After the library, without which it is of no use that the monitors answer.
  if (monHost === undefined) throw new RadosFailureError({ what: 'monitors', silent: [...silent] });
  tell({ type: 'connected', fsid: await library.connect() });
  return library;
}

async function run({ daemon, name, command, id }: Extract<RadosRequest, { type: 'run' }>): Promise<void> {
  // Asked for only after 'connected' was told.
  const library = await login;
  if (library === undefined) return die();
  try {
    const runs = {
      mon: () => library.monCommand(command),
      mgr: () => library.mgrCommand(command),
      mds: () => library.mdsCommand(name ?? '', command),
    };
    tell({ type: 'result', id, ...(await runs[daemon]()) });
  } catch (error) {
    if (!(error instanceof RadosFailureError)) throw error;
    tell({ type: 'refused', id, failure: error.failure });
  }
}

process.on('message', (message) => {
  const request = radosRequestSchema.parse(message);
  if (request.type === 'run') {
    void run(request);
    return;
  }
  login = connect(request);
  login.catch((error: unknown) => {
    if (error instanceof RadosFailureError) tell({ type: 'failed', failure: error.failure });
    else die();
  });
});
process.on('disconnect', die);
process.on('uncaughtException', die);
process.on('unhandledRejection', die);
// Ctrl-C in a terminal reaches this process too: the operator drains, and ends it when it needs it no more.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
