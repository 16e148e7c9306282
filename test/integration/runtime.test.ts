import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createApiClient, type HttpApiClient } from '../../src/runtime/api-client.ts';
import { isConflict, isInvalid, isNotFound } from '../../src/runtime/api-error.ts';
import type { CacheEvent } from '../../src/runtime/cache.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { BackgroundEventRecorder } from '../../src/runtime/events.ts';
import { createInformer, type Informer } from '../../src/runtime/informer.ts';
import { loadKubeConfig } from '../../src/runtime/kube-config.ts';
import type { KubeObject, ResourceType } from '../../src/runtime/kube-object.ts';
import { createLogger } from '../../src/runtime/logger.ts';
import { isNewer } from '../../src/runtime/resource-version.ts';
import { eventually } from '../faults/eventually.ts';
import { type ControlPlane, startControlPlane } from '../kube/control-plane.ts';

interface Widget extends KubeObject {
  readonly spec?: { readonly size?: number };
  readonly status?: { readonly phase?: string };
}

interface ConfigMap extends KubeObject {
  readonly data?: Readonly<Record<string, string>>;
}

interface StoredEvent extends KubeObject {
  readonly note?: string;
  readonly series?: { readonly count: number };
}

const widgets: ResourceType<Widget> = {
  group: 'runtime-test.example.org',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
const core = { group: '', version: 'v1', namespaced: true };
const configMaps: ResourceType<ConfigMap> = { ...core, kind: 'ConfigMap', plural: 'configmaps' };
const events: ResourceType<StoredEvent> = { ...core, group: 'events.k8s.io', kind: 'Event', plural: 'events' };
const definitions: ResourceType = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
  namespaced: false,
};
const definition = {
  metadata: { name: `${widgets.plural}.${widgets.group}` },
  spec: {
    group: widgets.group,
    scope: 'Namespaced',
    names: { kind: widgets.kind, plural: widgets.plural, singular: 'widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { size: { type: 'integer', minimum: 0 } } },
              status: { type: 'object', properties: { phase: { type: 'string' } } },
            },
          },
        },
      },
    ],
  },
};

const key = (name: string) => ({ namespace: 'default', name });
const widget = (name: string, size: number): Widget => ({ metadata: key(name), spec: { size } });
const logger = createLogger({ level: 'silent', format: 'json' });

describe('the runtime on a real API server', () => {
  let plane: ControlPlane;
  let client: HttpApiClient;
  let stop: AbortController;

  const clientOf = () =>
    createApiClient({
      kubeConfig: loadKubeConfig(plane.kubeconfigPath),
      fieldManager: 'runtime-test',
      userAgent: 'runtime-test',
      logger,
    });

  beforeAll(async () => {
    plane = await startControlPlane({ log: () => {} });
    client = clientOf();
  }, 900_000);

  afterAll(async () => {
    await client?.close();
    await plane?.stop();
  });

  beforeEach(() => {
    stop = new AbortController();
  });

  afterEach(() => stop.abort());

  function follow<T extends KubeObject>(type: ResourceType<T>, fieldSelector?: string) {
    const seen: CacheEvent<T>[] = [];
    const options = { type, ...(fieldSelector !== undefined && { fieldSelector }) };
    const timings = { backOffMaxMs: 500 };
    const informer: Informer<T> = createInformer(client, options, { logger, timings });
    informer.onEvent((event) => void seen.push(event));
    informer.start(stop.signal);
    return { informer, seen };
  }

  it('waits for a kind that comes later, then follows it', { timeout: 60_000 }, async () => {
    const { informer } = follow(widgets);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(informer.synced).toBe(false);
    await client.create(definitions, definition);
    await informer.whenSynced(AbortSignal.timeout(30_000));
    await eventually('the kind takes objects', () =>
      client.create(widgets, widget('first', 1)).then(
        () => true,
        () => false,
      ),
    );
    await eventually('the object arrives', () => informer.cache.get(key('first')));
  });

  it('guards writes, keeps status apart, refuses what the schema refuses', { timeout: 60_000 }, async () => {
    const made = await client.create(widgets, widget('guarded', 1));
    expect(made).toMatchObject({ apiVersion: 'runtime-test.example.org/v1', kind: 'Widget' });
    const replaced = await client.replace(widgets, { ...made, spec: { size: 2 } });
    await expect(client.replace(widgets, { ...made, spec: { size: 3 } })).rejects.toSatisfy(isConflict);
    const withStatus = await client.replaceStatus(widgets, { ...replaced, status: { phase: 'ready' } });
    expect(withStatus).toMatchObject({ spec: { size: 2 }, status: { phase: 'ready' } });
    const patched = await client.mergePatch(
      widgets,
      key('guarded'),
      { status: { phase: 'x' } },
      { subresource: 'status' },
    );
    expect(patched.status?.phase).toBe('x');
    await expect(client.replace(widgets, { ...patched, spec: { size: -1 } })).rejects.toSatisfy(isInvalid);
    const applied = await client.apply(widgets, widget('guarded', 7), { fieldManager: 'other', force: true });
    expect(applied.spec?.size).toBe(7);
    await expect(client.delete(widgets, key('guarded'), { uid: 'another' })).rejects.toSatisfy(isConflict);
    await client.delete(widgets, key('guarded'), { uid: applied.metadata.uid ?? '', propagationPolicy: 'Background' });
    await expect(client.get(widgets, key('guarded'))).rejects.toSatisfy(isNotFound);
    expect(await client.rawGet('/version')).toMatchObject({ major: '1' });
  });

  it('shows a write at once and tells of it once, also of the one that ends an object', {
    timeout: 60_000,
  }, async () => {
    const { informer, seen } = follow(widgets, 'metadata.name=observed');
    await informer.whenSynced();
    const made = await client.create(widgets, {
      ...widget('observed', 1),
      metadata: { ...key('observed'), finalizers: ['runtime-test.example.org/keep'] },
    });
    informer.cache.observe(made);
    expect(informer.cache.get(key('observed'))?.metadata.uid).toBe(made.metadata.uid);
    await client.delete(widgets, key('observed'));
    const deleting = await eventually('the deletion arrives', () =>
      informer.cache.list().find((object) => object.metadata.deletionTimestamp !== undefined),
    );
    const gone = await client.mergePatch(widgets, key('observed'), {
      metadata: { finalizers: null, resourceVersion: deleting.metadata.resourceVersion },
    });
    informer.cache.observe(gone);
    expect(informer.cache.size).toBe(0);
    const marker = await client.create(widgets, widget('observed', 5));
    await eventually('the successor arrives', () => informer.cache.get(key('observed')));
    expect(
      seen.map(({ type, object }) => `${type} ${object.metadata.uid === marker.metadata.uid ? 'second' : 'first'}`),
    ).toEqual(['added first', 'modified first', 'deleted first', 'added second']);
    expect(isNewer(marker.metadata.resourceVersion, gone.metadata.resourceVersion)).toBe(true);
  });

  it('lists in pages what is more than one page', { timeout: 120_000 }, async () => {
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < 1_100; index = next++) {
        await client.create(configMaps, { metadata: key(`many-${index}`), data: { index: String(index) } });
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const { informer } = follow(configMaps);
    await informer.whenSynced();
    const many = informer.cache.list('default').filter(({ metadata }) => metadata.name.startsWith('many-'));
    expect(many).toHaveLength(1_100);
    expect(many.every(({ kind, metadata }) => kind === 'ConfigMap' && metadata.managedFields === undefined)).toBe(true);
  });

  it('goes on after the API server was killed and started again', { timeout: 120_000 }, async () => {
    const { informer, seen } = follow(configMaps, 'metadata.name=survivor');
    await informer.whenSynced();
    await client.create(configMaps, { metadata: key('survivor'), data: { round: '0' } });
    await eventually('the object', () => informer.cache.get(key('survivor')));
    await plane.restartApiServer();
    await eventually('a write succeeds', () =>
      client.mergePatch(configMaps, key('survivor'), { data: { round: '1' } }).then(
        () => true,
        () => false,
      ),
    );
    await eventually('the change', () => informer.cache.get(key('survivor'))?.data?.round === '1', 30_000);
    expect(seen.map(({ type }) => type)).toEqual(['added', 'modified']);
  });

  it('stores events and counts their repetitions', { timeout: 60_000 }, async () => {
    const recorder = new BackgroundEventRecorder({
      client,
      reportingController: 'runtime-test.example.org/controller',
      reportingInstance: 'runtime-test',
      logger,
      clock: systemClock,
    });
    const regarding = await client.create(configMaps, { metadata: key('regarded') });
    const content = { type: 'Warning', reason: 'Tested', action: 'Test', note: 'ä'.repeat(2_000) } as const;
    recorder.event(regarding, content);
    const stored = () => client.list(events, { fieldSelector: 'regarding.name=regarded' });
    const first = await eventually('the event', async () => (await stored()).items[0]);
    expect(first.note).toBe('ä'.repeat(512));
    recorder.event(regarding, content);
    recorder.event(regarding, content);
    await recorder.flush(10_000);
    expect((await stored()).items).toMatchObject([{ metadata: { name: first.metadata.name }, series: { count: 3 } }]);
  });

  describe('with two processes that want to lead', () => {
    const children: ChildProcess[] = [];
    let file: string;
    let holders: string[];

    beforeEach(async () => {
      file = join(plane.directory, `leaders-${Date.now()}.txt`);
      await writeFile(file, '');
      const name = key('leader-test');
      await client.delete(configMaps, name).catch(() => undefined);
      await client
        .delete({ ...core, group: 'coordination.k8s.io', kind: 'Lease', plural: 'leases' }, name)
        .catch(() => undefined);
      await client.create(configMaps, { metadata: name, data: { holder: '' } });
      holders = [];
      const { informer } = follow(configMaps, 'metadata.name=leader-test');
      informer.onEvent(({ object }) => {
        const holder = object.data?.holder;
        if (holder && holder !== holders.at(-1)) holders.push(holder);
      });
    });

    afterEach(() => {
      for (const child of children.splice(0)) child.kill('SIGKILL');
    });

    function start(identity: string): ChildProcess {
      const script = new URL('leader-process.ts', import.meta.url).pathname;
      const child = spawn(process.execPath, [script, plane.kubeconfigPath, identity, file], { stdio: 'ignore' });
      children.push(child);
      return child;
    }

    const lines = async () => (await readFile(file, 'utf8')).trimEnd().split('\n').filter(Boolean);
    const leads = (identity: string, timeoutMs: number) =>
      eventually(`${identity} leads`, async () => (await lines()).at(-1) === identity, timeoutMs);
    /** Who worked, in the order of the file, neighbours merged: a name that comes twice would mean an overlap. */
    const turns = async () => (await lines()).filter((line, index, all) => line !== all[index - 1]);

    it('lets the other take over within the lease when the leader is killed', { timeout: 60_000 }, async () => {
      const one = start('one');
      await leads('one', 20_000);
      start('two');
      await new Promise((resolve) => setTimeout(resolve, 4_000));
      expect(await turns()).toEqual(['one']);
      one.kill('SIGKILL');
      const killed = Date.now();
      await leads('two', 10_000);
      // The lease of 3 s, one period of asking, and a margin.
      expect(Date.now() - killed).toBeLessThan(4_500);
      expect(await turns()).toEqual(['one', 'two']);
      expect(holders).toEqual(['one', 'two']);
    });

    it('hands over at once when the leader is stopped in order', { timeout: 60_000 }, async () => {
      const one = start('one');
      await leads('one', 20_000);
      start('two');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      one.kill('SIGTERM');
      const [code] = await once(one, 'exit');
      const stopped = Date.now();
      await leads('two', 10_000);
      expect(code).toBe(0);
      // Without the release it would take the lease's 3 s.
      expect(Date.now() - stopped).toBeLessThan(2_500);
      expect(await turns()).toEqual(['one', 'two']);
    });

    it('keeps a leader that was frozen beyond its lease from writing, and ends it', { timeout: 60_000 }, async () => {
      const one = start('one');
      await leads('one', 20_000);
      start('two');
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      one.kill('SIGSTOP');
      await leads('two', 10_000);
      one.kill('SIGCONT');
      const [code] = await once(one, 'exit');
      expect(code).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(holders).toEqual(['one', 'two']);
      expect((await turns()).at(-1)).toBe('two');
    });
  });
});
