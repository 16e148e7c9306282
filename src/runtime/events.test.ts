import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { eventually } from '../../test/faults/eventually.ts';
import { ManualClock } from '../../test/faults/manual-clock.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError } from './api-error.ts';
import { BackgroundEventRecorder, cutBytes } from './events.ts';
import type { KubeObject } from './kube-object.ts';
import { createLogger } from './logger.ts';

interface Written extends KubeObject {
  readonly note?: string;
  readonly eventTime?: string;
  readonly regarding?: object;
  readonly series?: { readonly count: number };
}

const widget = (name: string): KubeObject => ({
  apiVersion: 'example.org/v1',
  kind: 'Widget',
  metadata: { namespace: 'a', name, uid: `uid-${name}`, resourceVersion: '7' },
});
const content = { type: 'Normal', reason: 'Made', action: 'Make', note: 'it was made' } as const;

describe('the event recorder', () => {
  let clock: ManualClock;
  let created: Written[];
  let patched: Written[];
  let failure: ApiError | undefined;
  let attempts: number;
  let recorder: BackgroundEventRecorder;

  beforeEach(() => {
    clock = new ManualClock();
    created = [];
    patched = [];
    failure = undefined;
    attempts = 0;
    const client: Pick<ApiClient, 'create' | 'mergePatch'> = {
      create: async (_type, object) => {
        attempts++;
        if (failure) throw failure;
        created.push(object);
        return object;
      },
      mergePatch: async (_type, name, patch) => {
        attempts++;
        if (failure) throw failure;
        patched.push({ metadata: name, ...patch });
        return Object.create(null);
      },
    };
    recorder = new BackgroundEventRecorder({
      client,
      reportingController: 'example.org/test',
      reportingInstance: 'pod-1',
      logger: createLogger({ level: 'silent', format: 'json' }),
      clock,
    });
  });

  afterEach(() => recorder.flush(0));

  it('stores an event about the object', async () => {
    recorder.event(widget('one'), content);
    await clock.advance(0);
    expect(created).toHaveLength(1);
    expect(created[0]).toMatchObject({
      metadata: { namespace: 'a', name: expect.stringMatching(/^one\.[0-9a-f]{16}$/) },
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'example.org/test',
      reportingInstance: 'pod-1',
      regarding: { apiVersion: 'example.org/v1', kind: 'Widget', name: 'one', namespace: 'a', uid: 'uid-one' },
      ...content,
    });
  });

  it('counts repetitions in one series that is written once a minute', async () => {
    for (let second = 0; second < 130; second++) {
      recorder.event(widget('one'), content);
      await clock.advance(1_000);
    }
    expect(created).toHaveLength(1);
    expect(patched.map((event) => event.series?.count)).toEqual([60, 120]);
    expect(patched[0]?.metadata.name).toBe(created[0]?.metadata.name);
    await recorder.flush(1_000);
    expect(patched.at(-1)?.series?.count).toBe(130);
  });

  it('makes a new event after ten quiet minutes, and for another note', async () => {
    recorder.event(widget('one'), content);
    await clock.advance(10 * 60_000);
    recorder.event(widget('one'), content);
    recorder.event(widget('one'), { ...content, note: 'something else' });
    await clock.advance(0);
    expect(created).toHaveLength(3);
  });

  it('stores at most 25 new events of one object at once', async () => {
    for (let index = 0; index < 100; index++) recorder.event(widget('one'), { ...content, note: `number ${index}` });
    recorder.event(widget('two'), content);
    await clock.advance(0);
    await eventually('all events', () => created.length === 26);
  });

  it('drops what is refused, and tries again what failed in passing', async () => {
    failure = new ApiError({ method: 'POST', path: '/e', status: 403, reason: 'Forbidden' });
    recorder.event(widget('one'), content);
    await clock.advance(10_000);
    expect(attempts).toBe(1);
    failure = new ApiError({ method: 'POST', path: '/e', status: 500, reason: 'InternalError' });
    recorder.event(widget('two'), content);
    await clock.advance(500);
    failure = undefined;
    await clock.advance(10_000);
    expect(created.map((event) => event.metadata.name.split('.')[0])).toEqual(['two']);
    recorder.event(widget('one'), content);
    await clock.advance(0);
    expect(created).toHaveLength(2);
  });

  it('keeps a bounded number of events when the server does not answer', async () => {
    failure = new ApiError({ method: 'POST', path: '/e', status: 0, reason: 'Timeout' });
    for (let index = 0; index < 5_000; index++) recorder.event(widget(`w${index}`), content);
    await clock.advance(0);
    failure = undefined;
    await clock.advance(10_000);
    await eventually('the kept ones', () => created.length >= 1_000);
    expect(created.length).toBeLessThanOrEqual(1_001);
  });

  it('drops the events of those who cause very many, and of no one else', async () => {
    const objectOf = (namespace: string, name: string): KubeObject => {
      const { metadata, ...rest } = widget(name);
      return { ...rest, metadata: { ...metadata, namespace } };
    };
    // The first is being sent and can't be: all others wait.
    failure = new ApiError({ method: 'POST', path: '/e', status: 0, reason: 'Timeout' });
    for (let index = 0; index < 5_000; index++) {
      for (const loud of ['loud-1', 'loud-2']) recorder.event(objectOf(loud, `w${index}`), content);
      if (index % 100 === 0) recorder.event(objectOf('quiet', `w${index}`), content);
    }
    recorder.event(objectOf('late', 'w'), content);
    await clock.advance(0);
    failure = undefined;
    await clock.advance(10_000);
    await eventually('the kept ones', () => created.length >= 1_000);
    const stored = Map.groupBy(created, ({ metadata }) => metadata.namespace);
    expect([stored.get('quiet')?.length, stored.get('late')?.length]).toEqual([50, 1]);
    // They have their turns between the many.
    const order = created.map(({ metadata }) => metadata.namespace);
    expect(order.lastIndexOf('quiet')).toBeLessThan(250);
    expect(order.indexOf('late')).toBeLessThan(10);
  });

  it('remembers repetitions of one namespace whatever the others do', async () => {
    recorder.event(widget('one'), content);
    await clock.advance(0);
    for (let index = 0; index < 10_000; index++) {
      const { metadata, ...rest } = widget(`w${index}`);
      recorder.event({ ...rest, metadata: { ...metadata, namespace: 'loud' } }, content);
    }
    recorder.event(widget('one'), content);
    await clock.advance(120_000);
    const ofOne = [...created, ...patched].filter(({ metadata }) => metadata.name.startsWith('one.'));
    expect(ofOne.map(({ series }) => series?.count)).toEqual([undefined, 2]);
  });
});

describe('cutBytes', () => {
  it('cuts between characters', () => {
    expect(cutBytes('abc', 3)).toBe('abc');
    expect(cutBytes('abcd', 3)).toBe('abc');
    expect(cutBytes('aää', 4)).toBe('aä');
    expect(cutBytes('a𝄞', 4)).toBe('a');
  });
});
