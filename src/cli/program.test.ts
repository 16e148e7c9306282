import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FaultyApiServer } from '../../test/faults/api-server.ts';
import { runCommand } from './program.ts';

describe('kubectl sharenet', () => {
  let server: FaultyApiServer;
  let folder: string;
  let kubeconfig: string;

  beforeAll(async () => {
    server = await FaultyApiServer.start();
    folder = await mkdtemp(join(tmpdir(), 'sharenet-cli-'));
    kubeconfig = join(folder, 'config');
    const contexts = [
      { name: 'one', context: { cluster: 'c', user: 'u', namespace: 'from-one' } },
      { name: 'two', context: { cluster: 'c', user: 'u', namespace: 'from-two' } },
      { name: 'plain', context: { cluster: 'c', user: 'u' } },
      { name: 'broken', context: { cluster: 'gone', user: 'u' } },
    ];
    const content = {
      clusters: [{ name: 'c', cluster: { server: server.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'u', user: { token: 'token-of-u' } }],
      contexts,
      'current-context': 'one',
    };
    await writeFile(kubeconfig, JSON.stringify(content));
  });

  beforeEach(() => {
    server.requests.length = 0;
    server.fault = () => undefined;
  });

  afterAll(async () => {
    await server.stop();
    await rm(folder, { recursive: true });
  });

  async function run(...args: readonly string[]) {
    const out: string[] = [];
    const told: string[] = [];
    const terminal = {
      columns: undefined,
      line: (text: string) => void out.push(text),
      tell: (text: string) => void told.push(text),
      paint: (_: string, text: string) => text,
    };
    const code = await runCommand([...args, `--kubeconfig=${kubeconfig}`], { terminal, now: Date.now });
    return { code, out: out.join('\n'), told };
  }

  const namespaces = () => [...new Set(server.requests.map(({ path }) => /namespaces\/([^/]+)/.exec(path)?.[1]))];

  test.each([
    [['status', '--nonsense'], /unknown option '--nonsense'/],
    [['statu'], /unknown command 'statu' \(Did you mean status\?\)/],
    [['status', 'a', 'b'], /too many arguments/],
    [['status', 'a', '-A'], /name a network, or use --all-namespaces/],
    [['status', '-o', 'xml'], /Allowed choices are wide, json, yaml/],
    [['status', '-n', 'Team A'], /must be the name of a namespace/],
    [['status', '--request-timeout', 'soon'], /must be a duration/],
    [['status', '--as-group', 'g'], /--as-group needs --as/],
    [['why', 'a/b/c'], /not of the form KIND\/NAME/],
    [['why', 'share/a', 'share/b'], /why takes one object/],
    [['check', 'net', 'ad=x'], /write TYPE=NAME, each type once/],
    [['check', 'net', 'ldap=x', 'ldap=y'], /each type once/],
    [['check', 'net'], /missing required argument 'type=name'/],
    [['check', 'net', 'ldap=x', '--timeout', 'soon'], /must be a duration/],
    [['reapply', 'share/x'], /is not a share network/],
    [['abort', 'a', 'b'], /too many arguments/],
    [['pause', 'secret/x'], /"secret" is not a kind of Sharenet/],
    [['resume', 'share'], /alone names no object/],
    [['watch', 'net', '-o', 'yaml'], /Allowed choices are json/],
    [['report', '--operator-namespace', '..'], /can not be the name/],
    [['completion', 'tcsh'], /Allowed choices are bash, zsh, fish/],
    [['status', '../secrets'], /can not be the name of an object/],
    [['access', 'list', 'a', '-A'], /name a share, or use --all-namespaces/],
    [['reset-status', 'shnet/a'], /required option '--to <phase>'/],
    [['reset-status', 'shnet/a', '--to', 'deleting'], /Allowed choices are active, error, network_change/],
    [['reset-status', 'shnet/a', '--to=active', '--dry-run=client'], /unknown option/],
    [['set-capability', 'securityServiceUpdateSupport', 's'], /write securityServiceUpdateSupport=true or/],
    [['set-capability', 'securityServiceUpdateSupport=False', 's'], /write securityServiceUpdateSupport=true or/],
    [['set-capability', 'snapshots=true', 's'], /"snapshots" is not a capability/],
    [['set-capability', 'securityServiceUpdateSupport=true'], /missing required argument 'server'/],
  ])('%j is wrong usage: one line, code 2, no request', async (args, says) => {
    const { code, out, told } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(says);
    expect(told[0]).toMatch(/^kubectl-sharenet: .*; see --help$/);
    expect(server.requests).toEqual([]);
  });

  test('explains itself, with examples', async () => {
    const commands =
      'status,why,access list,access volume,check,reapply,watch,abort,pause,resume,reset-status,set-capability,report,completion';
    for (const command of commands.split(',').map((words) => words.split(' '))) {
      const { code, out, told } = await run(...command, '--help');
      expect({ code, told }).toEqual({ code: 0, told: [] });
      expect(out).toMatch(/Examples:\n {2}.*kubectl sharenet/);
      expect(out).toContain('--kubeconfig <file>');
    }
    expect((await run('--help')).out).toContain('reset-status');
    expect(server.requests).toEqual([]);
  });

  test("works in the context's namespace unless told otherwise", async () => {
    const used = async (...args: readonly string[]) => {
      server.requests.length = 0;
      expect((await run('access', 'list', ...args)).code).toBe(0);
      return namespaces();
    };
    expect(await used()).toEqual(['from-one']);
    expect(await used('--context', 'two')).toEqual(['from-two']);
    expect(await used('--context=plain')).toEqual(['default']);
    expect(await used('-n', 'team-a')).toEqual(['team-a']);
    expect(await used('-A')).toEqual([undefined]);
  });

  describe('completes what its commands name', () => {
    const namespace = 'named';
    const collection = '/apis/sharenet.io/v1alpha1';

    beforeAll(() => {
      const objects = { sharenetworks: 'net', shareservers: 'net-1', shares: 'home', shareaccesses: 'rule' };
      for (const [plural, name] of Object.entries(objects)) {
        server.put(`${collection}/${plural}`, { metadata: { name, namespace } });
        server.put(`${collection}/${plural}`, { metadata: { name: 'elsewhere', namespace: 'other' } });
      }
      server.put(`${collection}/storagebackends`, { metadata: { name: 'sto' } });
    });

    const networkAndServer = ['sharenetwork/net', 'shareserver/net-1'];
    const ofTenants = [...networkAndServer, 'share/home', 'shareaccess/rule'];

    test.each<readonly [words: string, offered: readonly string[]]>([
      ['status', ['net']],
      ['check', ['net']],
      ['reapply', ['net']],
      ['watch', ['net']],
      ['abort', ['net']],
      ['access list', ['home']],
      ['access volume', ['rule']],
      ['set-capability', ['securityServiceUpdateSupport=true', 'securityServiceUpdateSupport=false']],
      ['set-capability securityServiceUpdateSupport=true', ['net-1']],
      ['reset-status', networkAndServer],
      ['why', [...ofTenants, 'storagebackend/sto']],
      ['pause', [...ofTenants, 'storagebackend/sto']],
      ['resume shnet', ['net']],
      ['report', []],
    ])('%s', async (words, offered) => {
      const out: string[] = [];
      const terminal = {
        columns: undefined,
        line: (text: string) => void out.push(text),
        tell: () => {},
        paint: (_: string, text: string) => text,
      };
      const flags = ['--kubeconfig', kubeconfig, '-n', namespace];
      const args = ['__complete', ...flags, ...words.split(' '), ''];
      expect(await runCommand(args, { terminal, now: Date.now })).toBe(0);
      expect(out.at(-1)).toBe(':4');
      expect(out.slice(0, -1).sort()).toEqual([...offered].sort());
    });
  });

  test('tells its version, that of the package', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'));
    expect(await run('--version')).toEqual({ code: 0, out: version, told: [] });
    expect(server.requests).toEqual([]);
  });

  test('asks for each kind once', async () => {
    expect((await run('status')).told).toEqual(['nothing found in namespace from-one']);
    expect(server.requests.map(({ path }) => path.split('/').at(-1)).sort()).toEqual([
      'shareaccesses',
      'sharenetworks',
      'shares',
      'shareservers',
      'storagebackends',
    ]);
  });

  test('acts as another user where that is asked', async () => {
    await run('access', 'list', '--as=tom', '--as-group=a', '--as-group=b');
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: 'Bearer token-of-u',
      'impersonate-user': 'tom',
      'impersonate-group': 'a, b',
    });
  });

  test('gives a request up after its time', async () => {
    server.fault = () => 'hang';
    const began = performance.now();
    const { code, told } = await run('access', 'list', '--request-timeout=200ms');
    expect({ code, told }).toEqual({
      code: 1,
      told: [expect.stringMatching(/^kubectl-sharenet: no answer from the API server: UND_ERR_HEADERS_TIMEOUT$/)],
    });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test.each([
    [['--context', 'three'], /has no context "three"; it has: one, two, plain, broken/],
    [['--context', 'broken'], /no current context with a cluster/],
  ])('%j: a kubeconfig that can not be used is a failure of one line', async (args, says) => {
    const { code, told } = await run('status', ...args);
    expect({ code, told }).toEqual({ code: 1, told: [expect.stringMatching(says)] });
  });

  test('a broken kubeconfig is not quoted: it holds credentials', async () => {
    await writeFile(join(folder, 'broken'), 'users:\n- user: {token: "secret-token"\n  x: [');
    const broken = join(folder, 'broken');
    const told: string[] = [];
    const terminal = {
      columns: undefined,
      line: () => {},
      tell: (text: string) => void told.push(text),
      paint: String,
    };
    expect(await runCommand(['status', `--kubeconfig=${broken}`], { terminal, now: Date.now })).toBe(1);
    expect(told).toHaveLength(1);
    expect(told[0]).not.toContain('secret-token');
  });

  test.each([
    [401, undefined, /does not accept your credentials/],
    [404, '404 page not found', /are Sharenet's CRDs applied\?/],
    [500, undefined, /injected/],
  ])('an answer %d is explained', async (status, body, says) => {
    server.fault = () => ({ status, ...(body !== undefined && { body }) });
    const { code, told } = await run('status');
    expect({ code, told }).toEqual({ code: 1, told: [expect.stringMatching(says)] });
  });

  test('warnings of the API server are passed on', async () => {
    server.fault = () => ({
      status: 200,
      headers: { warning: '299 - "sharenet.io/v1alpha1 is deprecated"' },
      body: '{"metadata":{"resourceVersion":"1"},"items":[]}',
    });
    expect((await run('access', 'list')).told[0]).toBe('Warning: sharenet.io/v1alpha1 is deprecated');
  });
});
