import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schemaVersion } from '../../../src/api/v1alpha1/schema-version.ts';
import { freePort } from '../../kube/free-port.ts';
import { TestCluster } from '../test-cluster.ts';
import { operatorLauncher, runOperatorCommand } from './operator-command.ts';

/** The last log line of a command; every line must be JSON. */
function lastLine(stderr: string): Record<string, unknown> {
  const lines = stderr.trimEnd().split('\n');
  return lines.map((line): Record<string, unknown> => JSON.parse(line)).at(-1) ?? {};
}

describe('the start of the operator', () => {
  let cluster: TestCluster;
  const off = ['--metrics-bind-address=0', '--health-probe-bind-address=0'];

  beforeAll(async () => {
    cluster = await TestCluster.start();
  }, 180_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const start = (kubeconfig: string, ...args: readonly string[]) =>
    runOperatorCommand([`--kubeconfig=${kubeconfig}`, ...off, ...args]);

  test.each([
    { args: ['--no-such-flag'], environment: {}, says: /--no-such-flag/ },
    { args: ['--log-level=loud'], environment: {}, says: /^sharenet-operator: --log-level: "loud" must be/ },
    { args: [], environment: { SHARENET_LEADER_ELECT: 'perhaps' }, says: /SHARENET_LEADER_ELECT: "perhaps"/ },
  ])('is refused with code 2 and one line for $args $environment', async ({ args, environment, says }) => {
    const { code, stdout, stderr } = await runOperatorCommand(args, { environment });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(says);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('explains itself with --help', async () => {
    const { code, stdout, stderr } = await runOperatorCommand(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toContain('--leader-elect');
  });

  test('ends with code 1 and one clear line when the kubeconfig does not exist', async () => {
    const { code, stderr } = await start('/nonexistent/kubeconfig');
    expect(code).toBe(1);
    expect(lastLine(stderr)).toMatchObject({
      level: 'fatal',
      error: expect.stringContaining('/nonexistent/kubeconfig'),
    });
  });

  test('ends with code 1 and one clear line when no one listens at the API server', async () => {
    const kubeconfig = await kubeconfigWith(await freePort());
    const { code, stderr } = await start(kubeconfig);
    expect(code).toBe(1);
    expect(lastLine(stderr).error).toMatch(/the API server does not answer: .*ECONNREFUSED.*--kubeconfig/);
  });

  test('ends with code 1 and one clear line when it may read nothing', async () => {
    const { code, stderr } = await start(await cluster.plane.kubeconfigFor({ user: 'nobody' }));
    expect(code).toBe(1);
    expect(lastLine(stderr).error).toMatch(/403 Forbidden/);
  });

  test('ends with code 1 and one clear line when a port is taken', async () => {
    await using blocker = await listener();
    const { code, stderr } = await runOperatorCommand([
      `--kubeconfig=${cluster.operatorKubeconfig}`,
      '--metrics-bind-address=0',
      `--health-probe-bind-address=127.0.0.1:${blocker.port}`,
    ]);
    expect(code).toBe(1);
    expect(lastLine(stderr).error).toMatch(/health probe server can not listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/);
  });

  test('ends in order on SIGTERM while an API server that hangs is asked', { timeout: 60_000 }, async () => {
    await using silent = await listener();
    const kubeconfig = await kubeconfigWith(silent.port);
    const stop = new AbortController();
    const began = Date.now();
    const ended = runOperatorCommand([`--kubeconfig=${kubeconfig}`, ...off], { signal: stop.signal });
    await silent.connected;
    stop.abort();
    const { code } = await ended;
    expect(code).toBe(0);
    expect(Date.now() - began).toBeLessThan(15_000);
  });

  test.each([
    { program: 'the launcher', command: [operatorLauncher] as const },
    { program: 'Node.js without its flag', command: undefined },
  ])('opens no debugger on SIGUSR1 when $program starts it, and goes on', { timeout: 60_000 }, async ({ command }) => {
    await using silent = await listener();
    const kubeconfig = await kubeconfigWith(silent.port);
    const stop = new AbortController();
    const { code, stderr } = await runOperatorCommand([`--kubeconfig=${kubeconfig}`, ...off], {
      ...(command === undefined ? {} : { command }),
      signal: stop.signal,
      started: async (pid) => {
        await silent.connected;
        process.kill(pid, 'SIGUSR1');
        stop.abort();
      },
    });
    expect(code).toBe(0);
    expect(stderr).not.toContain('Debugger listening');
    expect(lastLine(stderr).msg).toBe('stopped');
  });

  test('warns of a kubeconfig that verifies nothing', async () => {
    await using silent = await listener();
    const kubeconfig = await kubeconfigWith(silent.port, '      insecure-skip-tls-verify: true\n');
    const stop = new AbortController();
    const { stderr } = await runOperatorCommand([`--kubeconfig=${kubeconfig}`, ...off], {
      signal: stop.signal,
      started: async () => {
        await silent.connected;
        stop.abort();
      },
    });
    expect(stderr).toContain('insecure-skip-tls-verify');
  });

  test('ends with code 1 and one clear line when the CRDs are older or missing', async () => {
    const name = 'sharenetworks.sharenet.io';
    const annotate = (version: string) =>
      cluster.kubectl('annotate', '--overwrite', 'crd', name, `sharenet.io/schema-version=${version}`);
    await annotate('0');
    const older = await start(cluster.operatorKubeconfig);
    expect(older.code).toBe(1);
    expect(lastLine(older.stderr).error).toBe(
      `CustomResourceDefinition ${name} has schema version 0, this operator needs ${schemaVersion}: apply config/crd first`,
    );
    await cluster.kubectl('delete', 'crd', name);
    const missing = await start(cluster.operatorKubeconfig);
    expect(missing.code).toBe(1);
    expect(lastLine(missing.stderr).error).toBe(
      `CustomResourceDefinition ${name} does not exist: apply config/crd first`,
    );
  });

  /** A kubeconfig with another port, and with lines in place of the authority. */
  async function kubeconfigWith(port: number, verification?: string): Promise<string> {
    const path = join(cluster.plane.directory, `port-${port}.kubeconfig`);
    const present = await readFile(cluster.operatorKubeconfig, 'utf8');
    const moved = present.replaceAll(cluster.plane.server, `https://127.0.0.1:${port}`);
    const text = verification === undefined ? moved : moved.replace(/^.*certificate-authority.*\n/m, verification);
    await writeFile(path, text, { mode: 0o600 });
    return path;
  }
});

/** Someone who accepts connections and says nothing. */
async function listener(): Promise<AsyncDisposable & { readonly port: number; readonly connected: Promise<void> }> {
  const connected = Promise.withResolvers<void>();
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    // What is not read keeps a socket from its end.
    socket.resume();
    connected.resolve();
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    connected: connected.promise,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => void server.close(() => resolve())),
  };
}
