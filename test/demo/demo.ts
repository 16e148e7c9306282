/**
 * `node test/demo/demo.ts [--exit]`: the story of Sharenet on a control plane of its own. Without `--exit` (or `DEMO_EXIT=1`)
 * everything runs on at the end, for trying, until Ctrl-C.
 */
import { once } from 'node:events';
import { delimiter, dirname, join } from 'node:path';
import { grantAccess } from './chapters/access-keys.ts';
import { stopAfterFirstFailure } from './chapters/canary.ts';
import { failOneServer } from './chapters/failed-server.ts';
import { changeSecurityService } from './chapters/network-change.ts';
import { resetAndRepair } from './chapters/reset-and-repair.ts';
import { Screen } from './screen.ts';
import { Stage } from './stage.ts';

const chapters = [
  { title: '1. Shares, and the keys to mount them', tell: grantAccess },
  { title: '2. Another directory for a network in use', tell: changeSecurityService },
  { title: '3. One server fails', tell: failOneServer },
  { title: '4. A careful change stops after its first failure', tell: stopAfterFirstFailure },
  { title: '5. Resetting a status, and a lost Secret', tell: resetAndRepair },
] as const;

const root = join(import.meta.dirname, '../..');

/** What a shell gets of a program that Ctrl-C ended. */
const interruptedCode = 130;

const unknown = process.argv.slice(2).filter((argument) => argument !== '--exit');
if (unknown.length > 0) {
  process.stderr.write(`test/demo/demo.ts: unknown argument ${JSON.stringify(unknown[0])}; there is only --exit\n`);
  process.exit(2);
}
const driver = process.env.DRIVER ?? 'dummy';
if (driver !== 'dummy') {
  process.stderr.write(`test/demo/demo.ts: DRIVER=${driver}: the demo knows the dummy driver only\n`);
  process.exit(2);
}
const endsByItself = process.argv.includes('--exit') || process.env.DEMO_EXIT === '1';
const screen = new Screen(process.stdout);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
// make starts us through a shell, which does not pass a signal on when make is ended.
const parent = process.ppid;
if (process.env.MAKELEVEL !== undefined) {
  setInterval(() => process.ppid !== parent && stop.abort(), 500).unref();
}

process.exitCode = await run();

async function run(): Promise<number> {
  screen.heading('Sharenet: preparing a Kubernetes control plane of its own');
  // A start can't be interrupted: what supervises the programs removes them when this process ends.
  const stage = await Promise.race([attempt(() => Stage.set(screen, stop.signal)), aborted()]);
  if (stage === undefined) return process.exit(stop.signal.aborted ? interruptedCode : 1);
  let title = '';
  try {
    for (const chapter of chapters) {
      title = chapter.title;
      screen.heading(title);
      await chapter.tell(stage);
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      const log = await stage.operator.logEnd();
      screen.failure(`The demo failed in "${title}": ${messageOf(error)}\n\nThe operator's log ends so:\n${log}`);
    }
    return await clear(stage, stop.signal.aborted ? interruptedCode : 1);
  }
  if (endsByItself) {
    screen.heading('The end');
    return await clear(stage, 0);
  }
  invite(stage);
  // The supervised programs do not keep this process alive.
  const alive = setInterval(() => {}, 60_000);
  await aborted();
  clearInterval(alive);
  return await clear(stage, 0);
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

async function clear(stage: Stage, code: number): Promise<number> {
  screen.say('Stopping the operator and the control plane ...');
  await stage.clear();
  screen.note('Stopped; nothing is left behind.');
  return code;
}

function invite({ plane, operator, stateDirectory }: Stage): void {
  screen.heading('Your turn');
  screen.say('Everything runs on. In another terminal:');
  for (const line of [
    '',
    `export KUBECONFIG=${plane.kubeconfigPath}`,
    // The one that was used may have been made for this.
    ...(inPath(plane.kubectlPath) ? [] : [`alias kubectl=${plane.kubectlPath}`]),
    '',
    'kubectl get sharenet                                   # everything in team-a',
    ...(inPath(join(root, 'bin/x')) ? [] : [`export PATH=${join(root, 'bin')}:$PATH`]),
    'kubectl sharenet status                                # the same as a tree, with reasons',
    'kubectl sharenet access list --show-keys               # the keys to mount with',
    'kubectl explain sharenetwork.spec                      # every field is described',
    'kubectl edit sharenetwork net-1                        # name ad-a or ad-b and watch:',
    'kubectl get shareservers --watch',
    'kubectl delete shareaccess scratch-batch               # its Secret goes with it',
    'kubectl delete namespace team-a                        # ends in whatever order',
    '',
    `tail -f ${operator.logFile}`,
    `tail -f ${join(stateDirectory, 'calls.jsonl')}`,
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
