import { beforeEach, describe, expect, it } from 'vitest';
import { ObjectCache } from './cache.ts';
import type { KubeObject } from './kube-object.ts';
import { createLogger } from './logger.ts';
import { isNewer } from './resource-version.ts';

interface Widget extends KubeObject {
  readonly spec: { readonly owner: string; readonly tags?: readonly string[] };
}

const logger = createLogger({ level: 'silent', format: 'json' });
let events: string[];

function cacheOf(options: Partial<ConstructorParameters<typeof ObjectCache<Widget>>[0]> = {}): ObjectCache<Widget> {
  return new ObjectCache<Widget>({
    logger,
    emit: ({ type, object, initial }) => {
      const { name, resourceVersion } = object.metadata;
      events.push(`${type}${initial ? ' initially' : ''} ${name}@${resourceVersion}`);
    },
    ...options,
  });
}

function widget(name: string, version: number, metadata: Partial<KubeObject['metadata']> = {}, owner = 'x'): Widget {
  return {
    metadata: { namespace: 'a', name, uid: `uid-${name}`, resourceVersion: String(version), ...metadata },
    spec: { owner },
  };
}

const key = (name: string) => ({ namespace: 'a', name });

beforeEach(() => {
  events = [];
});

describe('isNewer', () => {
  it('compares versions as integers, beyond 2^53', () => {
    expect(isNewer('10', '9')).toBe(true);
    expect(isNewer('9', '10')).toBe(false);
    expect(isNewer('9007199254740993', '9007199254740992')).toBe(true);
    expect(isNewer('7', '7')).toBe(false);
    expect(isNewer('1', undefined)).toBe(true);
    expect(isNewer(undefined, '1')).toBe(false);
  });
});

describe('ObjectCache', () => {
  it('takes thousands of removals of our own in, and their late events, in a time that grows with their number', () => {
    const cache = cacheOf({ emit: () => undefined });
    const count = 20_000;
    const names = Array.from({ length: count }, (_, index) => `w${index}`);
    cache.replace(
      undefined,
      names.map((name, index) => widget(name, index + 1, { finalizers: ['f'] })),
      String(count),
      false,
    );
    const deletionTimestamp = '2026-01-01T00:00:00Z';
    const gone = names.map((name, index) => widget(name, count + index + 1, { deletionTimestamp }));
    for (const one of gone) cache.observe(one);
    expect(cache.size).toBe(0);
    const began = performance.now();
    for (const one of gone) cache.apply(undefined, 'DELETED', one);
    expect(performance.now() - began).toBeLessThan(1_500);
    // What is made under a name again is taken in.
    cache.apply(undefined, 'ADDED', widget('w0', 3 * count, { uid: 'new' }));
    expect(cache.get(key('w0'))?.metadata.uid).toBe('new');
  });

  it('freezes objects all the way down and drops managedFields', () => {
    const cache = cacheOf();
    const raw = widget('one', 1, { managedFields: [{ manager: 'm' }], labels: { a: 'b' } });
    cache.replace(undefined, [raw], '1', false);
    const kept = cache.get(key('one'));
    expect(kept?.metadata).not.toHaveProperty('managedFields');
    expect(Object.isFrozen(kept)).toBe(true);
    expect(Object.isFrozen(kept?.metadata.labels)).toBe(true);
    expect(Object.isFrozen(kept?.spec)).toBe(true);
  });

  it('keeps lists by namespace and by index through changes and deletions', () => {
    const cache = cacheOf();
    cache.addIndexer('owner', (object) => [object.spec.owner]);
    cache.replace(undefined, [widget('one', 1), widget('two', 2), widget('else', 3, { namespace: 'b' })], '3', false);
    expect(cache.list('a')).toHaveLength(2);
    expect(cache.list('nowhere')).toEqual([]);
    expect(cache.byIndex('owner', 'x')).toHaveLength(3);
    cache.apply(undefined, 'MODIFIED', widget('one', 4, {}, 'y'));
    expect(cache.byIndex('owner', 'x').map((object) => object.metadata.name)).toEqual(['two', 'else']);
    expect(cache.byIndex('owner', 'y').map((object) => object.metadata.name)).toEqual(['one']);
    cache.apply(undefined, 'DELETED', widget('one', 5, {}, 'y'));
    expect(cache.byIndex('owner', 'y')).toEqual([]);
    expect(cache.list()).toHaveLength(2);
    expect(() => cache.byIndex('colour', 'x')).toThrow('there is no index "colour"');
  });

  it('indexes what is there when an index is added late, and survives an indexer that throws', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.addIndexer('owner', (object) => [object.spec.owner]);
    cache.addIndexer('broken', () => {
      throw new Error('no');
    });
    expect(cache.byIndex('owner', 'x')).toHaveLength(1);
    expect(cache.byIndex('broken', 'x')).toEqual([]);
  });

  it('shows another UID under the same name as deleted and added', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.apply(undefined, 'MODIFIED', widget('one', 5, { uid: 'other' }));
    expect(events).toEqual(['added initially one@1', 'deleted one@1', 'added one@5']);
  });

  it('drops an object whose transformation fails rather than keep it whole', () => {
    const cache = cacheOf({
      transform: () => {
        throw new Error('no');
      },
    });
    cache.replace(undefined, [widget('one', 1)], '1', false);
    expect(cache.size).toBe(0);
  });
});

describe('observeAbsence', () => {
  it('drops an object that a list did not have, and the events from before that list', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1), widget('two', 2)], '2', false);
    cache.observeAbsence(widget('one', 1), '6');
    expect(cache.get(key('one'))).toBeUndefined();
    expect(cache.apply(undefined, 'MODIFIED', widget('one', 4))).toBe(true);
    expect(cache.get(key('one'))).toBeUndefined();
    cache.apply(undefined, 'ADDED', widget('one', 8, { uid: 'successor' }));
    expect(cache.get(key('one'))?.metadata.uid).toBe('successor');
    expect(events).toEqual(['added initially one@1', 'added initially two@2', 'deleted one@1', 'added one@8']);
  });

  it('keeps an object that was changed or made after the list', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1), widget('two', 2)], '2', false);
    cache.observe(widget('one', 9));
    cache.observeAbsence(widget('one', 1), '6');
    cache.observeAbsence(widget('two', 2, { uid: 'former' }), '6');
    expect(cache.get(key('one'))?.metadata.resourceVersion).toBe('9');
    expect(cache.get(key('two'))).toBeDefined();
  });
});

describe('observe', () => {
  it('shows a write at once, and drops the event of the watch for it', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.observe(widget('one', 5, {}, 'y'));
    expect(cache.get(key('one'))?.spec.owner).toBe('y');
    cache.apply(undefined, 'MODIFIED', widget('one', 5, {}, 'y'));
    expect(events.slice(1)).toEqual(['modified one@5']);
  });

  it('drops events of the watch that are older than the write', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.observe(widget('one', 5, {}, 'new'));
    cache.apply(undefined, 'MODIFIED', widget('one', 3, {}, 'old'));
    expect(cache.get(key('one'))?.spec.owner).toBe('new');
    cache.apply(undefined, 'MODIFIED', widget('one', 6, {}, 'newest'));
    expect(cache.get(key('one'))?.spec.owner).toBe('newest');
  });

  it('does not bring back what the watch has already shown deleted', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.apply(undefined, 'DELETED', widget('one', 6));
    cache.observe(widget('one', 5));
    expect(cache.get(key('one'))).toBeUndefined();
  });

  it('survives a list that is older than the write: neither removed nor rolled back', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.observe(widget('one', 8, {}, 'new'));
    cache.observe(widget('made', 9));
    cache.replace(undefined, [widget('one', 1)], '7', false);
    expect(cache.get(key('one'))?.spec.owner).toBe('new');
    expect(cache.get(key('made'))).toBeDefined();
    cache.replace(undefined, [widget('one', 8, {}, 'new')], '12', false);
    expect(cache.get(key('made'))).toBeUndefined();
  });

  it('takes the write before the first list in', () => {
    const cache = cacheOf();
    cache.observe(widget('made', 9));
    cache.replace(undefined, [], '7', false);
    expect(cache.get(key('made'))).toBeDefined();
  });

  it('removes an object whose last finalizer the write took off, and older events do not bring it back', () => {
    const cache = cacheOf();
    const deleted = { deletionTimestamp: '2026-01-01T00:00:00Z' };
    cache.replace(undefined, [widget('one', 1, { ...deleted, finalizers: ['f'] })], '1', false);
    cache.observe(widget('one', 5, deleted));
    expect(cache.get(key('one'))).toBeUndefined();
    cache.apply(undefined, 'MODIFIED', widget('one', 3, { ...deleted, finalizers: ['f'] }));
    cache.apply(undefined, 'DELETED', widget('one', 6, deleted));
    expect(events).toEqual(['added initially one@1', 'deleted one@5']);
    cache.apply(undefined, 'ADDED', widget('one', 7, { uid: 'other' }));
    expect(cache.get(key('one'))?.metadata.uid).toBe('other');
  });

  it('keeps a successor that was written before the watch shows the deletion of its predecessor', () => {
    const cache = cacheOf();
    cache.replace(undefined, [widget('one', 1)], '1', false);
    cache.observe(widget('one', 5, { uid: 'other' }));
    cache.apply(undefined, 'DELETED', widget('one', 4));
    expect(cache.get(key('one'))?.metadata.uid).toBe('other');
    expect(events).toEqual(['added initially one@1', 'deleted one@1', 'added one@5']);
  });

  it('ignores objects outside of its namespaces and selectors, and drops one that left the selection', () => {
    const cache = cacheOf({
      namespaces: ['a'],
      labelSelector: 'team in (red, blue),!hidden',
      fieldSelector: 'spec.owner=x',
    });
    cache.observe(widget('elsewhere', 2, { namespace: 'b', labels: { team: 'red' } }));
    cache.observe(widget('unlabelled', 3));
    cache.observe(widget('hidden', 4, { labels: { team: 'red', hidden: '' } }));
    cache.observe(widget('theirs', 5, { labels: { team: 'red' } }, 'y'));
    expect(cache.size).toBe(0);
    cache.observe(widget('ours', 6, { labels: { team: 'blue' } }));
    expect(cache.get(key('ours'))).toBeDefined();
    cache.observe(widget('ours', 8, { labels: { team: 'green' } }));
    cache.apply('a', 'MODIFIED', widget('ours', 7, { labels: { team: 'blue' } }));
    expect(cache.get(key('ours'))).toBeUndefined();
    cache.observe(widget('ours', 9, { labels: { team: 'red' } }));
    expect(cache.get(key('ours'))).toBeDefined();
  });
});
