import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readDummyState } from '../../integration/crash/dummy-state.ts';
import { OperatorProcess } from '../../integration/operator-process.ts';
import { operatorUser } from '../../integration/operator-user.ts';
import { type ControlPlane, startControlPlane } from '../../kube/control-plane.ts';
import { PageCommands } from './page-commands.ts';
import { readPage } from './pages.ts';

describe('what docs/backup.md says of an etcd that is put back', () => {
  let folder: string;
  let storage: string;
  let plane: ControlPlane | undefined;
  let operator: OperatorProcess | undefined;
  let commands: PageCommands;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sharenet-restore-'));
    storage = await mkdtemp(join(tmpdir(), 'sharenet-dummy-'));
  });

  afterAll(async () => {
    await stop();
    for (const each of [folder, storage]) await rm(each, { recursive: true, force: true });
  });

  async function start(): Promise<void> {
    plane = await startControlPlane({ dataDirectory: folder });
    commands = await PageCommands.open(plane);
  }

  async function startOperator(): Promise<void> {
    if (plane === undefined) throw new Error('no control plane runs');
    operator = await OperatorProcess.start(await plane.kubeconfigFor(operatorUser));
  }

  async function stop(): Promise<void> {
    await operator?.stop();
    await operator?.forget();
    await commands?.close();
    await plane?.stop();
    operator = undefined;
    plane = undefined;
  }

  /** Copies the data of etcd, which writes nothing meanwhile. */
  async function backUp(): Promise<void> {
    const pid = plane?.etcdPid;
    if (pid === undefined) throw new Error('etcd does not run');
    process.kill(pid, 'SIGSTOP');
    try {
      await cp(join(folder, 'etcd'), join(folder, 'etcd-backup'), { recursive: true });
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  async function putBack(): Promise<void> {
    await rm(join(folder, 'etcd'), { recursive: true });
    await cp(join(folder, 'etcd-backup'), join(folder, 'etcd'), { recursive: true });
  }

  /** Rules that the storage system grants, as "share: whom level". */
  async function granted(): Promise<readonly string[]> {
    const { shares } = await readDummyState(storage, 'dummy');
    const rules = shares.flatMap(({ name, rules }) =>
      Object.values(rules).map(({ accessTo, accessLevel }) => `${name}: ${accessTo} ${accessLevel}`),
    );
    return rules.sort();
  }

  const makeRule = (id: string): string => `kubectl apply -f - <<'END'
apiVersion: sharenet.io/v1alpha1
kind: ShareAccess
metadata: {name: ${id}}
spec: {shareName: scratch, accessType: cephx, accessTo: ${id}}
END
kubectl wait shareaccess/${id} --for=jsonpath='{.status.phase}'=active --timeout=60s`;

  const typed = (...lines: readonly string[]): Promise<string> =>
    commands.type(['set -euo pipefail', ...lines].join('\n'));

  test('statuses are believed until someone asks; then the storage system is made equal to the backup', {
    timeout: 240_000,
  }, async () => {
    await start();
    await typed('kubectl apply -k config/crd', 'kubectl apply -k config/rbac');
    await startOperator();
    const dummy = JSON.stringify({ spec: { dummy: { latency: '0s', stateDirectory: storage } } });
    await typed(
      'kubectl create namespace team-a',
      'kubectl config set-context --current --namespace=team-a',
      // Nothing may be made before it has its place.
      'kubectl apply -f config/samples/storage-backend.yaml',
      `kubectl patch storagebackend dummy --type=merge -p '${dummy}'`,
      "kubectl wait storagebackend/dummy --for=jsonpath='{.status.observedGeneration}'=2 --timeout=60s",
      'kubectl apply -f config/samples/security-services.yaml -f config/samples/share-network.yaml',
      'kubectl apply -f config/samples/shares.yaml -f config/samples/share-accesses.yaml',
      "kubectl wait shareaccess --all --for=jsonpath='{.status.phase}'=active --timeout=60s",
      makeRule('leaver'),
      "sed 's/name: scratch/name: short-lived/' config/samples/shares.yaml | kubectl apply -f -",
      "kubectl wait share/short-lived --for=jsonpath='{.status.phase}'=available --timeout=60s",
    );
    const before = await granted();
    await backUp();

    await typed(
      'kubectl delete share short-lived',
      'kubectl delete shareaccess leaver',
      `kubectl patch shareaccess projects-office --type=merge -p '{"spec":{"accessLevel":"rw"}}'`,
      "kubectl wait shareaccess/projects-office --for=jsonpath='{.status.accessLevel}'=rw --timeout=60s",
      makeRule('late'),
    );
    const since = await granted();
    expect(since).not.toEqual(before);
    await stop();

    await putBack();
    await start();
    await startOperator();
    await typed(
      'kubectl config set-context --current --namespace=team-a',
      'kubectl get shareaccess leaver',
      'kubectl wait storagebackend/dummy --for=condition=Ready --timeout=60s',
      "kubectl wait share/short-lived --for=jsonpath='{.status.phase}'=available --timeout=60s",
    );
    expect(await granted()).toEqual(since);

    const page = await readPage('docs/backup.md');
    const blocks = page.blocks.filter(({ mark }) => mark?.text === 'test/delivery/docs/restore.test.ts');
    expect(blocks).toHaveLength(1);
    await commands.run(page, blocks);
    const shown = await typed(
      "kubectl wait share/short-lived --for=jsonpath='{.status.phase}'=error --timeout=60s",
      "kubectl get share/short-lived -o jsonpath='{.status.conditions[*].reason}'",
    );
    expect(shown).toContain('ShareLost');
    await expect.poll(granted, { timeout: 30_000 }).toEqual(before);
    const ofRule = "kubectl get secret leaver-access-key -o jsonpath='{.data.userKey}' | base64 -d";
    const stored = async () => (await readDummyState(storage, 'dummy')).keys.map(({ key }) => key);
    await expect.poll(async () => (await stored()).includes(await typed(ofRule)), { timeout: 30_000 }).toBe(true);
    // The id of a rule that was made since is still the namespace's.
    await typed(makeRule('late'), 'kubectl delete share short-lived --timeout=60s');
  });
});
