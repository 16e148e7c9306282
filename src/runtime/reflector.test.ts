import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyApiServer, type SeenRequest } from '../../test/faults/api-server.ts';
import { eventually } from '../../test/faults/eventually.ts';
import { createApiClient, type HttpApiClient } from './api-client.ts';
import { createInformer, type Informer } from './informer.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import { createLogger } from './logger.ts';
import type { ReflectorTimings } from './reflector.ts';

interface Widget extends KubeObject {
  readonly spec?: { readonly size: number };
}

const widgets: ResourceType<Widget> = {
  group: 'example.org',
  version: 'v1',
  kind: 'Widget',
  plural: 'widgets',
  namespaced: true,
};
const collection = '/apis/example.org/v1/widgets';
const widget = (name: string, size = 1): Widget => ({ metadata: { namespace: 'a', name }, spec: { size } });
const key = (name: string) => ({ namespace: 'a', name });
const fast: Partial<ReflectorTimings> = { backOffBaseMs: 10, backOffMaxMs: 200, healthyAfterMs: 5_000 };

describe('an informer against an API server that fails', () => {
  let server: FaultyApiServer;
  let client: HttpApiClient;
  let stop: AbortController;
  let log: string[];
  let seen: string[];

  beforeEach(async () => {
    server = await FaultyApiServer.start();
    log = [];
    seen = [];
    stop = new AbortController();
    client = createApiClient({
      kubeConfig: server.kubeConfig,
      fieldManager: 'test',
      userAgent: 'test',
      logger: logger(),
    });
  });

  afterEach(async () => {
    stop.abort();
    await client.close();
    await server.stop();
  });

  const logger = () =>
    createLogger({ level: 'debug', format: 'json', destination: { write: (line) => void log.push(line) } });

  async function follow(timings: Partial<ReflectorTimings> = {}): Promise<Informer<Widget>> {
    const informer = createInformer(client, { type: widgets }, { logger: logger(), timings: { ...fast, ...timings } });
    informer.onEvent((event) => {
      const { name, uid } = event.object.metadata;
      seen.push(`${event.type}${event.initial ? ' initially' : ''} ${name} ${uid} ${event.object.spec?.size}`);
    });
    informer.start(stop.signal);
    return informer;
  }

  async function followAndWatch(timings: Partial<ReflectorTimings> = {}): Promise<Informer<Widget>> {
    const informer = await follow(timings);
    await informer.whenSynced();
    await watching();
    return informer;
  }

  const watching = (count = 1) => eventually('a watch is open', () => server.openWatches >= count);
  const known = (informer: Informer<Widget>, name: string, size: number) =>
    eventually(`${name} has size ${size}`, () => informer.cache.get(key(name))?.spec?.size === size);

  it('lists all pages and follows changes', async () => {
    for (let index = 0; index < 1203; index++) server.put(collection, widget(`w${index}`));
    const informer = await followAndWatch();
    expect(informer.cache.size).toBe(1203);
    expect(server.count('list')).toBe(3);
    expect(server.requests[0]?.query.get('resourceVersion')).toBeNull();
    expect(seen.every((event) => event.startsWith('added initially'))).toBe(true);
    seen.length = 0;
    server.put(collection, widget('w7', 2));
    server.put(collection, widget('new', 3));
    server.remove(collection, key('w8'));
    await eventually('three events', () => seen.length === 3);
    expect(seen.map((event) => event.split(' uid')[0])).toEqual(['modified w7', 'added new', 'deleted w8']);
  });

  it('drops what is not kept page by page, before it has all of them', async () => {
    for (let index = 0; index < 40; index++) server.put(collection, widget(`w${index}`));
    const slim: number[] = [];
    let slimmed = 0;
    server.fault = (request) => {
      if (request.kind === 'list') slim.push(slimmed);
      return undefined;
    };
    const transform = ({ spec: _, ...object }: Widget): Widget => {
      slimmed++;
      return object;
    };
    const informer = createInformer(client, { type: widgets, pageSize: 10, transform }, { logger: logger() });
    informer.start(stop.signal);
    await informer.whenSynced();
    expect(slim).toEqual([0, 10, 20, 30]);
    expect(informer.cache.get(key('w7'))).toMatchObject({ metadata: { name: 'w7' } });
    expect(informer.cache.get(key('w7'))).not.toHaveProperty('spec');
  });

  for (const status of [500, 429, 503]) {
    it(`goes on when the watch is answered ${status}, without a new list`, async () => {
      let refused = 0;
      server.fault = (request) => (request.kind === 'watch' && refused++ < 3 ? { status } : undefined);
      const informer = await followAndWatch();
      server.put(collection, widget('after'));
      await known(informer, 'after', 1);
      expect(refused).toBeGreaterThanOrEqual(3);
      expect(server.count('list')).toBe(1);
    });
  }

  it('waits as long as a 429 says', async () => {
    let refused = 0;
    server.fault = (request) =>
      request.kind === 'watch' && refused++ === 0 ? { status: 429, headers: { 'retry-after': '1' } } : undefined;
    await followAndWatch();
    const [first, second] = server.requests.filter((request) => request.kind === 'watch');
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(950);
  });

  it('lists again and again until the list is answered', async () => {
    let refused = 0;
    const faults = [{ status: 500 }, 'reset', { status: 429 }, { status: 403 }] as const;
    server.fault = (request) => (request.kind === 'list' ? faults[refused++] : undefined);
    server.put(collection, widget('one'));
    const informer = await follow();
    await known(informer, 'one', 1);
    expect(refused).toBeGreaterThanOrEqual(4);
  });

  it('waits for a kind that is not served yet', async () => {
    let served = false;
    server.fault = () => (served ? undefined : { status: 404, body: '404 page not found' });
    server.put(collection, widget('one'));
    const informer = await follow();
    await eventually('some attempts', () => server.count('list') > 3);
    expect(informer.synced).toBe(false);
    served = true;
    await known(informer, 'one', 1);
  });

  it('resumes after the connection was reset, without a new list and without a doubled event', async () => {
    const informer = await followAndWatch();
    server.put(collection, widget('one'));
    await known(informer, 'one', 1);
    server.endWatches('reset');
    server.put(collection, widget('two'));
    await known(informer, 'two', 1);
    expect(server.count('list')).toBe(1);
    expect(seen).toHaveLength(2);
  });

  it('backs off from a server that closes every watch at once, and recovers', async () => {
    let broken = true;
    server.fault = (request) => (request.kind === 'watch' && broken ? { lines: [], after: 'end' } : undefined);
    const informer = await follow({ backOffBaseMs: 20, backOffMaxMs: 10_000 });
    await informer.whenSynced();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    // 20, 40, 80, ... ms (at least half of each): seven or eight attempts; a loop would have made thousands.
    expect(server.count('watch')).toBeLessThan(12);
    expect(server.count('list')).toBe(1);
    broken = false;
    server.put(collection, widget('after'));
    await known(informer, 'after', 1);
  });

  it('lists again after an ERROR event', async () => {
    const informer = await followAndWatch();
    const status = {
      kind: 'Status',
      code: 500,
      reason: 'InternalError',
      message: 'etcd event received with PrevKv=nil',
    };
    server.put(collection, widget('one'));
    server.sendLine(JSON.stringify({ type: 'ERROR', object: status }));
    await eventually('a second list', () => server.count('list') === 2);
    await watching();
    server.put(collection, widget('one', 5));
    await known(informer, 'one', 5);
    expect(seen).toHaveLength(2);
  });

  for (const how of ['status', 'event'] as const) {
    it(`lists again after 410 as ${how}, and tells what changed meanwhile`, async () => {
      server.put(collection, widget('stays'));
      server.put(collection, widget('changes'));
      server.put(collection, widget('goes'));
      const informer = await followAndWatch();
      seen.length = 0;
      let refused = 0;
      const gone = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' };
      if (how === 'event') {
        const line = JSON.stringify({ type: 'ERROR', object: gone });
        server.fault = (request) =>
          request.kind === 'watch' && refused++ === 0 ? { lines: [line], after: 'end' } : undefined;
      }
      server.silenceWatches();
      server.put(collection, widget('changes', 2));
      server.remove(collection, key('goes'));
      server.put(collection, widget('comes'));
      if (how === 'status') server.compact();
      reconnect();
      await known(informer, 'comes', 1);
      expect(seen.map((event) => event.split(' uid')[0]).sort()).toEqual([
        'added comes',
        'deleted goes',
        'modified changes',
      ]);
      expect(server.count('list')).toBe(2);
      // The first, the one that was refused, the one after the new list: the refused position is not tried again.
      await eventually('the last watch', () => server.count('watch') === 3);
    });
  }

  it('shows deletion and re-creation while away as deleted and added', async () => {
    server.put(collection, widget('phoenix'));
    await followAndWatch();
    seen.length = 0;
    server.silenceWatches();
    server.remove(collection, key('phoenix'));
    server.put(collection, widget('phoenix', 2));
    server.compact();
    reconnect();
    await eventually('two events', () => seen.length === 2);
    expect(seen).toEqual(['deleted phoenix uid-1 1', 'added phoenix uid-2 2']);
  });

  it('keeps going when a handler throws', async () => {
    const informer = await followAndWatch();
    informer.onEvent(() => {
      throw new Error('handler is broken');
    });
    server.put(collection, widget('one'));
    server.put(collection, widget('one', 2));
    await known(informer, 'one', 2);
    server.put(collection, widget('one', 3));
    await known(informer, 'one', 3);
    expect([server.count('watch'), server.count('list')]).toEqual([1, 1]);
    expect(log.filter((line) => line.includes('handler is broken'))).toHaveLength(3);
  });

  it('resumes a quiet kind from its bookmark, however much was forgotten before it', async () => {
    server.put(collection, widget('one'));
    const informer = await followAndWatch();
    server.compact();
    server.bookmark();
    server.endWatches();
    await eventually('a second watch', () => server.count('watch') >= 2);
    server.put(collection, widget('one', 2));
    await known(informer, 'one', 2);
    expect(server.count('list')).toBe(1);
  });

  it('notices a half-open connection and resumes', async () => {
    const informer = await followAndWatch({ idleTimeoutMs: 300 });
    server.silenceWatches();
    server.put(collection, widget('unheard'));
    await known(informer, 'unheard', 1);
    expect(server.count('list')).toBe(1);
    expect(server.count('watch')).toBeGreaterThanOrEqual(2);
  });

  it('cuts a watch off that does not end by itself', async () => {
    let first = true;
    server.fault = (request) => {
      if (request.kind !== 'watch' || !first) return undefined;
      first = false;
      return { lines: [], after: 'silence' };
    };
    const informer = await follow({ watchMinSeconds: 0, watchMaxSeconds: 0, overtimeMs: 200 });
    await eventually('the endless watch', () => server.count('watch') === 1);
    server.put(collection, widget('unheard'));
    await known(informer, 'unheard', 1);
    expect(server.count('list')).toBe(1);
  });

  it('asks for an end of the watch at a random time of five to ten minutes, and for bookmarks', async () => {
    await followAndWatch();
    const query = watchRequest().query;
    expect(Number(query.get('timeoutSeconds'))).toBeGreaterThanOrEqual(300);
    expect(Number(query.get('timeoutSeconds'))).toBeLessThanOrEqual(600);
    expect(query.get('allowWatchBookmarks')).toBe('true');
  });

  it('lists again after a line that is not JSON, and keeps its text out of the log', async () => {
    const informer = await followAndWatch();
    server.sendLine('{"type":"ADDED","object":{"data":"c2VjcmV0"');
    await eventually('a second list', () => server.count('list') === 2);
    server.put(collection, widget('one'));
    await known(informer, 'one', 1);
    expect(log.join('')).not.toContain('c2VjcmV0');
  });

  it('lists again after a line that is JSON but no event', async () => {
    const informer = await followAndWatch();
    server.sendLine('{"type":"ADDED","object":{}}');
    await eventually('a second list', () => server.count('list') === 2);
    server.put(collection, widget('one'));
    await known(informer, 'one', 1);
  });

  it('drops a last line that was cut off, and gets the event again', async () => {
    const informer = await followAndWatch();
    server.fault = () => undefined;
    const stored = server.put(collection, widget('one'));
    await known(informer, 'one', 1);
    let first = true;
    const half = JSON.stringify({ type: 'MODIFIED', object: { ...stored, spec: { size: 9 } } }).slice(0, 40);
    server.fault = (request) => {
      if (request.kind !== 'watch' || !first) return undefined;
      first = false;
      return { lines: [half], after: 'reset' };
    };
    server.endWatches();
    server.put(collection, widget('one', 2));
    await known(informer, 'one', 2);
    expect(informer.cache.size).toBe(1);
  });

  it('never goes back when it reconnects to a server that is behind', async () => {
    const old = server.put(collection, widget('one'));
    server.put(collection, widget('one', 2));
    const gone = server.put(collection, widget('gone'));
    server.remove(collection, key('gone'));
    const informer = await followAndWatch();
    seen.length = 0;
    let first = true;
    server.fault = (request) => {
      if (request.kind !== 'watch' || !first) return undefined;
      first = false;
      const stale = [
        { type: 'MODIFIED', object: old },
        { type: 'ADDED', object: gone },
      ];
      return { lines: stale.map((line) => JSON.stringify(line)), after: 'end' };
    };
    server.endWatches();
    await watching();
    server.put(collection, widget('two'));
    await known(informer, 'two', 1);
    expect(seen.map((event) => event.split(' uid')[0])).toEqual(['added two']);
    expect(informer.cache.get(key('one'))?.spec?.size).toBe(2);
    const versions = server.requests
      .filter((request) => request.kind === 'watch')
      .map((request) => Number(request.query.get('resourceVersion')));
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  it('refuses a list that is older than what it saw, but believes it in the end (a restored backup)', async () => {
    const one = server.put(collection, widget('one'));
    server.put(collection, widget('one', 2));
    const informer = await followAndWatch();
    let older = 0;
    const list = { metadata: { resourceVersion: one.metadata.resourceVersion }, items: [one] };
    server.fault = (request) => {
      if (request.kind !== 'list') return undefined;
      older++;
      return { status: 200, body: JSON.stringify(list) };
    };
    server.sendLine('not json');
    await eventually('the older version', () => seen.includes(`modified one ${one.metadata.uid} 1`));
    expect(older).toBe(5);
    await known(informer, 'one', 2);
    expect(log.some((line) => line.includes('"level":"error"') && line.includes('went back'))).toBe(true);
  });

  function watchRequest(): SeenRequest {
    const request = server.requests.find(({ kind }) => kind === 'watch');
    if (request === undefined) throw new Error('no watch was asked for');
    return request;
  }

  /** Cuts connections whose watches were silenced, as if the network came back. */
  function reconnect(): void {
    server.endWatches('reset');
    server.cutConnections();
  }
});
