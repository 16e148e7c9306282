import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccessType } from '../../../src/api/v1alpha1/backend-capabilities.ts';
import {
  securityServices,
  shareAccesses,
  shareNetworks,
  shareServers,
  shares,
} from '../../../src/api/v1alpha1/resource-types.ts';
import { ApiError } from '../../../src/runtime/api-error.ts';
import type { KubeObject, ResourceType } from '../../../src/runtime/kube-object.ts';
import { apiVersionOf } from '../../../src/runtime/resource-path.ts';
import { readDefinitions } from '../../api/definitions.ts';
import { validSpecs } from '../../api/valid-specs.ts';
import { eventually } from '../../faults/eventually.ts';
import { activeDirectory, network, share } from '../manifests.ts';
import type { OperatorProcess } from '../operator-process.ts';
import { Tenant } from '../tenant.ts';
import { TestCluster } from '../test-cluster.ts';
import { canaryFile, forged, hostileValues } from './hostile-values.ts';
import { namespaceVersions, versionsAtRest } from './namespace-versions.ts';
import { type TextField, textFields, withText } from './text-fields.ts';

/** Control characters, and what is invisible or turns text around: U+200C and U+200D are part of some languages' words. */
const treacherous = /[\p{Cc}\p{Zl}\p{Zp}]|(?![\u200c\u200d])\p{Cf}/u;

interface Tried extends TextField {
  readonly what: string;
  readonly value: string;
  readonly object: KubeObject;
}

interface Attempt extends Tried {
  readonly name: string;
}

interface Told extends KubeObject {
  readonly kind: string;
  readonly note?: string;
  readonly message?: string;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly { readonly reason: string; readonly message: string }[];
    readonly lastError?: { readonly message: string };
    readonly check?: { readonly request?: string; readonly message?: string };
  };
}

/** Paths of all values within a value, and its own. */
function pathsIn(value: unknown, path: readonly (string | number)[]): readonly (readonly (string | number)[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

function withValue(object: KubeObject, path: readonly (string | number)[], value: unknown): KubeObject {
  const copy = structuredClone(object);
  const holder = path
    .slice(0, -1)
    .reduce<Record<string | number, unknown>>(
      (within, key) => within[key] as Record<string | number, unknown>,
      copy as unknown as Record<string, unknown>,
    );
  holder[path.at(-1) ?? ''] = value;
  return copy;
}

function nested(depth: number): unknown {
  return depth === 0 ? {} : { spec: nested(depth - 1) };
}

describe('values that a tenant chose to do harm', () => {
  let cluster: TestCluster;
  let operator: OperatorProcess;
  /** Where they are tried. */
  let tenant: Tenant;
  let bystander: Tenant;
  let before: Awaited<ReturnType<typeof namespaceVersions>>;
  let types: ReadonlyMap<string, ResourceType>;
  let fields: readonly TextField[];
  const accepted: Attempt[] = [];
  const refused: (Tried & { readonly error: ApiError })[] = [];

  beforeAll(async () => {
    cluster = await TestCluster.start();
    operator = await cluster.startOperator();
    const definitions = await readDefinitions();
    types = new Map(
      definitions.map(({ spec: { names, scope } }) => [
        names.kind,
        {
          group: 'sharenet.io',
          version: 'v1alpha1',
          kind: names.kind,
          plural: names.plural,
          namespaced: scope === 'Namespaced',
        },
      ]),
    );
    // Where the dummy keeps its state is the administrator's to say, and this file's to look at.
    fields = (await textFields()).filter(({ path }) => path.at(-1) !== 'stateDirectory');
    tenant = await Tenant.make(cluster, { driverHandlesShareServers: true });
    bystander = await tenant.neighbour();
    for (const one of [tenant, bystander]) {
      await cluster.apply(network(one.namespace, 'net-1', [], flat), password(one.namespace, 'ad-password', 'word'));
      for (const protocol of ['NFS', 'CEPHFS'] as const) {
        await one.makeShares([`data-${protocol.toLowerCase()}`], { shareNetworkName: 'net-1', protocol });
      }
      await one.grant('client', 'data-cephfs', { accessTo: `${one.namespace}-client` });
      await one.untilActive('client');
    }
    before = await versionsAtRest(cluster, bystander.namespace);
    await tryAll();
    await useAll();
  }, 300_000);

  afterAll(async () => {
    await cluster?.stop();
  });

  const flat = { subnets: [{ name: 'default', networkType: 'flat', cidr: '10.20.0.0/16' }] } as const;

  function password(
    namespace: string,
    name: string,
    text: string,
    annotations: Record<string, string> = {},
  ): KubeObject {
    const labels = { 'sharenet.io/credentials': 'true' };
    const data = { password: Buffer.from(text.toWellFormed()).toString('base64') };
    return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name, labels, annotations }, data } as KubeObject;
  }

  /** Objects that are as right as they can be, but for the one text. */
  function basesOf({ kind, path }: TextField): readonly KubeObject[] {
    const metadata = { name: '', ...(types.get(kind)?.namespaced === true ? { namespace: tenant.namespace } : {}) };
    const base = (spec: object): KubeObject =>
      ({ apiVersion: 'sharenet.io/v1alpha1', kind, metadata, spec }) as KubeObject;
    const id = `somebody-of-${tenant.namespace}`;
    switch (kind) {
      case 'ShareAccess':
        if (path.at(-1) !== 'accessTo') return [base({ shareName: 'data-cephfs', accessType: 'cephx', accessTo: id })];
        return (['ip', 'user', 'cert', 'cephx'] as const satisfies readonly AccessType[]).map((accessType) =>
          base({ shareName: accessType === 'cephx' ? 'data-cephfs' : 'data-nfs', accessType, accessTo: id }),
        );
      case 'Share':
        return [base({ protocol: 'NFS', size: '1Gi', shareNetworkName: 'net-1', backendName: tenant.backendName })];
      case 'SecurityService':
        return [base(activeDirectory('', '', { passwordSecretRef: { name: 'ad-password' } }).spec)];
      case 'ShareNetwork':
        return [
          base(path.includes('securityServices') ? { securityServices: [{ type: 'ldap', name: 'missing' }] } : flat),
        ];
      default:
        return [base(validSpecs.get(kind) ?? {})];
    }
  }

  /** Makes every object that the API server takes. */
  async function tryAll(): Promise<void> {
    const queue: Tried[] = fields.flatMap((field) =>
      Object.entries(hostileValues).flatMap(([what, value]) =>
        basesOf(field).map((base) => ({ ...field, what, value, object: withText(base, field.path, value) })),
      ),
    );
    let made = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let tried = queue.shift(); tried !== undefined; tried = queue.shift()) {
          made += 1;
          const name = `tried-${made}`;
          const type = types.get(tried.kind);
          if (type === undefined) throw new Error(`no kind ${tried.kind}`);
          try {
            const { object } = tried;
            await cluster.client.create(type, { ...object, metadata: { ...object.metadata, name } });
            accepted.push({ ...tried, name });
          } catch (error) {
            if (!(error instanceof ApiError)) throw error;
            refused.push({ ...tried, error });
          }
        }
      }),
    );
  }

  /** What was accepted as a directory, a password or a network goes as far as a driver. */
  async function useAll(): Promise<void> {
    const { namespace, backendName } = tenant;
    const objects: KubeObject[] = [];
    const served = (name: string): KubeObject => share(namespace, name, { backendName, shareNetworkName: name });
    for (const { kind, path, name, object } of accepted) {
      if (path[0] !== 'spec' || path.at(-1) === 'description') continue;
      if (kind === 'ShareNetwork') objects.push(served(name));
      if (kind !== 'SecurityService') continue;
      const { type } = (object as KubeObject & { spec: { type: 'ldap' | 'active_directory' } }).spec;
      objects.push(network(namespace, name, [{ type, name }], flat), served(name));
    }
    Object.values(hostileValues).forEach((value, index) => {
      const name = `password-${index}`;
      const text = `hunter2-${value.slice(0, 1000)}`;
      const bound = value.length < 1000 ? { 'sharenet.io/credentials-for': `${name},${value}` } : {};
      objects.push(
        password(namespace, name, text, bound),
        activeDirectory(namespace, name, { passwordSecretRef: { name } }),
        network(namespace, name, [{ type: 'active_directory', name }], flat),
        served(name),
      );
    });
    for (let from = 0; from < objects.length; from += 100) {
      await cluster.kubectlWithInput(
        JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects.slice(from, from + 100) }),
        'create',
        '-f',
        '-',
      );
    }
    await eventually('the operator has seen them all', hasSeenAll, 120_000);
    // What it still has to do shows in its queues.
    await eventually('the operator rests', async () => !/^workqueue_depth\{.*\} [1-9]/m.test(await operator.metrics()));
  }

  async function all(kinds: string): Promise<readonly Told[]> {
    const list: { readonly items: readonly Told[] } = JSON.parse(
      await cluster.kubectl('get', kinds, '-A', '-o', 'json'),
    );
    return list.items;
  }

  async function hasSeenAll(): Promise<boolean> {
    for (const type of types.values()) {
      const { items } = await cluster.client.list<Told>(type as ResourceType<Told>);
      if (items.some(({ status }) => (status?.observedGeneration ?? -1) === -1)) {
        await pause(1000);
        return false;
      }
    }
    return true;
  }

  test('objects of other shapes than the kinds have are refused, or do no harm', async () => {
    const odd = [null, -1, 1.5, 1e308, true, '', [], [null], [[]], {}, { name: null }, nested(50)];
    const queue = [...types.keys()].flatMap((kind) =>
      basesOf({ kind, path: [] }).flatMap((base) =>
        pathsIn(Object.entries(base).find(([key]) => key === 'spec')?.[1], ['spec'])
          // An empty one would keep the dummy's state outside the test's directory.
          .filter((path) => !path.includes('dummy'))
          .flatMap((path) => odd.map((value) => ({ kind, object: withValue(base, path, value) }))),
      ),
    );
    expect(queue.length).toBeGreaterThan(300);
    const answers: string[] = [];
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
          const { kind, object } = one;
          const type = types.get(kind) as ResourceType;
          const name = `shape-${queue.length}`;
          const metadata = { ...object.metadata, name };
          const answer = await cluster.client.create(type, { ...object, metadata }).then(
            () => 'taken',
            (error: unknown) => (error instanceof ApiError ? `${error.status}` : `${error}`),
          );
          answers.push(answer);
        }
      }),
    );
    const counts = Map.groupBy(answers, (answer) => answer);
    expect([...counts.keys()].filter((answer) => !['taken', '400', '403', '409', '422'].includes(answer))).toEqual([]);
    // Kubernetes drops a null where there may be none: such objects reach the operator.
    expect(counts.get('taken')?.length).toBeGreaterThan(10);
    await eventually('the operator has seen them all', hasSeenAll, 120_000);
  });

  test('they were tried in every place that takes a text, and refusals are reported as what they are', () => {
    const places = new Set([...accepted, ...refused].map(({ kind, path }) => `${kind} ${path.join('.')}`));
    expect(places).toEqual(new Set(fields.map(({ kind, path }) => `${kind} ${path.join('.')}`)));
    for (const path of ['SecurityService spec.ou', 'ShareAccess spec.accessTo', 'ShareNetwork spec.subnets.0.name']) {
      expect(places).toContain(path);
    }
    const odd = refused.filter(({ error }) => ![400, 403, 409, 422].includes(error.status));
    expect(odd.map(({ kind, path, what, error }) => [kind, path.join('.'), what, error.message])).toEqual([]);
    // A refusal for another reason would have tried nothing.
    const unsaid = refused.filter(
      ({ path, error }) => !path.some((step) => step !== 'spec' && error.message.includes(`${step}`)),
    );
    expect(unsaid.map(({ kind, path, what, error }) => [kind, path.join('.'), what, error.message])).toEqual([]);
    expect(accepted.length).toBeGreaterThan(500);
  });

  test('no text that reaches a directory, a configuration or a share is one of those that do harm there', () => {
    const harmful = accepted.filter(({ kind, path, value }) => {
      if (path[0] !== 'spec' || path.at(-1) === 'description') return false;
      // White space around a common name is cut off before anyone sees it.
      const reaches = kind === 'ShareAccess' ? value.trim() : value;
      return /^[-@\s]|[%\n\r]/.test(reaches) || treacherous.test(reaches);
    });
    const places = harmful.map(({ kind, path, what }) => `${kind} ${path.join('.')}: ${what}`);
    expect([...new Set(places)]).toEqual([]);
  });

  test('they reached the driver as what they are', async () => {
    const calls = await cluster.calls();
    const given = JSON.stringify(calls.filter(({ event }) => event === 'start').map(({ args }) => args));
    for (const value of ['*)(uid=*))(|(uid=*', 'аdmin', '{{ .Values.password }}', '__proto__']) {
      expect(given).toContain(JSON.stringify(value).slice(1, -1));
    }
    expect(given).not.toContain('hunter2');
    expect(given).not.toMatch(/"accessTo":"(\s|[-@%])/);
  });

  test("every line of the log is the operator's own", async () => {
    const text = await operator.log();
    const lines = text.trimEnd().split('\n');
    for (const line of lines) {
      const parsed: { readonly level?: unknown; readonly msg?: unknown } = JSON.parse(line);
      expect(parsed).toMatchObject({ level: expect.any(String), msg: expect.any(String) });
      expect(parsed.msg).not.toContain(forged);
      expect(treacherous.test(line), line).toBe(false);
    }
    expect(text).not.toContain('hunter2');
    expect(text).not.toMatch(/not handled|TypeError|RangeError|an indexer failed|an event handler failed/);
  });

  test('metrics are well-formed, and have nothing that a tenant wrote but the names of unhealthy objects', async () => {
    const text = await operator.metrics();
    const sample = /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? ([0-9.e+-]+|NaN|[+-]Inf)$/;
    const wrong = text.split('\n').filter((line) => line !== '' && !line.startsWith('# ') && !sample.test(line));
    expect(wrong).toEqual([]);
    expect(text).not.toContain(forged);
    expect(text).not.toContain(forged.replaceAll('-', '_'));
    const own = [
      /^sharenet_(unhealthy_since|network_change|share_server|access_recoveries)_\w+\{[^}]*\bname="tried-\d+"/,
      // Administrators name these.
      /^sharenet_(backend_\w+|driver_call_errors_total)\{backend="tried-\d+"/,
    ];
    const named = text.split('\n').filter((line) => /tried-\d/.test(line));
    expect(named.filter((line) => !own.some((series) => series.test(line)))).toEqual([]);
    expect(text).not.toMatch(/hunter2|uid=/);
  });

  test("no file is anywhere but in the state directory, and none has a name of a tenant's choice", async () => {
    const names = await readdir(cluster.stateDirectory, { recursive: true });
    const files = names.filter((name) => name.endsWith('.json') || !/^backends(\/[a-z0-9-]+(\/[a-z]+)?)?$/.test(name));
    const shape = /^(calls\.jsonl|backends\/[a-z0-9-]+\/(servers|shares|keys|faults)\/[0-9a-f-]+\.json)$/;
    expect(files.filter((name) => !shape.test(name))).toEqual([]);
    const left = (await readdir(dirname(canaryFile))).filter((name) => name.startsWith(basename(canaryFile)));
    expect(left).toEqual([]);
    await expect(stat(join(process.cwd(), forged))).rejects.toThrow('ENOENT');
  });

  test('what status and events say of them is one line of readable text', async () => {
    const objects = await all('sharenet,events.v1.events.k8s.io');
    const texts = objects.flatMap(({ kind, metadata, status, note }) =>
      [
        ...(status?.conditions ?? []).flatMap(({ reason, message }) => [reason, message]),
        status?.lastError?.message,
        status?.check?.message,
        note,
      ].map((text) => ({ text, of: `${kind}/${metadata.name}` })),
    );
    const said = texts.filter(({ text }) => text !== undefined);
    expect(said.length).toBeGreaterThan(1000);
    expect(
      said.filter(({ text = '' }) => treacherous.test(text) || text.length > 1024 || text.includes('hunter2')),
    ).toEqual([]);
    const requests = objects.map(({ status }) => status?.check?.request ?? '');
    expect(requests.filter((text) => treacherous.test(text) || text.length > 4096)).toEqual([]);
  });

  test("nothing was written in another tenant's namespace, and nothing was made outside", async () => {
    expect(await namespaceVersions(cluster, bystander.namespace)).toEqual(before);
    const { namespace } = tenant;
    for (const type of [shares, shareAccesses, securityServices, shareServers] as const) {
      const { items } = await cluster.client.list<KubeObject>(type as ResourceType<KubeObject>);
      const homes = new Set(items.map(({ metadata }) => metadata.namespace));
      expect([...homes].filter((home) => home !== namespace && home !== bystander.namespace)).toEqual([]);
      expect(apiVersionOf(type)).toBe('sharenet.io/v1alpha1');
    }
  });

  test('annotations of the largest size are neither logged nor lost, and hold nothing up', async () => {
    const { namespace } = tenant;
    const size = (await operator.log()).length;
    const text = 'x'.repeat(250 * 1024);
    const names = Array.from({ length: 20 }, (_, index) => `large-${index}`);
    const description = '🎉'.repeat(512);
    const annotationsOf = (index: number): Record<string, string> => {
      const keys = ['example.com/note', 'sharenet.io/check-security-services', 'sharenet.io/abort-change'];
      return { [keys[index % keys.length] ?? '']: text };
    };
    await Promise.all(
      names.map(async (name, index) => {
        const { metadata, ...rest } = network(namespace, name, [], { ...flat, description });
        const annotations = annotationsOf(index);
        await cluster.client.create(shareNetworks, { ...rest, metadata: { ...metadata, annotations } });
      }),
    );
    for (const [index, name] of names.entries()) {
      const isSeen = ({ status, metadata }: KubeObject & { status?: { observedGeneration?: number } }): boolean =>
        status?.observedGeneration === metadata.generation;
      const { metadata } = await cluster.until(shareNetworks, { namespace, name }, 'seen', isSeen);
      expect(metadata.annotations, name).toEqual(annotationsOf(index));
    }
    await expect(
      cluster.client.create(shareNetworks, {
        ...network(namespace, 'too-large', [], flat),
        metadata: { namespace, name: 'too-large', annotations: { 'example.com/note': text.repeat(4) } },
      }),
    ).rejects.toThrow('may not be more than 262144 bytes');
    expect((await operator.log()).length - size).toBeLessThan(512 * 1024);
  });

  test('tenants are served as before', async () => {
    for (const one of [bystander, tenant]) {
      await one.grant('later', 'data-cephfs', { accessTo: `${one.namespace}-later` });
      await one.untilActive('later');
    }
  });
});
