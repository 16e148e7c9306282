import { readdir, readFile } from 'node:fs/promises';

/** What can be seen of a process of the transport from outside. */
export interface RadosProcess {
  readonly pid: number;
  readonly parent: number;
  readonly commandLine: string;
  readonly environment: string;
}

/** The processes that hold a login to a Ceph cluster for this process, or for the one given. */
export async function radosProcesses(parent = process.pid): Promise<readonly RadosProcess[]> {
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map((name) => processOf(Number(name)));
  return (await Promise.all(all)).filter(
    (found) => found !== undefined && found.parent === parent && found.commandLine.includes('rados-process.ts'),
  ) as RadosProcess[];
}

/** Undefined once it has ended. */
async function processOf(pid: number): Promise<RadosProcess | undefined> {
  try {
    const [commandLine, environment, stat] = await Promise.all(
      ['cmdline', 'environ', 'stat'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8')),
    );
    const parent = Number(/\) \S (\d+)/.exec(stat ?? '')?.[1]);
    return { pid, parent, commandLine: commandLine ?? '', environment: environment ?? '' };
  } catch {
    return undefined;
  }
}
