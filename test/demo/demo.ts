/**
 * `node test/demo/demo.ts [--exit]`: the story of Sharenet with the driver that DRIVER names, on a control plane of its own.
 * Without `--exit` (or `DEMO_EXIT=1`) everything runs on at the end, for trying, until Ctrl-C.
 */
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { cephfsDemo } from './cephfs/cephfs-demo.ts';
import { dummyDemo } from './dummy/dummy-demo.ts';
import { sambaDemo } from './samba/samba-demo.ts';
import { Screen } from './screen.ts';
import { Stage } from './stage.ts';
import type { Demo, Story } from './story.ts';

/** By name of the driver. */
const demos: Readonly<Record<string, Demo>> = { dummy: dummyDemo, cephfs: cephfsDemo, samba: sambaDemo };

const root = join(import.meta.dirname, '../..');

/** What a shell gets of a program that Ctrl-C ended. */
const interruptedCode = 130;

interface Running {
  readonly stage: Stage;
  readonly story: Story;
}

const unknown = process.argv.slice(2).filter((argument) => argument !== '--exit');
if (unknown.length > 0) refuse(`unknown argument ${JSON.stringify(unknown[0])}; there is only --exit`);
const driver = process.env.DRIVER ?? 'dummy';
const demo = Object.hasOwn(demos, driver) ? demos[driver] : undefined;
const drivers = Object.keys(demos).join(', ');
if (demo === undefined) refuse(`DRIVER=${driver}: there is no demo of such a driver, only of ${drivers}`);
const endsByItself = process.argv.includes('--exit') || process.env.DEMO_EXIT === '1';
const screen = new Screen(process.stdout);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
// make starts us through a shell, which does not pass a signal on when make is ended.
const parent = process.ppid;
if (process.env.MAKELEVEL !== undefined) {
  setInterval(() => process.ppid !== parent && stop.abort(), 500).unref();
}

process.exitCode = await run(demo);

function refuse(problem: string): never {
  process.stderr.write(`test/demo/demo.ts: ${problem}\n`);
  process.exit(2);
}

async function run(chosen: Demo): Promise<number> {
  screen.heading('Sharenet: preparing a Kubernetes control plane of its own');
  // A start can't be interrupted: what supervises the programs removes them when this process ends.
  const running = await Promise.race([attempt(() => start(chosen)), aborted()]);
  if (running === undefined) return process.exit(stop.signal.aborted ? interruptedCode : 1);
  const { stage, story } = running;
  let title = '';
  try {
    for (const chapter of story.chapters) {
      title = chapter.title;
      screen.heading(title);
      await chapter.tell();
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      const log = await stage.operator.logEnd();
      screen.failure(`The demo failed in "${title}": ${messageOf(error)}\n\nThe operator's log ends so:\n${log}`);
    }
    return await clear(running, stop.signal.aborted ? interruptedCode : 1);
  }
  if (endsByItself) {
    screen.heading('The end');
    return await clear(running, 0);
  }
  invite(running);
  // The supervised programs do not keep this process alive.
  const alive = setInterval(() => {}, 60_000);
  await aborted();
  clearInterval(alive);
  return await clear(running, 0);
}

async function start(chosen: Demo): Promise<Running> {
  const log = (line: string): void => screen.note(line);
  await chosen.prepare(log);
  const stage = await Stage.set(screen, stop.signal);
  try {
    return { stage, story: await chosen.open(stage, log) };
  } catch (error) {
    await stage.clear();
    throw error;
  }
}

async function attempt<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!stop.signal.aborted) screen.failure(`The demo could not start: ${messageOf(error)}`);
    return undefined;
  }
}

async function aborted(): Promise<undefined> {
  if (!stop.signal.aborted) await once(stop.signal, 'abort');
}

async function clear({ stage, story }: Running, code: number): Promise<number> {
  screen.say('Stopping all that was started ...');
  try {
    await stage.clear();
  } finally {
    await story.close();
  }
  screen.note('Stopped; nothing is left behind.');
  return code;
}

function invite({ stage: { plane, operator }, story: { invitation } }: Running): void {
  screen.heading('Your turn');
  screen.say('Everything runs on. In another terminal, in this folder:');
  for (const line of [
    '',
    `export KUBECONFIG=${plane.kubeconfigPath}`,
    // The one that was used may have been made for this.
    ...(inPath(plane.kubectlPath) ? [] : [`alias kubectl=${plane.kubectlPath}`]),
    ...(inPath(join(root, 'bin/x')) ? [] : [`export PATH=${join(root, 'bin')}:$PATH`]),
    '',
    'kubectl get sharenet                                   # everything in team-a',
    'kubectl sharenet status                                # the same as a tree, with reasons',
    'kubectl sharenet access list --show-keys               # the keys to mount with',
    ...invitation,
    'kubectl delete namespace team-a                        # ends in whatever order',
    '',
    `tail -f ${operator.logFile}`,
    `curl -s ${operator.metricsURL} | grep ^sharenet_`,
  ]) {
    screen.note(line);
  }
  screen.say('Ctrl-C stops and removes all of it.');
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).includes(dirname(program));
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
